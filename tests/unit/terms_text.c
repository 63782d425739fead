/* Terms as text: see terms_text.h. Each keyword is a row of a table. */
#include "tests/unit/terms_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 24

struct line { char *word[MAX_WORDS]; unsigned n; };

static int number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text < '0' || *text > '9' || *end || errno || *out > max ? -EINVAL : 0;
}

static int copy(char *out, size_t room, const char *text)
{
	return snprintf(out, room, "%s", text) >= (int)room ? -EINVAL : 0;
}

static int unhex(const char *text, uint8_t *out, size_t len)
{
	if (strlen(text) != 2 * len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		out[i] = (uint8_t)byte;
	}
	return 0;
}

/* The value of KEY=VALUE among the words from the n-th on; NULL when absent. A bare KEY has the value "". */
static const char *value(const struct line *l, unsigned from, const char *key)
{
	size_t len = strlen(key);

	for (unsigned i = from; i < l->n; i++)
		if (!strncmp(l->word[i], key, len) && (l->word[i][len] == '=' || !l->word[i][len]))
			return l->word[i] + len + (l->word[i][len] == '=');
	return NULL;
}

static int value_number(const struct line *l, unsigned from, const char *key, uint64_t max, uint64_t *out)
{
	const char *text = value(l, from, key);

	*out = 0;
	return text ? number(text, max, out) : 0;
}

static int value_addr(const struct line *l, unsigned from, const char *key, struct in_addr *out)
{
	const char *text = value(l, from, key);

	return text ? addr_parse(text, out) : 0;
}

/* One more element of an array in the terms. */
static void *grow(void *array, unsigned *n, size_t size)
{
	char *more = realloc(array, (*n + 1) * size);

	if (!more)
		abort();
	memset(more + *n * size, 0, size);
	++*n;
	return more;
}

static int scalar(const struct line *l, struct adaptor_terms *t)
{
	static const char *const capacities[] = { "best-effort", "controlled", "constant" };
	const char *key = l->word[0], *text = l->n > 1 ? l->word[1] : "";
	uint64_t v = 0;
	int rc = -ENOENT;

	if (!strcmp(key, "name"))
		return copy(t->name, sizeof(t->name), text);
	if (!strcmp(key, "leader"))
		return addr_parse(text, &t->leader);
	if (!strcmp(key, "prefix"))
		return prefix_parse(text, &t->prefix, 0);
	if (!strcmp(key, "leading"))
		return t->leading = 1, 0;
	for (unsigned i = 0; !strcmp(key, "capacity") && i < 3; i++)
		if (!strcmp(text, capacities[i]))
			return t->capacity = (enum capacity_class)i, 0;
	if (!strcmp(key, "icorp"))
		t->icorp = (uint32_t)((rc = number(text, UINT32_MAX, &v)), v);
	else if (!strcmp(key, "revision"))
		t->revision = (uint16_t)((rc = number(text, UINT16_MAX, &v)), v);
	else if (!strcmp(key, "priority"))
		t->priority = (uint8_t)((rc = number(text, 7, &v)), v);
	else if (!strcmp(key, "vlan"))
		t->vlan = (uint16_t)((rc = number(text, 4094, &v)), v);
	else if (!strcmp(key, "lifetime"))
		t->lifetime_s = (uint32_t)((rc = number(text, UINT32_MAX, &v)), v);
	return rc;
}

static int port(const struct line *l, struct adaptor_terms *t)
{
	if (l->n < 2 || t->n_ports == ADAPTOR_MAX_PORTS)
		return -EINVAL;
	struct terms_port *p = &t->ports[t->n_ports++];

	p->trunk = value(l, 2, "trunk") != NULL;
	return copy(p->ifname, sizeof(p->ifname), l->word[1]) ||
	       value_number(l, 2, "rate", UINT64_MAX, &p->rate_bps) ||
	       value_number(l, 2, "ceil", UINT64_MAX, &p->ceil_bps) ? -EINVAL : 0;
}

static int endpoint(const struct line *l, struct adaptor_terms *t)
{
	uint64_t weight;

	if (l->n < 3)
		return -EINVAL;
	t->endpoints = grow(t->endpoints, &t->n_endpoints, sizeof(*t->endpoints));
	struct terms_endpoint *e = &t->endpoints[t->n_endpoints - 1];

	e->kind = strcmp(l->word[2], "server") ? ENDPOINT_ACCESS : ENDPOINT_SERVER;
	e->local = value(l, 3, "local") != NULL;
	e->up = value(l, 3, "up") != NULL;
	if (copy(e->element, sizeof(e->element), l->word[1]) || value_number(l, 3, "weight", UINT16_MAX, &weight))
		return -EINVAL;
	e->weight = (uint16_t)weight;
	return value_addr(l, 3, "control", &e->control) || value_addr(l, 3, "private", &e->private_addr) ||
	       value_addr(l, 3, "public", &e->public_addr) ? -EINVAL : 0;
}

