/*
 * Parsing reports (report.h). Pure. Lists are copied member by member into new JSON values, so that what is stored
 * and shown to clients later holds nothing that was not looked at here.
 */
#include <errno.h>
#include <string.h>

#include "gatekeeper/input.h"
#include "gatekeeper/report.h"

static int parse_state(const char *text, enum report_state *out)
{
	static const char *const names[] = {"signaling", "complete", "degraded", "failed", "gone"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			*out = (enum report_state)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_error(json_t *root, struct report *out, struct problem *problem)
{
	json_t *error;

	if (input_object(root, "error", &error, problem) < 0)
		return -EINVAL;
	if (!error)
		return 0;
	if (input_string(error, "element", out->error.element, sizeof(out->error.element), 0, problem) < 0 ||
	    input_string(error, "code", out->error.code, sizeof(out->error.code), 0, problem) < 0 ||
	    input_string(error, "reason", out->error.reason, sizeof(out->error.reason), 0, problem) < 0)
		return -EINVAL;
	out->has_error = out->error.code[0] || out->error.reason[0];
	return 0;
}

static int parse_endpoints(json_t *root, struct report *out, struct problem *problem)
{
	json_t *list, *item;
	size_t i;

	if (input_array(root, "endpoints", CONTRACT_MAX_ENDPOINTS, &list, problem) < 0)
		return -EINVAL;
	if (!list)
		return 0;
	out->endpoints = json_array();
	json_array_foreach(list, i, item) {
		char element[CONTRACT_NAME];
		uint64_t cpu = 0;
		int up = 0;

		if (input_name(item, "element", element, sizeof(element), 1, problem) < 0 ||
		    input_bool(item, "up", &up, problem) < 0 ||
		    input_uint(item, "cpu_permille", 1000000, &cpu, problem) < 0)
			return -EINVAL;
		json_array_append_new(out->endpoints, json_pack("{s:s, s:b, s:I}", "element", element, "up", up,
								"cpu_permille", (json_int_t)cpu));
	}
	return 0;
}

static int parse_price(json_t *root, struct report *out, struct problem *problem)
{
	json_t *price;
	uint64_t micro = 0, interval = 3600;
	char currency[4];

	if (input_object(root, "price", &price, problem) < 0)
		return -EINVAL;
	if (!price)
		return 0;
	if (input_uint(price, "micro", INT64_MAX, &micro, problem) < 0 ||
	    input_uint(price, "interval_s", UINT32_MAX, &interval, problem) < 0 ||
	    input_string(price, "currency", currency, sizeof(currency), 0, problem) < 0)
		return -EINVAL;
	out->price = json_pack("{s:I, s:I, s:s}", "micro", (json_int_t)micro, "interval_s", (json_int_t)interval,
			       "currency", currency);
	return 0;
}

static int parse_grant(json_t *item, json_t *grants, struct problem *problem)
{
	static const char *const words[] = {"element", "endpoint", "resource", "outcome", "enforcement", "reason"};
	uint64_t sequence = 0, level = 0, used = 0;
	json_t *grant = json_object();

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char text[160];

		if (input_string(item, words[i], text, sizeof(text), 0, problem) < 0)
			goto bad;
		json_object_set_new(grant, words[i], json_string(text));
	}
	if (input_uint(item, "sequence", UINT32_MAX, &sequence, problem) < 0 ||
	    input_uint(item, "level", INT64_MAX, &level, problem) < 0 ||
	    input_uint(item, "used", INT64_MAX, &used, problem) < 0)
		goto bad;
	json_object_set_new(grant, "sequence", json_integer((json_int_t)sequence));
	json_object_set_new(grant, "level", json_integer((json_int_t)level));
	if (json_is_integer(json_object_get(item, "used"))) /* else it was not measured */
		json_object_set_new(grant, "used", json_integer((json_int_t)used));
	json_array_append_new(grants, grant);
	return 0;
bad:
	json_decref(grant);
	return -EINVAL;
}

static int parse_grants(json_t *root, struct report *out, struct problem *problem)
{
	json_t *list, *item;
	size_t i;

	if (input_array(root, "grants", REPORT_MAX_GRANTS, &list, problem) < 0)
		return -EINVAL;
	if (!list)
		return 0;
	out->grants = json_array();
	json_array_foreach(list, i, item) {
		if (parse_grant(item, out->grants, problem) < 0)
			return -EINVAL;
	}
	return 0;
}

static int parse_root(json_t *root, struct report *out, struct problem *problem)
{
	uint64_t icorp = 0, revision = 0;
	char state[16];

	if (input_uint(root, "icorp", UINT32_MAX, &icorp, problem) < 0 ||
	    input_uint(root, "revision", UINT16_MAX, &revision, problem) < 0 ||
	    input_string(root, "state", state, sizeof(state), 1, problem) < 0)
		return -EINVAL;
	if (!icorp)
		return problem_where(problem, 400, "invalid", "icorp", "\"icorp\" must be an ICorp's number");
	if (parse_state(state, &out->state) < 0)
		return problem_where(problem, 400, "invalid", "state",
				     "state is signaling, complete, degraded, failed or gone, not \"%s\"", state);
	out->icorp = (uint32_t)icorp;
	out->revision = (uint16_t)revision;
	if (parse_error(root, out, problem) < 0 || parse_endpoints(root, out, problem) < 0 ||
	    parse_price(root, out, problem) < 0 || parse_grants(root, out, problem) < 0)
		return -EINVAL;
	return 0;
}

int report_parse(const char *text, size_t len, struct report *out, struct problem *problem)
{
	json_t *root;
	int err;

	memset(out, 0, sizeof(*out));
	root = input_json(text, len, problem);
	if (!root)
		return -EINVAL;
	err = parse_root(root, out, problem);
	json_decref(root);
	if (err < 0)
		report_clear(out);
	return err;
}

void report_clear(struct report *report)
{
	json_decref(report->endpoints);
	json_decref(report->price);
	json_decref(report->grants);
	memset(report, 0, sizeof(*report));
}
