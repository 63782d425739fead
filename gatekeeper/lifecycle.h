/*
 * The life of an ICorp as a state x event table. Pure.
 *
 *     placed --handed--> signaling --complete--> complete <--> degraded
 *        \______________________\__________________/ \--delete--> deleting --gone--> gone
 *                 failed (ends it; kept for its reason until deleted)
 */
#ifndef ICORP_GATEKEEPER_LIFECYCLE_H
#define ICORP_GATEKEEPER_LIFECYCLE_H

enum life {
	LIFE_PLACED,     /* stored; its leader has not been told yet */
	LIFE_SIGNALING,  /* the leader has it */
	LIFE_COMPLETE,   /* every endpoint confirmed: its name is in DNS */
	LIFE_DEGRADED,   /* some endpoint is missing; the name stays */
	LIFE_FAILED,     /* refused by an element or given up: nothing of it is left, but the reason */
	LIFE_DELETING,   /* the leader is to tear it down */
	LIFE_GONE,       /* to be forgotten */
};
#define LIFE_STATES 7

enum life_event {
	LIFE_HANDED,     /* `create` went out to the leader */
	LIFE_REPORT_SIGNALING, LIFE_REPORT_COMPLETE, LIFE_REPORT_DEGRADED, LIFE_REPORT_FAILED, LIFE_REPORT_GONE,
	LIFE_DELETE,     /* asked for, or its lifetime is over */
};
#define LIFE_EVENTS 7

enum life life_next(enum life state, enum life_event event);
const char *life_name(enum life state);
const char *life_event_name(enum life_event event);
/* 0 or -1. */
int life_parse(const char *name, enum life *out);
/* Nothing more happens by itself: what a long poll waits for. */
int life_settled(enum life state);
/* Its servers' shares, addresses and name are spoken for. */
int life_holds(enum life state);
/* Its name is to be in DNS, once it has been complete. */
int life_serves(enum life state);

#endif
