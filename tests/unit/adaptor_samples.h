/* Terms for the adaptors' tests: a full set, and small ones. */
#ifndef ICORP_TEST_ADAPTOR_SAMPLES_H
#define ICORP_TEST_ADAPTOR_SAMPLES_H

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "adaptors/protocol.h"

static inline struct in_addr sample_addr(const char *text)
{
	struct in_addr addr = { 0 };

	inet_pton(AF_INET, text, &addr);
	return addr;
}

/* An ICorp with 10.64.N.0/24 and one port. */
static inline struct adaptor_terms sample_small(uint32_t icorp, const char *ifname, uint64_t rate_bps)
{
	struct adaptor_terms t = { .icorp = icorp, .leader = sample_addr("10.200.1.11"), .revision = 1,
				   .capacity = CAPACITY_CONTROLLED, .lifetime_s = 157, .n_ports = 1 };

	snprintf(t.name, sizeof(t.name), "shop-%u", icorp);
	t.prefix.addr.s_addr = htonl(0x0a400000u | (icorp & 0xff) << 8);
	t.prefix.len = 24;
	snprintf(t.ports[0].ifname, sizeof(t.ports[0].ifname), "%s", ifname);
	t.ports[0].rate_bps = rate_bps;
	t.ports[0].ceil_bps = rate_bps * 2;
	return t;
}

#define SAMPLE_ENDPOINTS CONTRACT_MAX_ENDPOINTS
struct sample_full {
	struct adaptor_terms terms;
	struct terms_endpoint endpoints[SAMPLE_ENDPOINTS];
	struct contract_service services[CONTRACT_MAX_SERVICES];
	struct contract_app apps[CONTRACT_MAX_APPS];
	char args[CONTRACT_MAX_ARGS][600];
};

/* Every field set, every array full. */
static inline void sample_fill(struct sample_full *f)
{
	struct adaptor_terms *t = &f->terms;

	memset(f, 0, sizeof(*f));
	*t = sample_small(7, "eth0", 5000000);
	t->revision = 3;
	t->capacity = CAPACITY_CONSTANT;
	t->priority = 5;
	t->vlan = 107;
	t->leading = 1;
	t->n_ports = ADAPTOR_MAX_PORTS;
	for (unsigned i = 0; i < t->n_ports; i++) {
		snprintf(t->ports[i].ifname, sizeof(t->ports[i].ifname), "eth%u", i);
		t->ports[i].rate_bps = 1000000ull * i;
		t->ports[i].ceil_bps = 40000000000ull;
		t->ports[i].trunk = i & 1;
	}
	t->n_endpoints = SAMPLE_ENDPOINTS;
	t->endpoints = f->endpoints;
	for (unsigned i = 0; i < SAMPLE_ENDPOINTS; i++) {
		struct terms_endpoint *e = &f->endpoints[i];

		snprintf(e->element, sizeof(e->element), "srv%u", i);
		e->kind = i & 1 ? ENDPOINT_ACCESS : ENDPOINT_SERVER;
		e->control.s_addr = htonl(0x0ac80100u + i);
		e->private_addr.s_addr = htonl(0x0a400700u + i);
		e->public_addr.s_addr = i & 1 ? htonl(0x0aca0100u + i) : 0;
		e->local = i == 2;
		e->up = i & 1;
		e->weight = (uint16_t)(i * 3);
	}
	t->n_services = CONTRACT_MAX_SERVICES;
	t->services = f->services;
	for (unsigned i = 0; i < CONTRACT_MAX_SERVICES; i++) {
		snprintf(f->services[i].name, CONTRACT_NAME, "svc%u", i);
		f->services[i].protocol = i & 1 ? SERVICE_UDP : SERVICE_TCP;
		f->services[i].port = (uint16_t)(80 + i);
		f->services[i].target_port = (uint16_t)(8080 + i);
	}
	for (unsigned k = 0; k < CONTRACT_MAX_ARGS; k++)
		memset(f->args[k], 'a' + (int)k, sizeof(f->args[k]) - 1);
	t->n_apps = CONTRACT_MAX_APPS;
	t->apps = f->apps;
	for (unsigned i = 0; i < CONTRACT_MAX_APPS; i++) {
		snprintf(f->apps[i].name, CONTRACT_NAME, "app%u", i);
		snprintf(f->apps[i].url, CONTRACT_URL, "http://10.200.1.5/app%u.tar", i);
		memset(f->apps[i].sha256, (int)i, sizeof(f->apps[i].sha256));
		f->apps[i].n_args = CONTRACT_MAX_ARGS;
		for (unsigned k = 0; k < CONTRACT_MAX_ARGS; k++)
			f->apps[i].arg[k] = f->args[k];
	}
	t->isc = (struct terms_isc){ .present = 1, .address = sample_addr("10.64.7.66"), .host = sample_addr("169.254.1.1"),
				     .host_port = 3455, .key_id = 42, .max_memory_kib = 262144,
				     .spec = { .image = "web", .cpu_shares = 1024, .cpu_quota_us = 50000,
					       .memory_kib = 65536, .disk_mib = 100, .vcpus = 2 } };
	memset(t->isc.key, 0xa5, sizeof(t->isc.key));
}

#endif
