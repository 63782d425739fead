/*
 * The clients' calls: POST, GET and DELETE of ICorps (doc/gatekeeper-api.md). Each handler reads its input, asks
 * icorps.c, and answers; nothing is decided here but who may see what.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gatekeeper/handlers.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/input.h"
#include "gatekeeper/pages.h"
#include "gatekeeper/request.h"
#include "gatekeeper/server.h"
#include "gatekeeper/waits.h"
#include "lib/log.h"
#include "lib/mac.h"

enum body_kind { BODY_XML, BODY_JSON, BODY_FORM, BODY_OTHER };

/* A browser that posted the form wants a page back. */
static int wants_page(const struct call *call, enum body_kind kind)
{
	const char *accept = server_header(call, "Accept");

	return kind == BODY_FORM && accept && strstr(accept, "text/html");
}

static enum body_kind body_kind(const struct call *call)
{
	const char *type = server_header(call, "Content-Type");
	size_t len = type ? strcspn(type, "; \t") : 0;
	static const struct { const char *type; enum body_kind kind; } kinds[] = {
		{"application/xml", BODY_XML}, {"text/xml", BODY_XML}, {"application/json", BODY_JSON},
		{"application/x-www-form-urlencoded", BODY_FORM}};

	for (unsigned i = 0; type && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].type) == len && !strncasecmp(type, kinds[i].type, len))
			return kinds[i].kind;
	return BODY_OTHER;
}

static int read_request(struct call *call, enum body_kind kind, struct contract_request *out, struct problem *problem)
{
	struct form form;
	int err;

	switch (kind) {
	case BODY_XML:
		return request_from_xml(call->body, call->len, out, problem);
	case BODY_JSON:
		return request_from_json(call->body, call->len, out, problem);
	case BODY_FORM:
		err = form_parse(call->body, call->len, &form);
		if (err < 0)
			return problem_set(problem, 400, "malformed", "the form %s",
					   err == -E2BIG ? "has too many fields" : "does not decode");
		return request_from_form(&form, out, problem);
	default:
		return problem_set(problem, 415, "media-type",
				   "send application/xml, application/json or application/x-www-form-urlencoded");
	}
}

/* A client's token says who the client is; a request may repeat it but not contradict it. */
static int set_client(const struct call *call, struct contract_request *request, struct problem *problem)
{
	if (call->who.kind == CALLER_CLIENT) {
		if (request->client[0] && strcmp(request->client, call->who.name))
			return problem_where(problem, 403, "forbidden", "client", "this token is %s's, not %s's",
					     call->who.name, request->client);
		strcpy(request->client, call->who.name);
	} else if (!request->client[0]) {
		strcpy(request->client, call->who.kind == CALLER_OPERATOR ? call->who.name : "anonymous");
	}
	return 0;
}

static void answer_created(struct call *call, enum body_kind kind, const struct icorp *icorp)
{
	char where[48];

	if (wants_page(call, kind)) { /* it goes on to the ICorp's page */
		snprintf(where, sizeof(where), "/icorps/%u", icorp->id);
		server_set_header(call, "Location", where);
		server_answer_text(call, 303, "text/plain; charset=utf-8", "", 0);
		return;
	}
	snprintf(where, sizeof(where), "/v1/icorps/%u", icorp->id);
	server_set_header(call, "Location", where);
	server_answer_json(call, 201, icorps_json(call->gk, icorp));
}

/* 1 when the key was used before and the call is answered. */
static int answer_again(struct call *call, enum body_kind kind, const struct store_key *key)
{
	struct icorp *icorp;
	uint32_t id;
	int same, found = store_key_find(call->gk->store, key, &id, &same);

	if (found < 0) {
		server_refuse(call, 503, "store", "the store is not answering");
		return 1;
	}
	if (!found)
		return 0;
	icorp = icorps_find(call->gk->icorps, id);
	if (!same)
		server_refuse(call, 422, "idempotency", "this Idempotency-Key was used for another request");
	else if (!icorp)
		server_refuse(call, 409, "gone", "ICorp %u, made with this Idempotency-Key, has been deleted", id);
	else
		answer_created(call, kind, icorp);
	return 1;
}

static void answer_refused(struct call *call, enum body_kind kind, const struct problem *problem)
{
	log_msg(LOG_LEVEL_INFO, "request refused: %d %s: %s", problem->status, problem->code, problem->message);
	if (wants_page(call, kind))
		pages_problem(call, problem);
	else
		server_answer_problem(call, problem);
}

