/*
 * Parsing the controller's answers. Absent members are zero: an older controller may say less.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/client_parse.h"

#define MAX_GRANTS 1024

static uint64_t number(const json_t *o, const char *key)
{
	json_int_t i = json_integer_value(json_object_get(o, key));

	return i > 0 ? (uint64_t)i : 0;
}

static void string(const json_t *o, const char *key, char *out, size_t room)
{
	const char *text = json_string_value(json_object_get(o, key));

	snprintf(out, room, "%s", text ? text : "");
}

static int is(const json_t *o, const char *key, const char *word)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text && !strcmp(text, word);
}

static enum icorp_outcome outcome(const json_t *o)
{
	for (unsigned i = 0; i <= ICORP_REFUSED; i++)
		if (is(o, "outcome", icorp_outcome_name(i)))
			return i;
	return ICORP_IGNORED;
}

static void price(const json_t *o, struct icorp_price *p)
{
	p->micro = number(o, "micro");
	p->interval_s = (uint32_t)number(o, "interval_s");
	string(o, "currency", p->currency, sizeof(p->currency));
}

static void grant(const json_t *o, struct icorp_grant *g)
{
	string(o, "element", g->element, sizeof(g->element));
	g->outcome = outcome(o);
	for (unsigned i = 0; i <= ICORP_ENFORCED; i++)
		if (is(o, "enforcement", icorp_enforcement_name(i)))
			g->enforcement = i;
	g->level = number(o, "level");
	string(o, "reason", g->reason, sizeof(g->reason));
}

int parse_reply(const char *text, json_t **result, char *why, size_t room)
{
	json_t *o = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
	int ok = json_is_true(json_object_get(o, "ok")), r = 0;

	*result = json_object_get(o, "result");
	if (ok && json_is_object(*result)) {
		json_incref(*result);
	} else if (json_is_string(json_object_get(o, "error"))) {
		string(o, "error", why, room);
		r = !strncmp(why, "busy:", 5) ? -EBUSY : !strncmp(why, "not reserved:", 13) ? -ENOTCONN : -EREMOTEIO;
	} else {
		snprintf(why, room, "the controller's answer is not understood");
		r = -EBADMSG;
	}
	json_decref(o);
	return r;
}

int parse_answer(const json_t *o, struct icorp_answer *a)
{
	const json_t *grants = json_object_get(o, "grants");
	size_t n = json_array_size(grants);
	char word[16];

	string(o, "resource", word, sizeof(word));
	if (icorp_resource_parse(word, &a->resource) || n > MAX_GRANTS)
		return -EBADMSG;
	if (n && !(a->grant = calloc(n, sizeof(*a->grant))))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		grant(json_array_get(grants, i), &a->grant[i]);
	a->n_grants = (unsigned)n;
	a->sequence = (uint32_t)number(o, "sequence");
	a->direction = is(o, "direction", "less") ? -1 : 1;
	a->steps = (unsigned)number(o, "steps");
	a->answered = json_is_true(json_object_get(o, "answered"));
	a->outcome = outcome(o);
	price(json_object_get(o, "price"), &a->price);
	return 0;
}

static int resource(const json_t *o, struct icorp_status *s)
{
	const json_t *last = json_object_get(o, "last");
	enum icorp_resource r;
	char word[16];

	string(o, "resource", word, sizeof(word));
	if (icorp_resource_parse(word, &r))
		return 0; /* one we do not know */
	s->resource[r].level = number(o, "level");
	s->resource[r].limit = number(o, "limit");
	icorp_answer_clear(&s->resource[r].last);
	return last ? parse_answer(last, &s->resource[r].last) : 0;
}

int parse_status(const json_t *o, struct icorp_status *s)
{
	const json_t *list = json_object_get(o, "resources");
	int r = 0;

	string(o, "name", s->name, sizeof(s->name));
	if (!*s->name)
		return -EBADMSG;
	s->id = (uint32_t)number(o, "id");
	s->revision = (unsigned)number(o, "revision");
	s->reserved = json_is_true(json_object_get(o, "reserved"));
	s->up = json_is_true(json_object_get(o, "up"));
	s->cpu_permille = (unsigned)number(o, "cpu_permille");
	s->memory_permille = (unsigned)number(o, "memory_permille");
	s->connections = (unsigned)number(o, "connections");
	s->serial = number(o, "serial");
	price(json_object_get(o, "price"), &s->price);
	for (size_t i = 0; i < json_array_size(list) && !r; i++)
		r = resource(json_array_get(list, i), s);
	if (r)
		icorp_status_clear(s);
	return r;
}

void icorp_answer_clear(struct icorp_answer *answer)
{
	free(answer->grant);
	memset(answer, 0, sizeof(*answer));
}

void icorp_status_clear(struct icorp_status *status)
{
	for (unsigned r = 0; r <= ICORP_RESOURCES; r++)
		icorp_answer_clear(&status->resource[r].last);
	memset(status, 0, sizeof(*status));
}
