/*
 * libicorp: what software inside an Instant Server Chunk uses to ask for more or less of a resource, and to see
 * what that did and what it costs. It talks to the ISC's controller (icorp-agent) on this machine; nothing here
 * touches the network. Needs libjansson and nothing else of this project.
 *
 *     struct icorp *ic;
 *     struct icorp_answer answer;
 *
 *     if (!icorp_connect(NULL, &ic) && !icorp_more(ic, ICORP_CPU, 1, &answer)) {
 *             printf("%s, now %.2f\n", icorp_outcome_name(answer.outcome), answer.price.micro / 1e6);
 *             icorp_answer_clear(&answer);
 *     }
 *     icorp_close(ic);
 *
 * Calls block until answered or until the timeout. They return 0 or -errno; icorp_error() then says why in words.
 * A struct icorp belongs to one thread at a time.
 */
#ifndef ICORP_H
#define ICORP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the controller listens, the second where the first's directory is read-only; the environment's ICORP_SOCKET (which
 * applications are given) overrides both. */
#define ICORP_SOCKET_PATH "/run/icorp/agent.sock"
#define ICORP_SOCKET_PATH_2 "/run/icorp-agent/agent.sock"
#define ICORP_NAME_SIZE 64

/* The values are those on the wire. Levels: bit/s, CPU shares (1024: one ordinary share), KiB, MiB. */
enum icorp_resource { ICORP_BANDWIDTH = 1, ICORP_CPU = 2, ICORP_MEMORY = 3, ICORP_DISK = 4 };
#define ICORP_RESOURCES 4

/* What became of a demand, at one element or as a whole. */
enum icorp_outcome { ICORP_IGNORED = 0, ICORP_APPLIED = 1, ICORP_PARTLY = 2, ICORP_REFUSED = 3 };

/* What an element really does for the level it granted. */
enum icorp_enforcement { ICORP_NONE = 0, ICORP_BEST_EFFORT = 1, ICORP_ENFORCED = 2 };

const char *icorp_resource_name(enum icorp_resource resource);       /* "cpu"; "?" */
int icorp_resource_parse(const char *text, enum icorp_resource *out); /* 0 or -EINVAL */
const char *icorp_outcome_name(enum icorp_outcome outcome);          /* "applied"; "?" */
const char *icorp_enforcement_name(enum icorp_enforcement enforcement); /* "best-effort"; "?" */

/* Millionths of the currency per interval. interval_s 0: not known yet. */
struct icorp_price { uint64_t micro; uint32_t interval_s; char currency[4]; };

/* For people: "12.0 Mbit/s", "1280 shares", "64 MiB"; "1.250000 EUR/h". They write into out and return it. */
const char *icorp_level_text(enum icorp_resource resource, uint64_t level, char *out, size_t room);
const char *icorp_price_text(const struct icorp_price *price, char *out, size_t room);

struct icorp_grant {
	char element[ICORP_NAME_SIZE];   /* who */
	enum icorp_outcome outcome;
	enum icorp_enforcement enforcement;
	uint64_t level;                  /* as it now is there; 0 when it is not its resource */
	char reason[128];                /* for all but applied: why */
};

/* The answer to one demand. */
struct icorp_answer {
	uint32_t sequence;
	enum icorp_resource resource;
	int direction;                   /* +1 more, -1 less */
	unsigned steps;
	int answered;                    /* 0: the leader did not answer in time; grant[] has those hops that did */
	enum icorp_outcome outcome;      /* applied: everyone did what it could; refused: someone refused */
	struct icorp_price price;        /* the new one */
	unsigned n_grants;
	struct icorp_grant *grant;       /* owned; nearest element as they came */
};
void icorp_answer_clear(struct icorp_answer *answer);

/* How the ISC stands. */
struct icorp_level {
	uint64_t level;                  /* 0: not known */
	uint64_t limit;                  /* how far the client may grow; 0: not known */
	struct icorp_answer last;        /* its last demand; sequence 0: none */
};
struct icorp_status {
	char name[ICORP_NAME_SIZE];
	uint32_t id;
	unsigned revision;
	int reserved;                    /* the host's controller confirms us: a Path came and has not lapsed */
	int up;                          /* every application runs */
	unsigned cpu_permille, memory_permille, connections;
	struct icorp_price price;
	struct icorp_level resource[ICORP_RESOURCES + 1];   /* by enum icorp_resource */
	uint64_t serial;                 /* grows with every change */
};
void icorp_status_clear(struct icorp_status *status);

struct icorp;

/* Opens path (NULL: ICORP_SOCKET from the environment, else the defaults) and asks once whether someone answers.
 * 0 and *out, which icorp_close frees; or -errno (-ENOENT, -ECONNREFUSED: no controller runs here). */
int icorp_connect(const char *path, struct icorp **out);
void icorp_close(struct icorp *ic); /* NULL is fine */
/* Why the last call failed, in words; never NULL. Valid until the next call. */
const char *icorp_error(const struct icorp *ic);
/* For each later call; the default is 15 s, longer than the controller itself waits for an answer. */
void icorp_timeout(struct icorp *ic, int timeout_ms);

/*
 * Asks for `steps` (1..1000) steps more or less. 0 and *answer (icorp_answer_clear it) when the demand was sent,
 * whatever became of it; -EBUSY: one is under way for this resource; -ENOTCONN: the ICorp is not (yet) reserved;
 * -EREMOTEIO: the controller refused for another reason.
 */
int icorp_more(struct icorp *ic, enum icorp_resource resource, unsigned steps, struct icorp_answer *answer);
int icorp_less(struct icorp *ic, enum icorp_resource resource, unsigned steps, struct icorp_answer *answer);
int icorp_status(struct icorp *ic, struct icorp_status *status);

/*
 * Watching: changed(ctx, status) runs inside icorp_dispatch() at once and then after each change. icorp_fd() is
 * readable when icorp_dispatch() has something to do; it stays the same for the life of ic. -EALREADY when watching.
 */
typedef void icorp_changed_fn(void *ctx, const struct icorp_status *status);
int icorp_watch(struct icorp *ic, icorp_changed_fn *changed, void *ctx);
void icorp_unwatch(struct icorp *ic);
int icorp_fd(const struct icorp *ic);
/* Never blocks. 0, or -errno when the controller is gone (the watch then has ended). */
int icorp_dispatch(struct icorp *ic);

#ifdef __cplusplus
}
#endif
#endif
