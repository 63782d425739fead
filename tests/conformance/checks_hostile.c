/*
 * Hostile terms: each has one field that nobody in his right mind sends. A reason, or done; in either case nothing is left
 * behind, and the next one is served.
 */
#include "config.h"

#include "tests/conformance/conformance.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTILE(name, code) static void hostile_##name(struct conform_terms *c) { code; }
HOSTILE(prefix_0, c->t.prefix.len = 0)
HOSTILE(prefix_33, c->t.prefix.len = 33)
HOSTILE(prefix_255, c->t.prefix.len = 255)
HOSTILE(no_port_name, memset(c->t.ports[0].ifname, 0, ADAPTOR_IFNAME))
HOSTILE(odd_port_name, strcpy(c->t.ports[0].ifname, "../x\";drop"))
HOSTILE(absent_port, strcpy(c->t.ports[0].ifname, "nosuchifname15c"))
HOSTILE(same_port_twice, if (c->t.n_ports) c->t.ports[c->t.n_ports++] = c->t.ports[0])
HOSTILE(rate, c->t.ports[0].rate_bps = c->t.ports[0].ceil_bps = UINT64_MAX)
HOSTILE(ceiling_below, c->t.ports[0].ceil_bps = 1)
HOSTILE(vlan_1, c->t.vlan = 1)
HOSTILE(vlan_4095, c->t.vlan = 4095)
HOSTILE(vlan_65535, c->t.vlan = 65535)
HOSTILE(priority, c->t.priority = 255)
HOSTILE(capacity, c->t.capacity = (enum capacity_class)99)
HOSTILE(lifetime_0, c->t.lifetime_s = 0)
HOSTILE(lifetime_max, c->t.lifetime_s = UINT32_MAX)
HOSTILE(name, strcpy(c->t.name, "</title><x a='\";\n$(x)"))
HOSTILE(control_0, c->endpoint[1].control.s_addr = 0)
HOSTILE(control_loopback, c->endpoint[1].control.s_addr = htonl(INADDR_LOOPBACK))
HOSTILE(control_broadcast, c->endpoint[1].control.s_addr = INADDR_BROADCAST)
HOSTILE(private_own, c->endpoint[1].private_addr = c->endpoint[1].control)
HOSTILE(private_multicast, c->endpoint[1].private_addr.s_addr = htonl(0xe0000001))
HOSTILE(private_loopback, c->endpoint[1].private_addr.s_addr = htonl(INADDR_LOOPBACK))
HOSTILE(private_broadcast, c->endpoint[1].private_addr.s_addr = INADDR_BROADCAST)
HOSTILE(private_twice, c->endpoint[2].private_addr = c->endpoint[1].private_addr)
HOSTILE(kind, c->endpoint[1].kind = (enum endpoint_kind)99)
HOSTILE(service_port, c->service.port = c->service.target_port = 0)
HOSTILE(service_name, strcpy(c->service.name, "\"}],[{"))
HOSTILE(protocol, c->service.protocol = (enum service_protocol)99)
HOSTILE(image, strcpy(c->t.isc.spec.image, "../../.."))
HOSTILE(memory_0, c->t.isc.spec.memory_kib = 0)
HOSTILE(memory_max, c->t.isc.spec.memory_kib = UINT64_MAX)
HOSTILE(shares_max, c->t.isc.spec.cpu_shares = UINT64_MAX)
HOSTILE(quota, c->t.isc.spec.cpu_quota_us = UINT64_MAX)
HOSTILE(disk, c->t.isc.spec.disk_mib = UINT64_MAX)
HOSTILE(vcpus, c->t.isc.spec.vcpus = UINT32_MAX)
HOSTILE(isc_address, c->t.isc.address.s_addr = 0)

static const struct { const char *name; void (*make)(struct conform_terms *c); } hostile[] = {
#define ROW(name) { #name, hostile_##name }
	ROW(prefix_0), ROW(prefix_33), ROW(prefix_255), ROW(no_port_name), ROW(odd_port_name), ROW(absent_port),
	ROW(same_port_twice), ROW(rate), ROW(ceiling_below), ROW(vlan_1), ROW(vlan_4095), ROW(vlan_65535), ROW(priority),
	ROW(capacity), ROW(lifetime_0), ROW(lifetime_max), ROW(name), ROW(control_0), ROW(control_loopback),
	ROW(control_broadcast), ROW(private_own), ROW(private_multicast), ROW(private_loopback), ROW(private_broadcast),
	ROW(private_twice), ROW(kind), ROW(service_port), ROW(service_name), ROW(protocol), ROW(image), ROW(memory_0),
	ROW(memory_max), ROW(shares_max), ROW(quota), ROW(disk), ROW(vcpus), ROW(isc_address),
};

static void hostile_once(struct instance *i, size_t k, uint32_t icorp)
{
	struct adaptor_result r;
	struct conform_terms c;

	conform_fill(&c, i->subject, icorp, 1);
	hostile[k].make(&c);
	int rc = conform_apply(i, &c, &r);

	if (rc) {
		if (!r.reason[0])
			fail_msg("%s: %s is refused without a reason: %s", i->subject->name, hostile[k].name, strerror(-rc));
		return;
	}
	assert_int_equal(i->ops->revoke(i->state, terms_key(&c.t), NULL, 0), 0);
	assert_int_equal(conform_flush(i, &r), 0);
}

void check_hostile(void **state)
{
	struct instance *i = *state;
	char *empty = conform_see(i), *before;
	unsigned orphans, repaired;

	conform_applied(i, 9, 1);
	before = conform_see(i);
	for (size_t k = 0; k < sizeof(hostile) / sizeof(hostile[0]); k++) {
		hostile_once(i, k, 7);
		conform_expect(i, before, hostile[k].name);
	}
	conform_applied(i, 7, 1);
	assert_int_equal(conform_revoke(i, 7), 0);
	conform_audit(i, (uint32_t[]){ 9 }, 1, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	assert_int_equal(repaired, 0);
	conform_audit(i, NULL, 0, &orphans, &repaired);
	conform_expect(i, empty, "after hostile terms something is left");
	free(empty);
	free(before);
}