static int service(const struct line *l, struct adaptor_terms *t)
{
	uint64_t from, to;

	if (l->n != 5 || number(l->word[3], UINT16_MAX, &from) || number(l->word[4], UINT16_MAX, &to))
		return -EINVAL;
	t->services = grow(t->services, &t->n_services, sizeof(*t->services));
	struct contract_service *s = &t->services[t->n_services - 1];

	s->protocol = strcmp(l->word[2], "udp") ? SERVICE_TCP : SERVICE_UDP;
	s->port = (uint16_t)from;
	s->target_port = (uint16_t)to;
	return copy(s->name, sizeof(s->name), l->word[1]);
}

static int app(const struct line *l, struct adaptor_terms *t)
{
	const char *url = value(l, 2, "url"), *sha = value(l, 2, "sha256");

	if (l->n < 2)
		return -EINVAL;
	t->apps = grow(t->apps, &t->n_apps, sizeof(*t->apps));
	struct contract_app *a = &t->apps[t->n_apps - 1];

	return copy(a->name, sizeof(a->name), l->word[1]) || (url && copy(a->url, sizeof(a->url), url)) ||
	       (sha && unhex(sha, a->sha256, sizeof(a->sha256))) ? -EINVAL : 0;
}

static int arg(const struct line *l, struct adaptor_terms *t)
{
	struct contract_app *a = t->n_apps ? &t->apps[t->n_apps - 1] : NULL;

	if (!a || l->n != 2 || a->n_args == CONTRACT_MAX_ARGS)
		return -EINVAL;
	a->arg[a->n_args++] = strdup(l->word[1]);
	return 0;
}

static int isc(const struct line *l, struct adaptor_terms *t)
{
	struct terms_isc *i = &t->isc;
	const char *image = value(l, 1, "image");
	uint64_t vcpus, host_port;

	i->present = 1;
	if (value_number(l, 1, "shares", UINT64_MAX, &i->spec.cpu_shares) ||
	    value_number(l, 1, "quota", UINT64_MAX, &i->spec.cpu_quota_us) ||
	    value_number(l, 1, "memory", UINT64_MAX, &i->spec.memory_kib) ||
	    value_number(l, 1, "most", UINT64_MAX, &i->max_memory_kib) ||
	    value_number(l, 1, "disk", UINT64_MAX, &i->spec.disk_mib) ||
	    value_number(l, 1, "vcpus", UINT32_MAX, &vcpus) || value_number(l, 1, "port", UINT16_MAX, &host_port))
		return -EINVAL;
	i->spec.vcpus = (unsigned)vcpus;
	i->host_port = (uint16_t)host_port;
	return copy(i->spec.image, sizeof(i->spec.image), image ? image : "") ||
	       value_addr(l, 1, "address", &i->address) || value_addr(l, 1, "host", &i->host) ? -EINVAL : 0;
}

static int key(const struct line *l, struct adaptor_terms *t)
{
	uint64_t id;

	if (l->n != 3 || number(l->word[1], UINT32_MAX, &id))
		return -EINVAL;
	t->isc.key_id = (uint32_t)id;
	return unhex(l->word[2], t->isc.key, sizeof(t->isc.key));
}

static const struct { const char *word; int (*read)(const struct line *l, struct adaptor_terms *t); } words[] = {
	{ "port", port }, { "endpoint", endpoint }, { "service", service }, { "app", app }, { "arg", arg },
	{ "isc", isc }, { "key", key },
};

static int read_line(const struct line *l, struct adaptor_terms *t)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(l->word[0], words[i].word))
			return words[i].read(l, t);
	return scalar(l, t);
}

int terms_text_read(FILE *f, struct adaptor_terms *t, char *why, size_t room)
{
	char text[2048], *rest;
	unsigned at = 0;

	memset(t, 0, sizeof(*t));
	while (fgets(text, sizeof(text), f)) {
		struct line l = { .n = 0 };

		at++;
		text[strcspn(text, "#\n")] = '\0';
		for (char *w = strtok_r(text, " \t", &rest); w && l.n < MAX_WORDS; w = strtok_r(NULL, " \t", &rest))
			l.word[l.n++] = w;
		if (l.n && read_line(&l, t)) {
			snprintf(why, room, "line %u: '%s' is unknown or its values are wrong", at, l.word[0]);
			terms_clear(t);
			return -EINVAL;
		}
	}
	return 0;
}
