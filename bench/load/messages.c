/* What an access router that leads and a server's controller would say (doc/protocol.md). See messages.h. */
#include <stdio.h>
#include <string.h>

#include "bench/load/messages.h"
#include "bench/load/world.h"
#include "contracts/contract.h"

#define UPSTREAM_LIH 7
#define RATE_BPS 64000
#define CPU_SHARES 1024

static void common(struct rsvp_msg *m, uint8_t type, struct in_addr origin)
{
	m->type = type;
	m->ttl = 63;
	m->session.leader = world_leader();
	m->template_ = (struct rsvp_template){ world_leader(), 1, origin, 0 };
	m->flow = (struct rsvp_flow){ RATE_BPS, 2 * RATE_BPS, 15000, 1500 };
	m->has = RSVP_HAS_HOP;
	m->hop = (struct rsvp_hop){ origin, UPSTREAM_LIH };
	rsvp_add_s2l(m, world_endpoint(), (struct in_addr){ 0 });
}

static void prepare_path(struct rsvp_msg *m)
{
	const struct rsvp_load leader = { .endpoint = world_leader(), .flags = RSVP_LOAD_UP, .weight = 1 };
	const struct rsvp_load endpoint = { .endpoint = world_endpoint(), .weight = 1 };

	common(m, RSVP_PATH, world_up());
	m->has |= RSVP_HAS_TIME | RSVP_HAS_TEMPLATE | RSVP_HAS_TSPEC | RSVP_HAS_REF | RSVP_HAS_ATTRIBUTE | RSVP_HAS_PRICE;
	m->ref.revision = 1;
	m->attribute = (struct rsvp_attribute){ 4, 3, 0, "shop" };
	m->price = (struct rsvp_price){ 150000, 3600, "EUR" };
	rsvp_add_rro(m, world_leader());
	rsvp_add_load(m, &leader);
	rsvp_add_load(m, &endpoint);
}

static void prepare_resv(struct rsvp_msg *m)
{
	const struct rsvp_load load = { .endpoint = world_endpoint(), .flags = RSVP_LOAD_UP, .weight = 1 };
	struct rsvp_grant grant = { .node = world_endpoint(), .resource = RESOURCE_BANDWIDTH, .outcome = 1,
				    .level = RATE_BPS, .element = "srv1" };

	common(m, RSVP_RESV, world_down());
	m->has |= RSVP_HAS_TIME | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	m->style = RSVP_STYLE_SE;
	rsvp_add_load(m, &load);
	rsvp_add_grant(m, &grant);
	grant.endpoint = world_endpoint();
	grant.resource = RESOURCE_CPU;
	grant.level = CPU_SHARES;
	rsvp_add_grant(m, &grant);
}

void messages_prepare(struct generator *g)
{
	prepare_path(&g->path);
	prepare_resv(&g->resv);
	common(&g->tear, RSVP_PATH_TEAR, world_up());
	g->tear.has |= RSVP_HAS_TEMPLATE;
}

void messages_path(struct generator *g, uint32_t icorp)
{
	docs_number(g->docs, icorp);
	g->path.session.icorp = icorp;
	g->path.refresh_ms = g->refresh_ms;
	g->path.ref.length = (uint32_t)g->docs->xml_len;
	memcpy(g->path.ref.digest, g->docs->digest, SHA256_SIZE);
	g->path.has &= ~(uint32_t)RSVP_HAS_BODY;
	if (g->announce) {
		g->path.body = g->docs->body;
		g->path.body_len = g->docs->body_len;
		g->path.has |= RSVP_HAS_BODY;
	}
}

void messages_resv(struct generator *g, uint32_t icorp, uint32_t lih, struct in_addr from)
{
	g->resv.session.icorp = icorp;
	g->resv.refresh_ms = g->refresh_ms;
	g->resv.hop = (struct rsvp_hop){ from, lih };
}

void messages_tear(struct generator *g, uint32_t icorp)
{
	g->tear.session.icorp = icorp;
}
