/*
 * The table of lifecycle.h. What a change entails is in icorps.c (one function); here is only what follows what.
 */
#include <string.h>

#include "gatekeeper/lifecycle.h"

#define P LIFE_PLACED
#define S LIFE_SIGNALING
#define C LIFE_COMPLETE
#define D LIFE_DEGRADED
#define F LIFE_FAILED
#define X LIFE_DELETING
#define G LIFE_GONE

static const enum life table[LIFE_STATES][LIFE_EVENTS] = {
	/*                  handed signaling complete degraded failed gone delete */
	[LIFE_PLACED]    = {S,     S,        C,       D,       F,     F,   G},
	[LIFE_SIGNALING] = {S,     S,        C,       D,       F,     F,   X},
	[LIFE_COMPLETE]  = {C,     S,        C,       D,       F,     F,   X},
	[LIFE_DEGRADED]  = {D,     D,        C,       D,       F,     F,   X},
	[LIFE_FAILED]    = {F,     F,        F,       F,       F,     F,   G},
	[LIFE_DELETING]  = {X,     X,        X,       X,       X,     G,   X},
	[LIFE_GONE]      = {G,     G,        G,       G,       G,     G,   G},
};

static const char *const names[] = {"placed", "signaling", "complete", "degraded", "failed", "deleting", "gone"};
static const char *const event_names[] = {"handed", "reported signaling", "reported complete", "reported degraded",
					  "reported failed", "reported gone", "delete"};

enum life life_next(enum life state, enum life_event event)
{
	return table[state][event];
}

const char *life_name(enum life state)
{
	return (unsigned)state < LIFE_STATES ? names[state] : "?";
}

const char *life_event_name(enum life_event event)
{
	return (unsigned)event < LIFE_EVENTS ? event_names[event] : "?";
}

int life_parse(const char *name, enum life *out)
{
	for (unsigned i = 0; i < LIFE_STATES; i++) {
		if (!strcmp(name, names[i])) {
			*out = (enum life)i;
			return 0;
		}
	}
	return -1;
}

int life_settled(enum life state)
{
	return state == LIFE_COMPLETE || state == LIFE_DEGRADED || state == LIFE_FAILED || state == LIFE_GONE;
}

int life_holds(enum life state)
{
	return state != LIFE_FAILED && state != LIFE_GONE;
}

int life_serves(enum life state)
{
	return state == LIFE_COMPLETE || state == LIFE_DEGRADED || state == LIFE_SIGNALING;
}
