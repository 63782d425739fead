/*
 * A real adaptor process (icorp-adaptor) in a namespace (NULL: this one), driven over its own protocol as a controller drives it, but
 * waiting for each batch's answers.
 */
#ifndef BENCH_LOAD_ADAPTOR_H
#define BENCH_LOAD_ADAPTOR_H

#include "adaptors/client.h"
#include "adaptors/process.h"

struct bench_adaptor {
	struct event_base *base;
	struct adaptor_process process;
	struct adaptor_client *client;
	unsigned outstanding;           /* answers to come */
	unsigned failed;                /* answers that were not 0 */
	int down;
	const char *asked;              /* of show: a number's name, */
	unsigned long number;           /* and what it was */
	char why[ADAPTOR_REASON + 32];  /* of the last that failed */
};

/* Starts it there and waits until it serves. 0, or -1 after having said why; close it in either case. */
int bench_adaptor_open(struct bench_adaptor *a, const char *directory, const char *namespace, const char *type,
		       const struct adaptor_option *options, size_t n_options);
/* Sends terms; bench_adaptor_wait waits for the answers. 0, or -1 after having said why: an answer was not 0. */
int bench_adaptor_apply(struct bench_adaptor *a, const struct adaptor_terms *terms);
int bench_adaptor_revoke(struct bench_adaptor *a, const struct adaptor_terms *terms);
int bench_adaptor_wait(struct bench_adaptor *a);
/* The number that `show` has first under that name. 0, or -1 after having said why. */
int bench_adaptor_number(struct bench_adaptor *a, const char *name, unsigned long *number);
void bench_adaptor_close(struct bench_adaptor *a);

/* Terms of an ICorp of capacity class constant: all of the prefix is guaranteed rate_bps, out of this interface. */
struct adaptor_terms bench_adaptor_terms(uint32_t icorp, struct prefix prefix, const char *ifname, uint64_t rate_bps);

#endif
