/*
 * A backend of the tc technology that prints what it is told and remembers it, like a kernel: classes per link, a
 * map, a clock that is moved by hand. Drift and faults can be put in.
 */
#ifndef ICORP_TEST_TC_FAKE_H
#define ICORP_TEST_TC_FAKE_H

#include <stdio.h>

#include "adaptors/tc.h"

#define FAKE_LINKS 4
#define FAKE_CLASSES 256
#define FAKE_ELEMENTS 128

struct fake_link { char ifname[ADAPTOR_IFNAME]; unsigned ifindex; int root; struct tc_class class[FAKE_CLASSES]; };

struct fake {
	FILE *out;
	struct fake_link link[FAKE_LINKS];
	size_t n_links;
	struct tc_element element[FAKE_ELEMENTS];
	size_t n_elements;
	uint64_t maps;              /* by the length of their prefixes */
	uint64_t now_us;
	unsigned fail_nft;         /* transactions to refuse */
	unsigned fail_minor;       /* a class to refuse */
};

extern const struct tc_backend fake_backend;

/* The link of that name, made when it is not there. */
struct fake_link *fake_link(struct fake *f, const char *ifname);
/* Takes a map element away, as a timeout would. */
void fake_drop_element(struct fake *f, struct prefix prefix);

#endif
