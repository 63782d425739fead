/*
 * Parsing boot.json. The host's controller is trusted to start us, but the file passed through its adaptor and a
 * container's file system: every value is checked, every error names the key at fault and what would be right.
 *
 * struct ctx carries the first error ("sticky"): the getters below do nothing once it is set, so boot_fill() reads from
 * top to bottom and boot_parse() checks once at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/boot.h"
#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/rsvp.h"

struct ctx { struct boot_error *error; int r; char at[64]; /* "services[0]." */ };

static void fail(struct ctx *c, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void fail(struct ctx *c, const char *key, const char *fmt, ...)
{
	int n = snprintf(c->error->text, sizeof(c->error->text), "%s%s: ", c->at, key);
	va_list ap;

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < sizeof(c->error->text))
		vsnprintf(c->error->text + n, sizeof(c->error->text) - (size_t)n, fmt, ap);
	va_end(ap);
	c->r = -EINVAL;
}

/* The member, or NULL when it is absent, null, or an error stands. */
static json_t *member(struct ctx *c, json_t *o, const char *key, int required)
{
	json_t *v = c->r ? NULL : json_object_get(o, key);

	if (v && !json_is_null(v))
		return v;
	if (!c->r && required)
		fail(c, key, "is missing");
	return NULL;
}

static uint64_t number(struct ctx *c, json_t *o, const char *key, int required, uint64_t deflt, uint64_t min,
		       uint64_t max)
{
	json_t *v = member(c, o, key, required);
	json_int_t i;

	if (!v)
		return deflt;
	i = json_integer_value(v);
	if (json_is_integer(v) && i >= 0 && (uint64_t)i >= min && (uint64_t)i <= max)
		return (uint64_t)i;
	fail(c, key, "must be a whole number from %llu to %llu", (unsigned long long)min, (unsigned long long)max);
	return deflt;
}

static const char *string(struct ctx *c, json_t *o, const char *key, int required, size_t room)
{
	json_t *v = member(c, o, key, required);

	if (!v)
		return NULL;
	if (!json_is_string(v)) {
		fail(c, key, "must be a string");
		return NULL;
	}
	if (json_string_length(v) >= room) {
		fail(c, key, "is %zu bytes long; at most %zu", json_string_length(v), room - 1);
		return NULL;
	}
	return json_string_value(v);
}

static struct in_addr address(struct ctx *c, json_t *o, const char *key)
{
	struct in_addr addr = { 0 };
	const char *text = string(c, o, key, 1, 64);

	if (text && addr_parse(text, &addr))
		fail(c, key, "'%s' is no IPv4 address; must be like 10.64.7.66", text);
	return addr;
}

/* Names become file names and environment variables: only [a-z0-9][a-z0-9-]*. */
static void name(struct ctx *c, json_t *o, const char *key, char *out, size_t room)
{
	const char *text = string(c, o, key, 1, room);

	if (!text)
		return;
	if (!*text || *text == '-' || text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")]) {
		fail(c, key, "'%s' is no name; must be lower-case letters, digits and inner dashes", text);
		return;
	}
	snprintf(out, room, "%s", text);
}

static void key_hex(struct ctx *c, json_t *o, struct boot *boot)
{
	const char *text = string(c, o, "key", 1, 2 * BOOT_KEY_MAX + 1);
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return;
	if (len < 32 || len % 2 || hex_decode(text, boot->key, len / 2)) {
		fail(c, "key", "must be 16 to %d bytes as hex digits", BOOT_KEY_MAX);
		return;
	}
	boot->key_len = len / 2;
}

static void service(struct ctx *c, json_t *o, struct boot_service *s)
{
	const char *protocol;

	name(c, o, "name", s->name, sizeof(s->name));
	protocol = string(c, o, "protocol", 0, 8);
	if (protocol && strcmp(protocol, "tcp") && strcmp(protocol, "udp"))
		fail(c, "protocol", "'%s' is unknown; must be tcp or udp", protocol);
	s->tcp = !protocol || !strcmp(protocol, "tcp");
	s->port = (uint16_t)number(c, o, "port", 1, 0, 1, 65535);
}

