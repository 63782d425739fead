#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/rsvp_samples.h"

static struct in_addr ip(const char *text)
{
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	return a;
}

static void flow(struct rsvp_msg *m, uint32_t kind)
{
	m->flow = (struct rsvp_flow){ 12000000, 24000000, 15000, 1500 };
	m->has |= kind;
}

static void template_(struct rsvp_msg *m, uint32_t kind)
{
	m->template_ = (struct rsvp_template){ ip("10.200.1.11"), 3, ip("10.200.1.2"), 5 };
	m->has |= kind;
}

static void lists(struct rsvp_msg *m)
{
	struct rsvp_demand d = { ip("10.200.2.21"), 2, 1, 3, 77, 4096 };
	struct rsvp_load l = { ip("10.200.2.21"), RSVP_LOAD_UP, 812, 455, 3, 1234 };
	struct rsvp_grant g = { .node = ip("10.200.2.1"), .endpoint = ip("10.200.2.21"), .resource = 1, .outcome = 3,
				.enforcement = 2, .sequence = 77, .level = 12000000 };

	snprintf(g.element, sizeof(g.element), "r2");
	snprintf(g.reason, sizeof(g.reason), "no capacity on eth1: 4000000 bit/s would fit");
	rsvp_add_demand(m, &d);
	d.direction = -1;
	rsvp_add_demand(m, &d);
	rsvp_add_load(m, &l);
	rsvp_add_grant(m, &g);
	g.reason[0] = 0;
	g.flags = RSVP_GRANT_USED;
	g.used = 7654321;
	rsvp_add_grant(m, &g);
}

static void path(struct rsvp_msg *m)
{
	static const uint8_t body[] = "deflated contract bytes, not a multiple of four";

	m->refresh_ms = 30000;
	m->attribute = (struct rsvp_attribute){ 4, 3, 0, "shop" };
	m->ref = (struct rsvp_ref){ 3, 3210, { 1, 2, 3, 255 } };
	m->body = body;
	m->body_len = sizeof(body);
	m->hopstate = (struct rsvp_hopstate){ 100, 5 };
	m->price = (struct rsvp_price){ 1250000, 3600, "EUR" };
	m->has |= RSVP_HAS_TIME | RSVP_HAS_ATTRIBUTE | RSVP_HAS_REF | RSVP_HAS_BODY | RSVP_HAS_HOPSTATE |
		  RSVP_HAS_PRICE;
	template_(m, RSVP_HAS_TEMPLATE);
	flow(m, RSVP_HAS_TSPEC);
	rsvp_add_rro(m, ip("10.200.1.11"));
	rsvp_add_rro(m, ip("10.200.1.2"));
	lists(m);
}

static void error(struct rsvp_msg *m)
{
	m->error = (struct rsvp_error){ ip("10.200.2.1"), RSVP_ERROR_IN_PLACE, RSVP_ERR_ADMISSION,
					RSVP_ADMISSION_BANDWIDTH };
	m->has |= RSVP_HAS_ERROR;
}

static void style(struct rsvp_msg *m)
{
	m->style = RSVP_STYLE_SE;
	m->has |= RSVP_HAS_STYLE;
}

static void between_neighbours(struct rsvp_msg *m)
{
	if (m->type == RSVP_ACK) {
		rsvp_add_ack(m, &(struct rsvp_id_ack){ { 0, 0x123456, 1 }, 0 });
		rsvp_add_ack(m, &(struct rsvp_id_ack){ { 0, 0x123456, 2 }, 1 });
	} else if (m->type == RSVP_SREFRESH) {
		m->id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, 0xabcdef, 4712 };
		m->has |= RSVP_HAS_ID;
		m->list_epoch = 0xabcdef;
		for (uint32_t id = 100; id < 110; id++)
			rsvp_add_id(m, id);
	} else if (m->type == RSVP_CHALLENGE || m->type == RSVP_CHALLENGE_RESPONSE) {
		m->challenge = (struct rsvp_challenge){ 0x123456789abc, 0xdeadbeef };
		m->has |= RSVP_HAS_CHALLENGE;
	} else {
		m->hello = (struct rsvp_hello){ 1, 0x1234, 0x5678 };
		m->has |= RSVP_HAS_HELLO;
	}
}

void rsvp_sample(unsigned n, struct rsvp_msg *m)
{
	static const uint8_t types[SAMPLES] = { RSVP_PATH, RSVP_RESV, RSVP_PATH_ERR, RSVP_RESV_ERR, RSVP_PATH_TEAR,
						RSVP_RESV_TEAR, RSVP_RESV_CONF, RSVP_ACK, RSVP_SREFRESH,
						RSVP_HELLO, RSVP_CHALLENGE, RSVP_CHALLENGE_RESPONSE };

	rsvp_msg_clear(m);
	m->type = types[n];
	m->ttl = 63;
	m->flags = RSVP_FLAG_REDUCTION;
	if (!rsvp_has_session(m->type)) {
		between_neighbours(m);
		return;
	}
	if (m->type == RSVP_PATH || m->type == RSVP_RESV) {
		m->id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, 0xabcdef, 4711 };
		m->has |= RSVP_HAS_ID;
		rsvp_add_ack(m, &(struct rsvp_id_ack){ { 0, 0x123456, 99 }, 0 });
	}
	m->session = (struct rsvp_session){ 7, 0, ip("10.200.1.11") };
	if (m->type != RSVP_PATH_ERR && m->type != RSVP_RESV_CONF) {
		m->hop = (struct rsvp_hop){ ip("10.200.1.2"), 9 };
		m->has |= RSVP_HAS_HOP;
	}
	if (m->type == RSVP_PATH)
		path(m);
	if (m->type == RSVP_PATH_ERR || m->type == RSVP_RESV_ERR || m->type == RSVP_RESV_CONF)
		error(m);
	if (m->type == RSVP_PATH_ERR || m->type == RSVP_PATH_TEAR)
		template_(m, RSVP_HAS_TEMPLATE);
	if (m->type == RSVP_RESV) {
		m->refresh_ms = 30000;
		m->has |= RSVP_HAS_TIME;
		lists(m);
	}
	if (m->type == RSVP_RESV || m->type == RSVP_RESV_CONF) {
		m->confirm = ip("10.200.2.21");
		m->has |= RSVP_HAS_CONFIRM;
	}
	if (m->type == RSVP_RESV || m->type == RSVP_RESV_ERR || m->type == RSVP_RESV_TEAR || m->type == RSVP_RESV_CONF) {
		style(m);
		template_(m, RSVP_HAS_FILTER);
		if (m->type != RSVP_RESV_TEAR)
			flow(m, RSVP_HAS_FLOWSPEC);
	}
	rsvp_add_s2l(m, ip("10.200.2.21"), (struct in_addr){ 0 });
	rsvp_add_s2l(m, ip("10.200.2.22"), m->type == RSVP_PATH ? ip("10.200.1.1") : (struct in_addr){ 0 });
	if (m->type == RSVP_PATH)
		rsvp_add_s2l(m, ip("10.200.2.23"), ip("10.200.1.3"));
}
