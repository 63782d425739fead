/*
 * Reading a description: hostile input until spec_parse has returned 0.
 *
 * A struct reader carries the first fault and its place ("services[0].port"), so that the readers of single
 * members need no error paths: after a fault they return zero and the next ones do nothing. Bounds of sizes are
 * checked before anything is allocated by them. What one member cannot say alone (twice the same port, a server
 * that is the proxy itself) is checked at the end.
 */
#include "config.h"

#include "proxy/spec.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/writer.h"
#include "proxy/policy.h"

struct reader {
	char at[48];      /* "" or "services[3]." */
	char *why;
	size_t room;
	int error;
};

static void fault(struct reader *r, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void fault(struct reader *r, int error, const char *fmt, ...)
{
	va_list ap;

	if (r->error)
		return;
	r->error = error;
	va_start(ap, fmt);
	vsnprintf(r->why, r->room, fmt, ap);
	va_end(ap);
}

/* Every member of the object must be among the names. */
static void only(struct reader *r, json_t *object, const char *const *names)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object)) {
		fault(r, -EINVAL, "%.*s must be an object", *r->at ? (int)strlen(r->at) - 1 : 15,
		      *r->at ? r->at : "the description");
		return;
	}
	json_object_foreach(object, key, value) {
		const char *const *name = names;

		while (*name && strcmp(*name, key))
			name++;
		if (!*name)
			fault(r, -EINVAL, "%s%.32s: no such member", r->at, key);
	}
}

static uint32_t number(struct reader *r, json_t *object, const char *name, uint32_t min, uint32_t max, int64_t deflt)
{
	json_t *value = json_object_get(object, name);
	json_int_t n;

	if (r->error)
		return 0;
	if (!value && deflt >= 0)
		return (uint32_t)deflt;
	n = json_is_integer(value) ? json_integer_value(value) : -1;
	if (n < (json_int_t)min || n > (json_int_t)max) {
		fault(r, -EINVAL, "%s%s: must be a number from %u to %u", r->at, name, min, max);
		return 0;
	}
	return (uint32_t)n;
}

static int boolean(struct reader *r, json_t *object, const char *name, int deflt)
{
	json_t *value = json_object_get(object, name);

	if (value && !json_is_boolean(value))
		fault(r, -EINVAL, "%s%s: must be true or false", r->at, name);
	return value ? json_is_true(value) : deflt;
}

/* The string, or NULL after a fault. */
static const char *string(struct reader *r, json_t *object, const char *name, const char *deflt)
{
	json_t *value = json_object_get(object, name);

	if (r->error)
		return NULL;
	if (!value && deflt)
		return deflt;
	if (!json_is_string(value))
		fault(r, -EINVAL, "%s%s: must be a string", r->at, name);
	return json_string_value(value);
}

static void name(struct reader *r, json_t *object, const char *member, char out[SPEC_NAME])
{
	const char *text = string(r, object, member, NULL);
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return;
	if (!len || len >= SPEC_NAME || text[0] == '-' ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
		fault(r, -EINVAL, "%s%s: must be 1 to %d of a-z, 0-9 and -", r->at, member, SPEC_NAME - 1);
		return;
	}
	memcpy(out, text, len + 1);
}

/* A unicast address: not 0/8, not class D or E, not the broadcast address. */
static struct in_addr address(struct reader *r, json_t *object, const char *member)
{
	const char *text = string(r, object, member, NULL);
	struct in_addr addr = { 0 };
	uint32_t first;

	if (!text)
		return addr;
	if (!addr_parse(text, &addr)) {
		first = ntohl(addr.s_addr) >> 24;
		if (first > 0 && first < 224)
			return addr;
	}
	fault(r, -EINVAL, "%s%s: must be a unicast IPv4 address", r->at, member);
	return (struct in_addr){ 0 };
}

/* The index of a string among the choices (ended by NULL). */
static int choice(struct reader *r, json_t *object, const char *member, const char *const *choices,
		  const char *deflt)
{
	const char *text = string(r, object, member, deflt);

	for (int i = 0; text && choices[i]; i++)
		if (!strcmp(choices[i], text))
			return i;
	if (text)
		fault(r, -EINVAL, "%s%s: %.32s: no such choice; there are %s, %s%s%s", r->at, member, text, choices[0],
		      choices[1], choices[2] ? ", " : "", choices[2] ? choices[2] : "");
	return 0;
}