static void args(struct ctx *c, json_t *o, struct boot_app *app)
{
	json_t *list = member(c, o, "args", 0);

	if (!list)
		return;
	if (!json_is_array(list) || json_array_size(list) > BOOT_MAX_ARGS) {
		fail(c, "args", "must be a list of at most %d strings", BOOT_MAX_ARGS);
		return;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *v = json_array_get(list, i);

		if (!json_is_string(v) || json_string_length(v) >= BOOT_ARG) {
			fail(c, "args", "item %zu must be a string of less than %d bytes", i, BOOT_ARG);
			return;
		}
		app->arg[i] = strdup(json_string_value(v));
		if (!app->arg[i]) {
			c->r = -ENOMEM;
			return;
		}
		app->n_args++;
	}
}

static void app(struct ctx *c, json_t *o, struct boot_app *a)
{
	const char *url, *sha;

	name(c, o, "name", a->name, sizeof(a->name));
	url = string(c, o, "url", 0, sizeof(a->url));
	sha = string(c, o, "sha256", 0, 2 * SHA256_SIZE + 1);
	args(c, o, a);
	if (!url || c->r)
		return;
	if (strncmp(url, "http://", 7) && strncmp(url, "https://", 8))
		fail(c, "url", "must begin with http:// or https://");
	else if (!sha || hex_decode(sha, a->sha256, SHA256_SIZE))
		fail(c, "sha256", "must be %d hex digits, since there is a url", 2 * SHA256_SIZE);
	snprintf(a->url, sizeof(a->url), "%s", url);
}

/* Calls one() for each object of the list; returns how many. */
static unsigned each(struct ctx *c, json_t *o, const char *key, unsigned max, struct boot *boot,
		     void (*one)(struct ctx *c, json_t *item, struct boot *boot, unsigned i))
{
	json_t *list = member(c, o, key, 0);

	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > max) {
		fail(c, key, "must be a list of at most %u objects", max);
		return 0;
	}
	for (unsigned i = 0; i < json_array_size(list) && !c->r; i++) {
		snprintf(c->at, sizeof(c->at), "%s[%u].", key, i);
		if (json_is_object(json_array_get(list, i)))
			one(c, json_array_get(list, i), boot, i);
		else
			fail(c, "", "must be an object");
		c->at[0] = '\0';
	}
	return (unsigned)json_array_size(list);
}

static void one_service(struct ctx *c, json_t *item, struct boot *boot, unsigned i)
{
	service(c, item, &boot->service[i]);
}

static void one_app(struct ctx *c, json_t *item, struct boot *boot, unsigned i)
{
	boot->n_apps = i + 1; /* boot_clear frees the arguments also after an error */
	app(c, item, &boot->app[i]);
	for (unsigned k = 0; k < i && !c->r; k++)
		if (!strcmp(boot->app[k].name, boot->app[i].name))
			fail(c, "name", "'%s' is there twice", boot->app[i].name);
}

static void limits(struct ctx *c, json_t *o, struct boot *boot)
{
	json_t *v = member(c, o, "limits", 0);

	if (!v)
		return;
	if (!json_is_object(v)) {
		fail(c, "limits", "must be an object");
		return;
	}
	for (unsigned r = 1; r <= ICORP_RESOURCES; r++)
		boot->limit[r] = number(c, v, icorp_resource_name(r), 0, 0, 0, INT64_MAX);
}