static void post(struct call *call, enum body_kind kind, const struct contract_request *request)
{
	const char *header = server_header(call, "Idempotency-Key");
	struct store_key key = {.client = request->client, .key = header};
	char digest[2 * SHA256_SIZE + 1];
	uint8_t sum[SHA256_SIZE];
	struct problem problem;
	struct icorp *icorp;

	if (header) {
		char text[128];

		if (!header[0] || input_text(header, text, sizeof(text)) < 0) {
			server_refuse(call, 400, "invalid", "an Idempotency-Key has 1 to 127 characters");
			return;
		}
		sha256(call->body, call->len, sum);
		hex_encode(sum, sizeof(sum), digest);
		key.digest = digest;
		if (answer_again(call, kind, &key))
			return;
	}
	if (icorps_create(call->gk->icorps, request, header ? &key : NULL, &icorp, &problem) < 0)
		answer_refused(call, kind, &problem);
	else
		answer_created(call, kind, icorp);
}

void api_icorps_post(struct call *call)
{
	enum body_kind kind = body_kind(call);
	struct contract_request request;
	struct problem problem;

	call->gk->counts.posts++;
	if (read_request(call, kind, &request, &problem) < 0) {
		answer_refused(call, kind, &problem);
		return;
	}
	if (set_client(call, &request, &problem) < 0)
		answer_refused(call, kind, &problem);
	else
		post(call, kind, &request);
	contract_request_clear(&request);
}

/* The ICorp in the path, if the caller may see it; else the call is answered. */
static struct icorp *named_icorp(struct call *call)
{
	struct icorp *icorp = NULL;
	uint64_t id;

	if (input_number(call->arg[0], UINT32_MAX, &id) == 0)
		icorp = icorps_find(call->gk->icorps, (uint32_t)id);
	if (icorp && server_may_touch(call, icorp->contract->client))
		return icorp;
	server_refuse(call, 404, "no-such-icorp", "there is no ICorp %.40s", call->arg[0]);
	return NULL;
}

void api_icorps_list(struct call *call)
{
	json_t *list = json_array();
	struct icorp *icorp;

	for (size_t i = 0; (icorp = icorps_nth(call->gk->icorps, i)); i++)
		if (server_may_touch(call, icorp->contract->client))
			json_array_append_new(list, icorps_json(call->gk, icorp));
	server_answer_json(call, 200, json_pack("{s:o}", "icorps", list));
}

static int wants_xml(const struct call *call)
{
	const char *accept = server_header(call, "Accept");

	return accept && strstr(accept, "application/xml") && !strstr(accept, "application/json") &&
	       !strstr(accept, "text/html");
}

void api_icorp_contract(struct call *call)
{
	struct icorp *icorp = named_icorp(call);

	if (icorp)
		server_answer_text(call, 200, "application/xml", icorp->contract->xml, icorp->contract->xml_len);
}

void api_icorp_get(struct call *call)
{
	const char *text = form_value(&call->query, "wait", 0);
	struct icorp *icorp = named_icorp(call);
	uint64_t wait = 0;

	if (!icorp)
		return;
	if (text && input_number(text, 3600, &wait) < 0) {
		server_refuse(call, 400, "invalid", "wait is a number of seconds, at most %d are waited", WAITS_MAX_S);
		return;
	}
	if (wait && !life_settled(icorp->state) &&
	    waits_add(call->gk->waits, call->request, icorp->id, (unsigned)wait) == 0)
		return;
	if (wants_xml(call))
		server_answer_text(call, 200, "application/xml", icorp->contract->xml, icorp->contract->xml_len);
	else
		server_answer_json(call, 200, icorps_json(call->gk, icorp));
}

void api_waited(struct gatekeeper *gk, struct evhttp_request *request, uint32_t id)
{
	struct call call = {.gk = gk, .request = request};
	struct icorp *icorp = icorps_find(gk->icorps, id);

	if (icorp)
		server_answer_json(&call, 200, icorps_json(gk, icorp));
	else
		server_refuse(&call, 404, "no-such-icorp", "there is no ICorp %u any more", id);
}

void api_icorp_patch(struct call *call)
{
	struct icorp *icorp = named_icorp(call);
	struct problem problem = {0};
	json_t *change;

	if (!icorp)
		return;
	if (body_kind(call) != BODY_JSON) {
		server_refuse(call, 415, "media-type", "send application/json");
		return;
	}
	change = input_json(call->body, call->len, &problem);
	if (!change || icorps_revise(call->gk->icorps, icorp, change, &problem) < 0)
		answer_refused(call, BODY_JSON, &problem);
	else
		server_answer_json(call, 202, icorps_json(call->gk, icorp));
	json_decref(change);
}

void api_icorp_delete(struct call *call)
{
	struct icorp *icorp = named_icorp(call);
	uint32_t id;
	json_t *json;

	if (!icorp)
		return;
	id = icorp->id;
	call->gk->counts.deletes++;
	icorps_delete(call->gk->icorps, icorp);
	icorp = icorps_find(call->gk->icorps, id);
	json = icorp ? icorps_json(call->gk, icorp) : json_pack("{s:I, s:s}", "id", (json_int_t)id, "state", "gone");
	server_answer_json(call, 202, json);
}
