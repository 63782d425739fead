/*
 * From one CORE_APPLY to several adaptor processes and back to one core_applied: which adaptors are concerned, who has
 * answered, what they said together. Of a session at rest nothing is kept here: which adaptors may hold something of it
 * (a bit each) the caller is told, and says.
 */
#ifndef ICORP_SIGNALD_DISPATCH_H
#define ICORP_SIGNALD_DISPATCH_H

#include "adaptors/client.h"
#include "signald/config.h"

struct dispatch;
struct launcher;
struct writer;

struct dispatch_hooks {
	/* All concerned adaptors have answered the commit `cookie`; or, with -EAGAIN, one of them has put it off and says
	 * what it waits for: the commit is under way still. */
	void (*applied)(void *ctx, struct adaptor_key key, uint64_t cookie, const struct adaptor_result *result);
	/* Some adaptor no longer has, or could not renew, what it was told of this session: it is to be applied again.
	 * Never during a call below, but for dispatch_apply, after `applied`. */
	void (*lost)(void *ctx, struct adaptor_key key);
	/* These adaptors are new processes: all sessions of which they held something are to be applied again. */
	void (*restarted)(void *ctx, uint16_t adaptors);
	/* What the adaptor of this number finds of a former life, as JSON (adaptor.h); NULL: it cannot say, and why. Each is
	 * asked whenever it has been started, and by dispatch_ask_inventory. */
	void (*found)(void *ctx, size_t adaptor, const char *json, const char *why);
	/* What the audit of the adaptor of this number found. */
	void (*audited)(void *ctx, size_t adaptor, const char *instance, const struct adaptor_answer *answer);
	/* A switch's ports and learnt MACs, as JSON (adaptor.h). */
	void (*ports)(void *ctx, const char *json);
	/* An adaptor came up, went down, or began or ceased to wait for something. */
	void (*state)(void *ctx);
	/* The text of a query asked with dispatch_query. */
	void (*shown)(void *ctx, uint64_t cookie, const char *instance, const char *json, const char *error);
	void *ctx;
};

/* Has the launcher start every configured adaptor. 0 or -errno. */
int dispatch_new(struct event_base *base, struct launcher *launcher, const struct signald_config *config,
		 const struct dispatch_hooks *hooks, struct dispatch **out);
void dispatch_free(struct dispatch *d);

/* Adds one adaptor's word (its instance's) to what all say of a session: the first error wins. Of each resource counts the word
 * of who could not do all, else of who holds to it most; one that gives no reason has the other's. */
void dispatch_merge(struct adaptor_result *into, const struct adaptor_result *from, const char *instance);

#define DISPATCH_ALL 0xffffu
#define DISPATCH_MAX_ADAPTORS 16

/* held: the adaptors that may hold something of the session, as the last apply returned it; 0: none. */
uint16_t dispatch_apply(struct dispatch *d, const struct adaptor_terms *terms, uint64_t cookie, uint16_t held);
void dispatch_revoke(struct dispatch *d, struct adaptor_key key, uint16_t held);
/* Its terms are as they were applied: what times out is renewed soon, many sessions at once. */
void dispatch_renew(struct dispatch *d, struct adaptor_key key, uint16_t held);
/* Tells the adaptors which sessions there should be: what else carries our mark goes. */
void dispatch_audit(struct dispatch *d, uint16_t adaptors, const struct adaptor_key *keys, size_t n);
/* Asks the layer-2 adaptor, if any, for its ports. 1 when asked. */
int dispatch_ask_ports(struct dispatch *d);
/* Asks the n-th adaptor once more what it finds; hooks.found answers. 0 or -ENOMEM. */
int dispatch_ask_inventory(struct dispatch *d, size_t n);
/* Asks all adaptors (SHOW or MEASURE); hooks.shown answers each. Returns how many were asked. */
unsigned dispatch_query(struct dispatch *d, enum adaptor_request request, uint64_t cookie);
size_t dispatch_count(const struct dispatch *d);
/* The n-th adaptor's instance, type, whether it is up, and why not, or what it waits for. */
void dispatch_nth(const struct dispatch *d, size_t n, const char **instance, const char **type, int *up,
		  const char **reason);

#endif
