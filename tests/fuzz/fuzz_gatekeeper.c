/*
 * What anybody with a socket can make the gatekeeper parse: the first byte chooses registration, report, JSON request,
 * form, path, or DNS answer; the rest is the text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/dns_message.h"
#include "gatekeeper/registration.h"
#include "gatekeeper/report.h"
#include "gatekeeper/request.h"
#include "gatekeeper/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void handle(struct call *call)
{
}

static void registration(const char *text, size_t len)
{
	struct registration reg;
	struct problem problem;

	if (registration_parse(text, len, &reg, &problem) == 0)
		free(registration_text(&reg));
	registration_clear(&reg);
}

static void report(const char *text, size_t len)
{
	struct report said;
	struct problem problem;

	report_parse(text, len, &said, &problem);
	report_clear(&said);
}

static void json_request(const char *text, size_t len)
{
	struct contract_request request;
	struct problem problem;

	request_from_json(text, len, &request, &problem);
	contract_request_clear(&request);
}

static void form(const char *text, size_t len)
{
	struct contract_request request;
	struct form *fields = malloc(sizeof(*fields));
	struct problem problem;

	if (fields && form_parse(text, len, fields) == 0 && request_from_form(fields, &request, &problem) == 0)
		contract_request_clear(&request);
	free(fields);
}

static void path(const char *text, size_t len)
{
	static const struct route routes[] = {{"GET", "/v1/:/x/:", 0, 0, handle}, {"GET", "/", 0, 0, handle}, {0}};
	char args[ROUTE_ARGS][ROUTE_ARG], allow[32], *copy = strndup(text, len);
	const struct route *found;

	if (copy)
		route_find(routes, "GET", copy, &found, args, allow, sizeof(allow));
	free(copy);
}

static void dns_answer(const char *text, size_t len)
{
	static const struct dns_key key = {"gk", "hmac-sha256", "c2VjcmV0"};
	struct dns_change change = {.name = "a.b"};
	char why[100];
	struct dns_update *update = dns_update_new("b", 1, &change, 1, &key, why, sizeof(why));

	if (update)
		dns_update_check(update, (const uint8_t *)text, len, why, sizeof(why));
	dns_update_free(update);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(const char *, size_t) = {registration, report, json_request, form, path, dns_answer};

	if (size)
		targets[data[0] % 6]((const char *)data + 1, size - 1);
	return 0;
}
