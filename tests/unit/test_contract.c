/*
 * The contract as an object: sealing, lookups, the wire form, prices and words. What documents are accepted,
 * and with what words they are refused, is in tests/golden/contract.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "contracts/contract.h"

static struct in_addr address(const char *text)
{
	struct in_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct prefix network(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p, 0), 0);
	return p;
}

static void fill_endpoint(struct contract_endpoint *e, enum endpoint_kind kind, const char *element,
			  const char *control, const char *private_addr)
{
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	strcpy(e->element, element);
	e->control = address(control);
	e->private_addr = address(private_addr);
	strcpy(e->subnet, kind == ENDPOINT_ACCESS ? "access" : "servers");
	if (kind == ENDPOINT_SERVER)
		e->isc = (struct contract_isc){.image = "web", .cpu_shares = 1024, .memory_kib = 65536, .vcpus = 1};
}

/* A small contract as the gatekeeper would fill it. */
static struct contract *sample(void)
{
	struct contract *c = contract_new();

	assert_non_null(c);
	c->id = 7;
	c->revision = 1;
	strcpy(c->client, "acme");
	strcpy(c->name, "shop");
	strcpy(c->class_name, "silver");
	strcpy(c->dns_name, "shop.icorp.example");
	c->setup_priority = 4;
	c->holding_priority = 4;
	c->network = (struct contract_network){.prefix = network("10.64.7.0/24"),
					       .rate_bps = 10000000,
					       .ceil_bps = 20000000,
					       .priority = 5,
					       .capacity = CAPACITY_CONTROLLED};
	c->subnets = calloc(2, sizeof(*c->subnets));
	c->endpoints = calloc(4, sizeof(*c->endpoints));
	assert_true(c->subnets != NULL && c->endpoints != NULL);
	c->n_subnets = 2;
	c->subnets[0] = (struct contract_subnet){"access", network("10.64.7.0/26")};
	c->subnets[1] = (struct contract_subnet){"servers", network("10.64.7.64/26")};
	c->n_endpoints = 4;
	fill_endpoint(&c->endpoints[0], ENDPOINT_ACCESS, "ar1", "10.200.1.11", "10.64.7.11");
	fill_endpoint(&c->endpoints[1], ENDPOINT_ACCESS, "ar2", "10.200.1.12", "10.64.7.12");
	fill_endpoint(&c->endpoints[2], ENDPOINT_SERVER, "srv1", "10.200.2.21", "10.64.7.66");
	fill_endpoint(&c->endpoints[3], ENDPOINT_SERVER, "srv2", "10.200.2.22", "10.64.7.67");
	c->endpoints[0].leader = 1;
	c->endpoints[0].public_addr = address("10.202.1.7");
	c->n_services = 1;
	c->services[0] = (struct contract_service){"web", SERVICE_TCP, 80, 8080};
	c->n_apps = 1;
	strcpy(c->apps[0].name, "httpd");
	c->apps[0].arg[c->apps[0].n_args++] = strdup("--port=<8080>");
	c->limits.max[RESOURCE_CPU] = 4096;
	c->prices = (struct contract_prices){.currency = "EUR", .interval_s = 3600};
	c->prices.per[RESOURCE_BANDWIDTH].unit = 1000000;
	c->prices.per[RESOURCE_BANDWIDTH].micro = 50000;
	return c;
}

static void seal_and_parse_agree(void **state)
{
	struct contract *c = sample(), *again;
	struct contract_error error;

	assert_int_equal(contract_seal(c, &error), 0);
	assert_int_equal(strlen(c->xml), c->xml_len);
	assert_int_equal(contract_parse(c->xml, c->xml_len, &again, &error), 0);
	assert_string_equal(c->xml, again->xml);
	assert_memory_equal(c->digest, again->digest, SHA256_SIZE);
	assert_int_equal(contract_diff(c, again, NULL, NULL), 0);

	/* Sealing again names it the same; a changed field renames it. */
	assert_int_equal(contract_seal(c, NULL), 0);
	assert_memory_equal(c->digest, again->digest, SHA256_SIZE);
	c->revision++;
	assert_int_equal(contract_seal(c, NULL), 0);
	assert_memory_not_equal(c->digest, again->digest, SHA256_SIZE);
	contract_unref(again);
	contract_unref(c);
}

