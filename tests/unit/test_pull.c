/* Contracts by reference over a real loopback connection: the right one, one that is not there, a hop that lies, no hop. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "signald/pull.h"

static char *xml;
static size_t xml_len;

struct got { struct event_base *base; struct contract *contract; char why[256]; int n; struct in_addr from; };

static void on_contract(void *ctx, struct in_addr from, const uint8_t digest[SHA256_SIZE], struct contract *contract,
			const char *why)
{
	struct got *got = ctx;

	got->n++;
	got->from = from;
	got->contract = contract ? contract_ref(contract) : NULL;
	snprintf(got->why, sizeof(got->why), "%s", why);
	event_base_loopbreak(got->base);
}

static struct in_addr ip(const char *text)
{
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	return a;
}

static void read_contract(void)
{
	FILE *f = fopen(SRCDIR "/tests/golden/contract/contract-web.xml", "re");

	assert_non_null(f);
	xml = calloc(1, CONTRACT_MAX_SIZE + 1);
	xml_len = fread(xml, 1, CONTRACT_MAX_SIZE, f);
	fclose(f);
}

/* A leader's core that has the golden contract; its routes lead nowhere real. */
static struct core *leader(struct contract **contract, struct nexthops *nh)
{
	struct core_config config = { .element = "ar1", .kind = ELEMENT_ACCESS, .address = ip("10.200.1.11"),
				      .refresh_us = CLOCK_S, .multiplier = 3, .n_ports = 1 };
	struct nexthop_route route = { .port = 0 };
	struct core_actions actions = { 0 };
	struct contract_error error;
	struct core *core;

	assert_int_equal(contract_parse(xml, xml_len, contract, &error), 0);
	config.port[0].capacity_bps = UINT64_MAX;
	assert_int_equal(nexthops_add_route(nh, &route), 0);
	core = core_new(&config, nh);
	assert_non_null(core);
	assert_int_equal(core_originate(core, *contract, CLOCK_S, &actions), 0);
	core_actions_free(&actions);
	return core;
}

static void lie(struct evhttp_request *req, void *ctx)
{
	struct evbuffer *b = evbuffer_new();
	char *other = strdup(xml), *at = strstr(other, "<name>shop");

	memcpy(at, "<name>shup", 10);
	evbuffer_add(b, other, strlen(other));
	evhttp_send_reply(req, 200, "OK", b);
	evbuffer_free(b);
	free(other);
}

static void fetch(struct pull *pull, struct got *got, const char *from, const uint8_t *digest)
{
	contract_unref(got->contract);
	got->contract = NULL;
	got->n = 0;
	assert_int_equal(pull_fetch(pull, ip(from), digest), 0);
	assert_int_equal(got->n, 0); /* never from inside the call */
	event_base_dispatch(got->base);
	assert_int_equal(got->n, 1);
	assert_int_equal(got->from.s_addr, ip(from).s_addr);
}

static void pulls(void **state)
{
	struct got got = { .base = event_base_new() };
	struct nexthops nh = { 0 };
	struct contract *c;
	struct core *core = leader(&c, &nh);
	struct evhttp *liar = evhttp_new(got.base);
	uint8_t other[SHA256_SIZE] = { 1 };
	struct pull *pull;
	char why[256];

	assert_int_equal(pull_new(got.base, core, ip("127.0.7.1"), on_contract, &got, &pull, why, sizeof(why)), 0);
	fetch(pull, &got, "127.0.7.1", c->digest);
	assert_non_null(got.contract);
	assert_memory_equal(got.contract->digest, c->digest, SHA256_SIZE);
	fetch(pull, &got, "127.0.7.1", other);
	assert_null(got.contract);
	assert_non_null(strstr(got.why, "404"));
	assert_int_equal(evhttp_bind_socket(liar, "127.0.7.2", RSVP_PORT), 0);
	evhttp_set_gencb(liar, lie, NULL);
	fetch(pull, &got, "127.0.7.2", c->digest);
	assert_null(got.contract);
	assert_non_null(strstr(got.why, "digest"));
	fetch(pull, &got, "127.0.7.3", c->digest);
	assert_null(got.contract);
	assert_non_null(strstr(got.why, "no answer"));
	assert_int_equal(pull_fetch(pull, ip("127.0.7.1"), c->digest), 0); /* under way when all ends */
	pull_free(pull);
	evhttp_free(liar);
	event_base_free(got.base);
	core_free(core);
	nexthops_clear_routes(&nh);
	contract_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(pulls) };
	int r;

	read_contract();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	free(xml);
	contract_cleanup();
	libevent_global_shutdown();
	return r;
}