static const char *const mode_names[] = { "auto", "relay", "kernel", NULL };
static const char *const protocol_names[] = { "tcp", "udp", NULL };

static void service(struct reader *r, json_t *object, enum spec_mode mode, struct spec_service *s)
{
	static const char *const names[] = { "name", "protocol", "port", "target_port", "proxy_protocol", NULL };

	only(r, object, names);
	name(r, object, "name", s->name);
	s->protocol = choice(r, object, "protocol", protocol_names, NULL) ? SPEC_UDP : SPEC_TCP;
	s->port = (uint16_t)number(r, object, "port", 1, 65535, -1);
	s->target_port = (uint16_t)number(r, object, "target_port", 1, 65535, s->port);
	s->proxy_protocol = boolean(r, object, "proxy_protocol", 0);
	if (mode == SPEC_RELAY && s->protocol == SPEC_UDP)
		fault(r, -EINVAL, "%sprotocol: the relay takes tcp only; udp needs mode auto or kernel", r->at);
	if (s->proxy_protocol && spec_in_kernel(mode, s->protocol))
		fault(r, -EINVAL, "%sproxy_protocol: only the relay can do that, for tcp", r->at);
}

static void backend(struct reader *r, json_t *object, struct spec_backend *b)
{
	static const char *const names[] = { "element", "address", "weight", "up", NULL };

	only(r, object, names);
	name(r, object, "element", b->element);
	b->address = address(r, object, "address");
	b->weight = (uint16_t)number(r, object, "weight", 0, SPEC_MAX_WEIGHT, 1);
	b->up = boolean(r, object, "up", 1);
}

/* The array's length after checking it. */
static unsigned array(struct reader *r, json_t *object, const char *member, unsigned min, unsigned max, json_t **out)
{
	*out = json_object_get(object, member);
	if (r->error)
		return 0;
	if (!json_is_array(*out) || json_array_size(*out) < min || json_array_size(*out) > max) {
		fault(r, -EINVAL, "%s: must be an array of %u to %u", member, min, max);
		return 0;
	}
	return (unsigned)json_array_size(*out);
}

static void lists(struct reader *r, json_t *root, struct spec *spec)
{
	json_t *services, *backends;

	spec->n_services = array(r, root, "services", 1, SPEC_MAX_SERVICES, &services);
	for (unsigned i = 0; i < spec->n_services && !r->error; i++) {
		snprintf(r->at, sizeof(r->at), "services[%u].", i);
		service(r, json_array_get(services, i), spec->mode, &spec->services[i]);
	}
	r->at[0] = '\0';
	spec->n_backends = array(r, root, "backends", 0, SPEC_MAX_BACKENDS, &backends);
	spec->backends = calloc(spec->n_backends ? spec->n_backends : 1, sizeof(*spec->backends));
	if (!spec->backends) {
		spec->n_backends = 0;
		fault(r, -ENOMEM, "out of memory");
	}
	for (unsigned i = 0; i < spec->n_backends && !r->error; i++) {
		snprintf(r->at, sizeof(r->at), "backends[%u].", i);
		backend(r, json_array_get(backends, i), &spec->backends[i]);
	}
	r->at[0] = '\0';
}

/* What single members cannot say. */
static void together(struct reader *r, const struct spec *spec)
{
	for (unsigned i = 0; i < spec->n_services; i++)
		for (unsigned j = 0; j < i; j++) {
			const struct spec_service *a = &spec->services[i], *b = &spec->services[j];

			if (!strcmp(a->name, b->name))
				fault(r, -EINVAL, "services[%u].name: %s is services[%u] already", i, a->name, j);
			if (a->port == b->port && a->protocol == b->protocol)
				fault(r, -EINVAL, "services[%u].port: %u is services[%u] already", i, a->port, j);
		}
	for (unsigned i = 0; i < spec->n_backends; i++) {
		const struct spec_backend *a = &spec->backends[i];

		if (a->address.s_addr == spec->public_addr.s_addr)
			fault(r, -EINVAL, "backends[%u].address: is the public address: a loop", i);
		for (unsigned j = 0; j < i; j++) {
			if (!strcmp(a->element, spec->backends[j].element))
				fault(r, -EINVAL, "backends[%u].element: %s is backends[%u] already", i, a->element, j);
			if (a->address.s_addr == spec->backends[j].address.s_addr)
				fault(r, -EINVAL, "backends[%u].address: is backends[%u]'s already", i, j);
		}
	}
}