static void policy(struct ctx *c, json_t *o, struct boot *boot)
{
	struct policy_config *p = &boot->policy;
	json_t *v = member(c, o, "policy", 0), *enabled;

	*p = policy_default;
	if (!v)
		return;
	if (!json_is_object(v)) {
		fail(c, "policy", "must be an object");
		return;
	}
	snprintf(c->at, sizeof(c->at), "policy.");
	enabled = member(c, v, "enabled", 0);
	if (enabled && !json_is_boolean(enabled))
		fail(c, "enabled", "must be true or false");
	p->enabled = enabled ? json_is_true(enabled) : 1;
	p->high_permille = 10 * (unsigned)number(c, v, "high", 0, p->high_permille / 10, 1, 100);
	p->low_permille = 10 * (unsigned)number(c, v, "low", 0, p->low_permille / 10, 0, 99);
	p->band_permille = 10 * (unsigned)number(c, v, "band", 0, p->band_permille / 10, 0, 50);
	p->high_us = CLOCK_S * number(c, v, "high_time", 0, p->high_us / CLOCK_S, 1, 86400);
	p->low_us = CLOCK_S * number(c, v, "low_time", 0, p->low_us / CLOCK_S, 1, 86400);
	p->cooldown_us = CLOCK_S * number(c, v, "cooldown", 0, p->cooldown_us / CLOCK_S, 1, 86400);
	p->steps = (unsigned)number(c, v, "steps", 0, p->steps, 1, 1000);
	p->budget_micro = number(c, v, "budget", 0, 0, 0, INT64_MAX);
	if (!c->r && p->low_permille >= p->high_permille)
		fail(c, "low", "must be below high");
	c->at[0] = '\0';
}

static void boot_fill(struct ctx *c, json_t *o, struct boot *boot)
{
	boot->icorp = (uint32_t)number(c, o, "icorp", 1, 0, 1, UINT32_MAX);
	boot->leader = address(c, o, "leader");
	boot->revision = (unsigned)number(c, o, "revision", 0, 1, 0, UINT16_MAX);
	name(c, o, "name", boot->name, sizeof(boot->name));
	boot->endpoint = address(c, o, "endpoint");
	boot->address = address(c, o, "address");
	boot->host = address(c, o, "host");
	boot->port = (uint16_t)number(c, o, "port", 0, RSVP_PORT, 1, 65535);
	boot->listen = (uint16_t)number(c, o, "listen", 0, boot->port, 1, 65535);
	boot->enterprise = (uint32_t)number(c, o, "enterprise", 0, RSVP_ENTERPRISE, 1, UINT32_MAX);
	boot->key_id = (uint32_t)number(c, o, "key_id", 1, 0, 0, UINT32_MAX);
	key_hex(c, o, boot);
	boot->n_services = each(c, o, "services", BOOT_MAX_SERVICES, boot, one_service);
	each(c, o, "apps", BOOT_MAX_APPS, boot, one_app);
	limits(c, o, boot);
	policy(c, o, boot);
}

int boot_parse(const char *json, size_t len, struct boot *boot, struct boot_error *error)
{
	struct ctx c = { .error = error };
	json_error_t where;
	json_t *o;

	error->text[0] = '\0';
	if (len > BOOT_MAX_SIZE) {
		snprintf(error->text, sizeof(error->text), "is longer than %d bytes", BOOT_MAX_SIZE);
		return -E2BIG;
	}
	o = json_loadb(json, len, JSON_REJECT_DUPLICATES, &where);
	if (!o) {
		snprintf(error->text, sizeof(error->text), "line %d: %s", where.line, where.text);
		return -EINVAL;
	}
	if (json_is_object(o))
		boot_fill(&c, o, boot);
	else
		fail(&c, "the document", "must be an object");
	json_decref(o);
	if (c.r)
		boot_clear(boot);
	return c.r;
}

int boot_load(const char *path, struct boot *boot, struct boot_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;
	size_t len = 0;
	ssize_t n = 0;
	char *text;

	if (fd < 0) {
		r = -errno;
		snprintf(error->text, sizeof(error->text), "%s", strerror(errno));
		return r;
	}
	text = malloc(BOOT_MAX_SIZE + 1);
	while (text && len <= BOOT_MAX_SIZE && (n = read(fd, text + len, BOOT_MAX_SIZE + 1 - len)) > 0)
		len += (size_t)n;
	r = !text ? -ENOMEM : n < 0 ? -errno : 0;
	close(fd);
	if (r)
		snprintf(error->text, sizeof(error->text), "%s", strerror(-r));
	else
		r = boot_parse(text, len, boot, error);
	free(text);
	return r;
}

void boot_clear(struct boot *boot)
{
	for (unsigned i = 0; i < boot->n_apps; i++)
		for (unsigned k = 0; k < boot->app[i].n_args; k++)
			free(boot->app[i].arg[k]);
	explicit_bzero(boot, sizeof(*boot));
}
