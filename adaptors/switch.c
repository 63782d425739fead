/* What the technologies of switches have in common: see switch.h. */
#include "adaptors/switch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/writer.h"

int switch_check_terms(const struct adaptor_terms *t, char *why, size_t room)
{
	if (t->vlan < 2 || t->vlan > 4094) {
		snprintf(why, room, "VLAN %u: 2 to 4094 can be an ICorp's", t->vlan);
		return -EINVAL;
	}
	if (!t->prefix.len || t->prefix.len > 32) {
		snprintf(why, room, "no prefix to know the ICorp's packets by");
		return -EINVAL;
	}
	return 0;
}

const struct terms_port *switch_member(const struct adaptor_terms *t, const char *ifname)
{
	for (unsigned i = 0; i < t->n_ports; i++)
		if (!strcmp(t->ports[i].ifname, ifname))
			return &t->ports[i];
	return NULL;
}

void switch_grant(const struct adaptor_terms *t, struct adaptor_result *result)
{
	struct adaptor_grant *g = &result->grants[result->n_grants++];

	*g = (struct adaptor_grant){ .resource = RESOURCE_BANDWIDTH, .outcome = OUTCOME_APPLIED,
				     .enforcement = ENFORCEMENT_BEST_EFFORT };
	for (unsigned i = 0; i < t->n_ports; i++)
		if (t->ports[i].rate_bps > g->level)
			g->level = t->ports[i].rate_bps;
	snprintf(g->reason, sizeof(g->reason), "802.1p priority %u, no rate on this switch", t->priority & 7u);
}

int switch_wanted(const struct adaptor_key *keys, size_t n, struct adaptor_key key)
{
	for (size_t i = 0; i < n; i++)
		if (adaptor_key_equal(keys[i], key))
			return 1;
	return 0;
}

void switch_write_session(struct writer *w, struct adaptor_key key, uint16_t vlan, struct prefix prefix, uint8_t priority,
			  uint64_t bytes, uint64_t packets)
{
	char leader[ADDR_TEXT], text[PREFIX_TEXT];

	writer_object(w, NULL);
	writer_uint(w, "icorp", key.icorp);
	writer_str(w, "leader", addr_text(key.leader, leader));
	writer_uint(w, "vlan", vlan);
	writer_str(w, "prefix", prefix_text(prefix, text));
	writer_uint(w, "priority", priority);
	writer_uint(w, "bytes", bytes);
	writer_uint(w, "packets", packets);
	writer_end(w);
}

int switch_fdb_add(struct switch_fdb *f, const uint8_t mac[ETHER_SIZE], uint32_t port)
{
	if (mac[0] & 1)
		return 0;
	if (f->n == f->room) {
		size_t room = f->room ? f->room * 2 : 64;
		struct switch_learnt *more = realloc(f->entry, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		f->entry = more;
		f->room = room;
	}
	memcpy(f->entry[f->n].mac, mac, ETHER_SIZE);
	f->entry[f->n++].port = port;
	return 0;
}

static int by_mac(const void *a, const void *b)
{
	const struct switch_learnt *x = a, *y = b;
	int order = memcmp(x->mac, y->mac, ETHER_SIZE);

	return order ? order : (x->port > y->port) - (x->port < y->port);
}

void switch_fdb_write(struct switch_fdb *f, const char *(*name)(void *ctx, uint32_t port), void *ctx, struct writer *w)
{
	if (f->n)
		qsort(f->entry, f->n, sizeof(*f->entry), by_mac);
	writer_array(w, "fdb");
	for (size_t i = 0; i < f->n; i++) {
		const char *port = name(ctx, f->entry[i].port);
		char mac[ETHER_TEXT];

		if (!port || (i && !by_mac(&f->entry[i - 1], &f->entry[i])))
			continue;   /* learnt in several VLANs */
		writer_object(w, NULL);
		writer_str(w, "mac", ether_text(f->entry[i].mac, mac));
		writer_str(w, "port", port);
		writer_end(w);
	}
	writer_end(w);
	free(f->entry);
	memset(f, 0, sizeof(*f));
}
