/*
 * The thermostat: when does an ISC ask for more cpu, and when does it give some back? A pure function of (time, use,
 * level, price); see policy.c for the rules.
 */
#ifndef ICORP_AGENT_POLICY_H
#define ICORP_AGENT_POLICY_H

#include <stdint.h>

struct policy_config {
	int enabled;
	unsigned high_permille, low_permille; /* ask for more above, for less below */
	unsigned band_permille;          /* hysteresis: a condition ends only this far on the other side */
	uint64_t high_us, low_us;        /* for how long it must last */
	uint64_t cooldown_us;            /* between two demands; doubles after each refusal, up to 16 times */
	unsigned steps;                  /* per demand */
	uint64_t budget_micro;           /* never ask for more when the price would exceed this; 0: no limit */
};

/* 80 %, 20 %, 5 %; 3 s, 60 s, 10 s; one step; no budget; enabled. */
extern const struct policy_config policy_default;

enum policy_zone { POLICY_COMFORT, POLICY_HOT, POLICY_COLD };
const char *policy_zone_name(enum policy_zone zone);

struct policy {
	struct policy_config config;
	enum policy_zone zone;
	uint64_t since_us;               /* when the zone was entered */
	uint64_t quiet_until_us;         /* cool-down */
	unsigned refusals;               /* in a row */
	int pending;                     /* direction of the demand under way; 0: none */
	uint64_t floor;                  /* the level it began with; 0: not known yet */
	long net_steps;                  /* asked and got, more minus less */
	int learning;                    /* the next higher level shows what a step is worth */
	uint64_t asked_at_level, asked_at_price;
	uint64_t step_level, step_price; /* what the last successful demand for more moved; 0: not known */
};

/* What it sees at each turn. level and price_micro: 0 when not known. */
struct policy_view { unsigned use_permille; uint64_t level, price_micro; };

/* config is copied. */
void policy_init(struct policy *policy, const struct policy_config *config);

/* Takes one measurement. +1: ask for config.steps more; -1: for less; 0: nothing. After a nonzero answer it stays
 * quiet until policy_answer() or policy_unasked(). */
int policy_input(struct policy *policy, const struct policy_view *view, uint64_t now_us);

/* The demand it asked for came back: got is 1 when applied (at least in part), 0 when refused or unanswered. */
void policy_answer(struct policy *policy, int got, const struct policy_view *after, uint64_t now_us);
/* Somebody else's demand was applied: both waits begin anew. */
void policy_moved(struct policy *policy, uint64_t now_us);
/* The demand could not be sent (another is under way): it will ask again. */
void policy_unasked(struct policy *policy, uint64_t now_us);

#endif