static void digest_is_that_of_the_text(void **state)
{
	struct contract *c = sample();
	uint8_t digest[SHA256_SIZE];

	assert_int_equal(contract_seal(c, NULL), 0);
	sha256(c->xml, c->xml_len, digest);
	assert_memory_equal(c->digest, digest, SHA256_SIZE);
	contract_unref(c);
}

/* Breaks one field at a time; the seal must not hold, and the old one must stay. */
static void seal_refuses(struct contract *c, const char *words)
{
	struct contract_error error;
	char *xml = c->xml;

	assert_int_equal(contract_seal(c, &error), -EINVAL);
	if (strstr(error.text, words) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", words, error.text);
	assert_ptr_equal(c->xml, xml);
}

static void seal_checks_the_rules(void **state)
{
	struct contract *c = sample();

	assert_int_equal(contract_seal(c, NULL), 0);
	c->endpoints[1].leader = 1;
	seal_refuses(c, "second leader");
	c->endpoints[1].leader = 0;
	c->network.ceil_bps = 1;
	seal_refuses(c, "below the rate");
	c->network.ceil_bps = c->network.rate_bps;
	strcpy(c->name, "a<b");
	seal_refuses(c, "lower-case letters");
	strcpy(c->name, "shop");
	c->endpoints[3].private_addr = address("10.64.7.1");
	seal_refuses(c, "outside subnet servers");
	c->endpoints[3].private_addr = address("10.64.7.67");
	assert_int_equal(contract_seal(c, NULL), 0);
	contract_unref(c);
}

static void seal_loses_nothing(void **state)
{
	struct contract *c = sample();

	c->endpoints[2].leader = 1; /* a server cannot lead, and its element has no such attribute */
	seal_refuses(c, "would be lost: endpoint srv1");
	c->endpoints[2].leader = 0;
	c->prices.currency[0] = '\0';
	seal_refuses(c, "would be lost: price interval");
	contract_unref(c);
}

static void too_large_a_contract_is_not_sealed(void **state)
{
	struct contract *c = sample();
	struct contract_error error;
	struct contract_endpoint *more;
	unsigned i;

	more = realloc(c->endpoints, 300 * sizeof(*more));
	assert_non_null(more);
	c->endpoints = more;
	for (i = c->n_endpoints; i < 300; i++) {
		c->endpoints[i] = c->endpoints[3];
		c->endpoints[i].isc.memory_kib += i; /* each needs an <isc> of its own */
	}
	c->n_endpoints = 300;
	assert_int_equal(contract_seal(c, &error), -E2BIG);
	assert_non_null(strstr(error.text, "too large"));
	contract_unref(c);
}

static void lookups(void **state)
{
	struct contract *c = sample();

	assert_string_equal(contract_leader(c)->element, "ar1");
	assert_string_equal(contract_endpoint_by_element(c, "srv2")->element, "srv2");
	assert_null(contract_endpoint_by_element(c, "srv3"));
	assert_string_equal(contract_endpoint_by_control(c, address("10.200.1.12"))->element, "ar2");
	assert_null(contract_endpoint_by_control(c, address("10.64.7.11")));
	c->endpoints[0].leader = 0;
	assert_null(contract_leader(c));
	assert_ptr_equal(contract_ref(c), c);
	contract_unref(c);
	contract_unref(c);
	contract_unref(NULL);
}

static void wire_form(void **state)
{
	struct contract *c = sample();
	uint8_t *data;
	size_t len, xml_len;
	char *xml;

	assert_int_equal(contract_deflate(c, &data, &len), -EINVAL); /* not sealed yet */
	assert_int_equal(contract_seal(c, NULL), 0);
	assert_int_equal(contract_deflate(c, &data, &len), 0);
	assert_true(len < c->xml_len / 2);
	assert_int_equal(contract_inflate(data, len, &xml, &xml_len), 0);
	assert_int_equal(xml_len, c->xml_len);
	assert_string_equal(xml, c->xml);
	free(xml);

	assert_int_equal(contract_inflate(data, len - 1, &xml, &xml_len), -EBADMSG);
	assert_null(xml);
	data[len / 2] ^= 0x55;
	assert_int_equal(contract_inflate(data, len, &xml, &xml_len), -EBADMSG);
	assert_int_equal(contract_inflate((const uint8_t *)"", 0, &xml, &xml_len), -EBADMSG);
	free(data);
	contract_unref(c);
}

static void trailing_bytes_are_refused(void **state)
{
	struct contract *c = sample();
	uint8_t *data, *more;
	size_t len, xml_len;
	char *xml;

	assert_int_equal(contract_seal(c, NULL), 0);
	assert_int_equal(contract_deflate(c, &data, &len), 0);
	more = calloc(1, len + 1);
	assert_non_null(more);
	memcpy(more, data, len);
	assert_int_equal(contract_inflate(more, len + 1, &xml, &xml_len), -EBADMSG);
	free(more);
	free(data);
	contract_unref(c);
}

/* `size` bytes of nothing, deflated. */
static uint8_t *bomb(size_t size, size_t *len)
{
	uLongf room = compressBound(size);
	uint8_t *data = malloc(room), *zeros = calloc(1, size);

	assert_true(data != NULL && zeros != NULL);
	assert_int_equal(compress2(data, &room, zeros, size, 9), Z_OK);
	free(zeros);
	*len = room;
	return data;
}

static void inflation_is_capped(void **state)
{
	size_t len, xml_len;
	uint8_t *data;
	char *xml;

	data = bomb(CONTRACT_MAX_SIZE, &len);
	assert_int_equal(contract_inflate(data, len, &xml, &xml_len), 0);
	assert_int_equal(xml_len, CONTRACT_MAX_SIZE);
	free(xml);
	free(data);
	data = bomb(CONTRACT_MAX_SIZE + 1, &len);
	assert_int_equal(contract_inflate(data, len, &xml, &xml_len), -E2BIG);
	free(data);
	data = bomb(64 << 20, &len);
	assert_true(len < CONTRACT_MAX_SIZE);
	assert_int_equal(contract_inflate(data, len, &xml, &xml_len), -E2BIG);
	free(data);
}

static void sizes_are_capped(void **state)
{
	char *xml = malloc(CONTRACT_MAX_SIZE + 1);
	struct contract_error error;
	struct contract *c;

	assert_non_null(xml);
	memset(xml, ' ', CONTRACT_MAX_SIZE + 1);
	assert_int_equal(contract_parse(xml, CONTRACT_MAX_SIZE + 1, &c, &error), -E2BIG);
	assert_non_null(strstr(error.text, "65537 bytes"));
	assert_null(c);
	assert_int_equal(contract_parse(xml, CONTRACT_MAX_SIZE, &c, &error), -EINVAL);
	assert_int_equal(contract_parse(xml, 0, &c, NULL), -EINVAL);
	free(xml);
}

static void buffer_needs_no_terminator(void **state)
{
	struct contract *c = sample(), *again;
	char *exact;

	assert_int_equal(contract_seal(c, NULL), 0);
	exact = malloc(c->xml_len);
	assert_non_null(exact);
	memcpy(exact, c->xml, c->xml_len);
	assert_int_equal(contract_parse(exact, c->xml_len, &again, NULL), 0);
	free(exact);
	contract_unref(again);
	contract_unref(c);
}

static void prices(void **state)
{
	struct contract *c = sample();
	char out[64];

	assert_int_equal(contract_price(c, RESOURCE_BANDWIDTH, 12000000), 600000);
	assert_int_equal(contract_price(c, RESOURCE_BANDWIDTH, 0), 0);
	assert_int_equal(contract_price(c, RESOURCE_BANDWIDTH, 1), 1); /* a part of a millionth counts as one */
	assert_int_equal(contract_price(c, RESOURCE_DISK, 1000), 0);
	c->prices.per[RESOURCE_CPU].unit = 1;
	c->prices.per[RESOURCE_CPU].micro = UINT64_MAX;
	assert_true(contract_price(c, RESOURCE_CPU, 1) == UINT64_MAX);
	assert_true(contract_price(c, RESOURCE_CPU, UINT64_MAX) == UINT64_MAX);
	assert_int_equal(contract_price(c, (enum resource)99, 1), 0);

	assert_true(contract_limit(c, RESOURCE_CPU) == 4096);
	assert_true(contract_limit(c, RESOURCE_MEMORY) == UINT64_MAX);

	assert_string_equal(price_text(1250000, "EUR", 3600, out, sizeof(out)), "1.250000 EUR/h");
	assert_string_equal(price_text(5, "SEK", 86400, out, sizeof(out)), "0.000005 SEK/d");
	assert_string_equal(price_text(2000000, "EUR", 90, out, sizeof(out)), "2.000000 EUR/90 s");
	contract_unref(c);
}

static void words(void **state)
{
	static const struct {
		enum resource resource;
		uint64_t level;
		const char *text;
	} level[] = {
		{RESOURCE_BANDWIDTH, 0, "0 bit/s"},
		{RESOURCE_BANDWIDTH, 999, "999 bit/s"},
		{RESOURCE_BANDWIDTH, 64000, "64.0 kbit/s"},
		{RESOURCE_BANDWIDTH, 12000000, "12.0 Mbit/s"},
		{RESOURCE_BANDWIDTH, 2560000000, "2.5 Gbit/s"},
		{RESOURCE_CPU, 1024, "1024 shares"},
		{RESOURCE_MEMORY, 65536, "64 MiB"},
		{RESOURCE_MEMORY, 0, "0 KiB"},
		{RESOURCE_MEMORY, 1572864, "1536 MiB"},
		{RESOURCE_MEMORY, 1000, "1000 KiB"},
		{RESOURCE_DISK, 10240, "10 GiB"},
		{RESOURCE_DISK, 100, "100 MiB"},
	};
	enum resource resource;
	char out[64];
	unsigned i;

	for (i = 0; i < sizeof(level) / sizeof(level[0]); i++)
		assert_string_equal(resource_level_text(level[i].resource, level[i].level, out, sizeof(out)),
				    level[i].text);
	for (i = 1; i <= RESOURCE_MAX; i++) {
		assert_int_equal(resource_parse(resource_name(i), &resource), 0);
		assert_int_equal(resource, i);
	}
	assert_int_equal(resource_parse("?", &resource), -EINVAL);
	assert_int_equal(resource_parse("CPU", &resource), -EINVAL);
	assert_string_equal(resource_name(0), "?");
	assert_string_equal(resource_name((enum resource) - 1), "?");
}

static void filled_requests(void **state)
{
	struct contract_request request = {.servers = 2, .n_access = 1, .access = {"ar1"}};
	struct contract_error error;
	size_t len;
	char *xml;

	strcpy(request.name, "shop");
	strcpy(request.class_name, "silver");
	assert_int_equal(contract_request_seal(&request, &xml, &len, &error), 0);
	assert_int_equal(strlen(xml), len);
	free(xml);
	strcpy(request.name, "no such name");
	assert_int_equal(contract_request_seal(&request, &xml, &len, &error), -EINVAL);
	assert_null(xml);
	assert_string_equal(error.element, "name");
	strcpy(request.name, "shop");
	request.servers = 0;
	assert_int_equal(contract_request_seal(&request, &xml, &len, &error), -EINVAL);
	assert_string_equal(error.element, "servers");
}

/* The schema comes back after a cleanup, by itself. */
static void cleanup_is_not_the_end(void **state)
{
	struct contract *c = sample();

	contract_cleanup();
	contract_cleanup();
	assert_int_equal(contract_seal(c, NULL), 0);
	assert_int_equal(contract_init(), 0);
	assert_int_equal(contract_init(), 0);
	contract_unref(c);
}

static int cleanup(void **state)
{
	contract_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seal_and_parse_agree),
		cmocka_unit_test(digest_is_that_of_the_text),
		cmocka_unit_test(seal_checks_the_rules),
		cmocka_unit_test(seal_loses_nothing),
		cmocka_unit_test(too_large_a_contract_is_not_sealed),
		cmocka_unit_test(lookups),
		cmocka_unit_test(wire_form),
		cmocka_unit_test(trailing_bytes_are_refused),
		cmocka_unit_test(inflation_is_capped),
		cmocka_unit_test(sizes_are_capped),
		cmocka_unit_test(buffer_needs_no_terminator),
		cmocka_unit_test(prices),
		cmocka_unit_test(words),
		cmocka_unit_test(filled_requests),
		cmocka_unit_test(cleanup_is_not_the_end),
	};

	return cmocka_run_group_tests_name("contract", tests, NULL, cleanup);
}
