/*
 * Requests and the contracts they become: tests/golden/gatekeeper/NAME.in (a <request> in XML, JSON when it begins with
 * a brace, else a form), the contract or the refusal expected in NAME.out. The ASP has two access routers and two
 * servers; every ICorp is number 7.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gatekeeper/compose.h"
#include "gatekeeper/placement.h"
#include "gatekeeper/plan.h"
#include "gatekeeper/request.h"
#include "tests/unit/proxy_golden.h"

static struct gk_class classes[] = {
	{.title = (char *)"silver", .help = (char *)"", .rate = 15000000, .ceil = 30000000, .priority = 3,
	 .capacity = (char *)"controlled", .cpu = 1024, .vcpus = 1, .memory = 128 << 20, .image = (char *)"web", .setup = 4,
	 .holding = 4, .max_cpu = 4096, .price_bandwidth = 20000, .price_cpu = 50000, .price_memory = 200},
};
static const struct gk_config config = {.currency = (char *)"EUR", .price_interval = 3600000000ull,
					.classes = {classes, 1}};

static int read_request(const char *text, struct contract_request *request, struct problem *problem)
{
	struct form *form;
	int err;

	if (*text == '<')
		return request_from_xml(text, strlen(text), request, problem);
	if (*text == '{')
		return request_from_json(text, strlen(text), request, problem);
	form = calloc(1, sizeof(*form));
	assert_int_equal(form_parse(text, strcspn(text, "\n"), form), 0);
	err = request_from_form(form, request, problem);
	free(form);
	return err;
}

static int choose(struct contract_request *request, struct placement *out, struct problem *problem)
{
	static const struct placement_server servers[] = {
		{.name = "srv1", .alive = 1, .has_image = 1}, {.name = "srv2", .alive = 1, .has_image = 1}};
	static const struct placement_access access[] = {{"ar1", 1, 1, 1}, {"ar2", 1, 1, 1}};
	struct placement_input in = {.request = request, .image = "web", .n_servers = 2, .servers = servers, .n_access = 2,
				     .access = access};

	return placement_choose(&in, out, problem);
}

static int compose(struct contract_request *request, const struct placement *chosen, struct contract **out,
		   struct problem *problem)
{
	static const struct { const char *name, *control, *public_addr; } routers[] = {
		{"ar1", "10.200.1.11", "10.202.1.1"}, {"ar2", "10.200.1.12", "10.202.2.1"}};
	static const struct { const char *name, *control; } hosts[] = {{"srv1", "10.200.2.21"}, {"srv2", "10.200.2.22"}};
	struct compose_access access[16] = {0};
	struct compose_server servers[8] = {0};
	struct compose_input in = {.id = 7, .revision = 1, .config = &config, .class_ = classes, .request = request,
				   .dns_name = "shop.asp.test", .n_access = chosen->n_access, .access = access,
				   .n_servers = chosen->n_servers, .servers = servers};

	assert_int_equal(prefix_parse("10.64.7.0/24", &in.prefix, 0), 0);
	for (unsigned i = 0; i < in.n_access; i++) {
		access[i].name = routers[chosen->access[i]].name;
		addr_parse(routers[chosen->access[i]].control, &access[i].control);
		addr_parse(routers[chosen->access[i]].public_addr, &access[i].public_addr);
	}
	for (unsigned i = 0; i < in.n_servers; i++) {
		servers[i].name = hosts[chosen->server[i]].name;
		addr_parse(hosts[chosen->server[i]].control, &servers[i].control);
	}
	if (!request->client[0])
		strcpy(request->client, "acme");
	return compose_contract(&in, out, problem);
}

static char *make(const char *input, int invalid)
{
	struct contract_request request;
	struct contract *contract = NULL;
	struct placement chosen;
	struct problem problem = {0};
	char *text = NULL;
	int err = read_request(input, &request, &problem);

	if (!err)
		err = choose(&request, &chosen, &problem);
	if (!err)
		err = compose(&request, &chosen, &contract, &problem);
	assert_int_equal(!!err, invalid);
	if (err)
		assert_true(asprintf(&text, "%d %s line %d where \"%s\" element \"%s\": %s\n", problem.status, problem.code,
				     problem.line, problem.where, problem.element, problem.message) > 0);
	else
		text = strdup(contract->xml);
	contract_unref(contract);
	contract_request_clear(&request);
	return text;
}

static void test_contracts(void **state)
{
	assert_int_equal(contract_init(), 0);
	assert_true(golden_run("gatekeeper", "out", make) >= 8);
	contract_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_contracts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