static void description(struct reader *r, json_t *root, struct spec *spec)
{
	static const char *const names[] = { "id", "leader", "name", "public", "source", "mode", "policy", "lifetime_s",
					     "services", "backends", NULL };
	const char *policy;

	only(r, root, names);
	spec->key.id = number(r, root, "id", 1, UINT32_MAX, -1);
	spec->key.leader = address(r, root, "leader");
	name(r, root, "name", spec->name);
	spec->public_addr = address(r, root, "public");
	spec->source = address(r, root, "source");
	spec->mode = (enum spec_mode)choice(r, root, "mode", mode_names, "auto");
	spec->lifetime_s = number(r, root, "lifetime_s", 0, SPEC_MAX_LIFETIME_S, 0);
	policy = string(r, root, "policy", policy_nth(0)->name);
	spec->policy = policy ? policy_find(policy) : NULL;
	if (policy && !spec->policy)
		fault(r, -EINVAL, "policy: %.32s: no such policy; `show policies` lists them", policy);
	lists(r, root, spec);
	if (!r->error)
		together(r, spec);
}

int spec_parse(const char *text, struct spec *out, char *why, size_t room)
{
	struct reader r = { .why = why, .room = room };
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	memset(out, 0, sizeof(*out));
	if (!root) {
		snprintf(why, room, "not JSON: line %d, column %d: %s", error.line, error.column, error.text);
		return -EINVAL;
	}
	description(&r, root, out);
	json_decref(root);
	if (r.error)
		spec_clear(out);
	return r.error;
}

void spec_clear(struct spec *spec)
{
	free(spec->backends);
	memset(spec, 0, sizeof(*spec));
}

int spec_in_kernel(enum spec_mode mode, enum spec_protocol protocol)
{
	return mode == SPEC_KERNEL || (mode == SPEC_AUTO && protocol == SPEC_UDP);
}

void spec_write(const struct spec *spec, struct writer *w)
{
	char text[ADDR_TEXT];

	writer_uint(w, "id", spec->key.id);
	writer_str(w, "leader", addr_text(spec->key.leader, text));
	writer_str(w, "name", spec->name);
	writer_str(w, "public", addr_text(spec->public_addr, text));
	writer_str(w, "source", addr_text(spec->source, text));
	writer_str(w, "mode", spec_mode_name(spec->mode));
	writer_str(w, "policy", spec->policy->name);
	writer_uint(w, "lifetime_s", spec->lifetime_s);
	writer_array(w, "services");
	for (unsigned i = 0; i < spec->n_services; i++) {
		const struct spec_service *s = &spec->services[i];

		writer_object(w, NULL);
		writer_str(w, "name", s->name);
		writer_str(w, "protocol", spec_protocol_name(s->protocol));
		writer_uint(w, "port", s->port);
		writer_uint(w, "target_port", s->target_port);
		writer_bool(w, "proxy_protocol", s->proxy_protocol);
		writer_end(w);
	}
	writer_end(w);
	writer_array(w, "backends");
	for (unsigned i = 0; i < spec->n_backends; i++) {
		const struct spec_backend *b = &spec->backends[i];

		writer_object(w, NULL);
		writer_str(w, "element", b->element);
		writer_str(w, "address", addr_text(b->address, text));
		writer_uint(w, "weight", b->weight);
		writer_bool(w, "up", b->up);
		writer_end(w);
	}
	writer_end(w);
}

int spec_key_equal(struct spec_key a, struct spec_key b)
{
	return a.id == b.id && a.leader.s_addr == b.leader.s_addr;
}

const char *spec_mode_name(enum spec_mode mode)
{
	return mode_names[mode];
}

const char *spec_protocol_name(enum spec_protocol protocol)
{
	return protocol_names[protocol == SPEC_UDP];
}
