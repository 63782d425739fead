/*
 * Pages (pages.h). Hand-written files of the www directory; the HTML ones are templates in which a line consisting of
 * <!--#word--> is replaced by what fill() writes for the word, so that everything works without scripts too. Scripts
 * then keep the page up to date from /v1/events.
 *
 * The content security policy allows nothing but our own files: no inline script or style, no frames, no other host.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gatekeeper/dns.h"
#include "gatekeeper/elements.h"
#include "gatekeeper/handlers.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/input.h"
#include "gatekeeper/pages.h"
#include "gatekeeper/price.h"
#include "gatekeeper/server.h"

#define MAX_FILE (1024 * 1024)
#define POLICY "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " \
	       "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/* What a template is filled with; members may be null. */
struct page { struct call *call; const struct icorp *icorp; const struct problem *problem; };

void pages_escape(struct evbuffer *out, const char *text)
{
	while (*text) {
		size_t plain = strcspn(text, "&<>\"'");

		evbuffer_add(out, text, plain);
		text += plain;
		if (!*text)
			break;
		evbuffer_add_printf(out, "&#%d;", *text++);
	}
}

int pages_file_ok(const char *name, const char **type)
{
	static const struct { const char *suffix, *type; } types[] = {
		{".html", "text/html; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"}, {".svg", "image/svg+xml"}, {".json", "application/json"}};
	size_t len = strlen(name);

	if (!len || name[0] == '.' ||
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != len)
		return 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n = strlen(types[i].suffix);

		if (len > n && !strcmp(name + len - n, types[i].suffix)) {
			*type = types[i].type;
			return 1;
		}
	}
	return 0;
}

/* A regular file of the www directory, not through a link, NUL-terminated. NULL and errno. */
static char *read_file(const struct gatekeeper *gk, const char *name, size_t *len)
{
	int dir = open(gk->config->www, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	ssize_t n;

	if (dir >= 0)
		close(dir);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE)
		errno = ENOENT;
	else
		text = malloc((size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (n < 0) {
		free(text);
		text = NULL;
	} else {
		text[n] = '\0';
		*len = (size_t)n;
	}
	close(fd);
	return text;
}

/* ---- templates ---- */

static void fill_classes(struct evbuffer *out, const struct page *page)
{
	const struct gk_config *config = page->call->gk->config;
	const struct gk_class *classes = config->classes.data;

	for (size_t i = 0; i < config->classes.n; i++) {
		evbuffer_add_printf(out, "<option value=\"%s\">%s", classes[i].title, classes[i].title);
		if (classes[i].help[0]) {
			evbuffer_add_printf(out, " – ");
			pages_escape(out, classes[i].help);
		}
		evbuffer_add_printf(out, "</option>\n");
	}
}

static void fill_elements_of(struct evbuffer *out, const struct page *page, enum element_kind kind, const char *field)
{
	struct element *e;

	for (size_t i = 0; (e = elements_nth(page->call->gk->elements, i)); i++)
		if (e->reg.kind == kind)
			evbuffer_add_printf(out, "<label class=\"check\"><input type=\"checkbox\" name=\"%s\" value=\"%s\"%s> %s</label>\n",
					    field, e->reg.name, e->alive ? "" : " disabled", e->reg.name);
}

static void fill_access(struct evbuffer *out, const struct page *page)
{
	fill_elements_of(out, page, ELEMENT_ACCESS, "access");
}

static void fill_servers(struct evbuffer *out, const struct page *page)
{
	fill_elements_of(out, page, ELEMENT_SERVER, "server");
}

static void fill_icorps(struct evbuffer *out, const struct page *page)
{
	struct icorp *icorp;

	for (size_t i = 0; (icorp = icorps_nth(page->call->gk->icorps, i)); i++)
		if (page->call->who.kind == CALLER_OPERATOR ||
		    (page->call->who.kind == CALLER_CLIENT && server_may_touch(page->call, icorp->contract->client)) ||
		    (page->call->who.kind == CALLER_NOBODY && strcmp(page->call->gk->config->anonymous, "none")))
			evbuffer_add_printf(out, "<tr data-icorp=\"%u\"><td>%u</td><td><a href=\"/icorps/%u\">%s</a></td><td>%s</td>"
					    "<td>%s</td><td>%s</td></tr>\n", icorp->id, icorp->id, icorp->id,
					    icorp->contract->name, icorp->contract->client, icorp->contract->class_name,
					    life_name(icorp->state));
}

static void row(struct evbuffer *out, const char *name, const char *value)
{
	evbuffer_add_printf(out, "<dt>%s</dt><dd>", name);
	pages_escape(out, value);
	evbuffer_add_printf(out, "</dd>\n");
}

static void fill_facts(struct evbuffer *out, const struct page *page)
{
	const struct contract *c = page->icorp->contract;
	char text[128], address[PREFIX_TEXT];

	row(out, "State", life_name(page->icorp->state));
	row(out, "Name", c->name);
	row(out, "Client", c->client);
	row(out, "Class", c->class_name);
	row(out, "DNS name", c->dns_name);
	row(out, "DNS", dns_state(page->call->gk->dns, page->icorp->named, c->dns_name));
	row(out, "Private addresses", prefix_text(c->network.prefix, address));
	row(out, "Contracted price", price_text(price_of(c), c->prices.currency, c->prices.interval_s, text, sizeof(text)));
	for (unsigned i = 0; i < c->n_services; i++) {
		snprintf(text, sizeof(text), "%s, port %u", c->services[i].name, c->services[i].port);
		row(out, "Service", text);
	}
	if (page->icorp->error) {
		const char *reason = json_string_value(json_object_get(page->icorp->error, "reason"));
		const char *element = json_string_value(json_object_get(page->icorp->error, "element"));

		row(out, "Refused by", element ? element : "");
		row(out, "Reason", reason ? reason : "");
	}
}

static void fill_endpoints(struct evbuffer *out, const struct page *page)
{
	const struct contract *c = page->icorp->contract;
	char a[ADDR_TEXT], b[ADDR_TEXT];

	for (unsigned i = 0; i < c->n_endpoints; i++) {
		const struct contract_endpoint *e = &c->endpoints[i];

		evbuffer_add_printf(out, "<tr data-element=\"%s\"><td>%s</td><td>%s%s</td><td>%s</td><td>%s</td><td></td><td></td></tr>\n",
				    e->element, e->element, e->kind == ENDPOINT_ACCESS ? "access router" : "server",
				    e->leader ? ", leads" : "", addr_text(e->private_addr, a),
				    e->public_addr.s_addr ? addr_text(e->public_addr, b) : "");
	}
}

static void fill_id(struct evbuffer *out, const struct page *page)
{
	evbuffer_add_printf(out, "<a id=\"icorp\" data-id=\"%u\" href=\"/\">All ICorps</a>", page->icorp->id);
}

static void fill_problem(struct evbuffer *out, const struct page *page)
{
	if (!page->problem)
		return;
	evbuffer_add_printf(out, "<p class=\"problem\" role=\"alert\" tabindex=\"-1\"><strong>Refused.</strong> ");
	pages_escape(out, page->problem->message);
	evbuffer_add_printf(out, "</p>\n");
}

static const struct {
	const char *word;
	int needs_icorp;
	void (*fill)(struct evbuffer *out, const struct page *page);
} fills[] = {
	{"classes", 0, fill_classes}, {"access", 0, fill_access}, {"servers", 0, fill_servers},
	{"icorps", 0, fill_icorps}, {"problem", 0, fill_problem}, {"id", 1, fill_id}, {"facts", 1, fill_facts},
	{"endpoints", 1, fill_endpoints},
};

static void fill(struct evbuffer *out, const struct page *page, const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++)
		if (strlen(fills[i].word) == len && !strncmp(fills[i].word, word, len) &&
		    (page->icorp || !fills[i].needs_icorp))
			fills[i].fill(out, page);
}

static void expand(struct evbuffer *out, const struct page *page, const char *text)
{
	const char *mark, *end;

	while ((mark = strstr(text, "<!--#")) && (end = strstr(mark, "-->"))) {
		evbuffer_add(out, text, (size_t)(mark - text));
		fill(out, page, mark + 5, (size_t)(end - mark - 5));
		text = end + 3;
	}
	evbuffer_add(out, text, strlen(text));
}

static void answer_template(struct page *page, int status, const char *file)
{
	struct evbuffer *out = evbuffer_new();
	size_t len;
	char *text = read_file(page->call->gk, file, &len);

	if (!out || !text) {
		server_refuse(page->call, 503, "no-pages", "the pages are not installed: %s has no %s",
			      page->call->gk->config->www, file);
	} else {
		expand(out, page, text);
		server_set_header(page->call, "Content-Security-Policy", POLICY);
		len = evbuffer_get_length(out);
		server_answer_text(page->call, status, "text/html; charset=utf-8",
				   (const char *)evbuffer_pullup(out, -1), len);
	}
	free(text);
	if (out)
		evbuffer_free(out);
}

/* ---- handlers ---- */

void pages_index(struct call *call)
{
	struct page page = {.call = call};

	answer_template(&page, 200, "index.html");
}

void pages_problem(struct call *call, const struct problem *problem)
{
	struct page page = {.call = call, .problem = problem};

	answer_template(&page, problem->status, "index.html");
}

void pages_icorp(struct call *call)
{
	struct page page = {.call = call};
	uint64_t id;

	if (input_number(call->arg[0], UINT32_MAX, &id) == 0)
		page.icorp = icorps_find(call->gk->icorps, (uint32_t)id);
	if (page.icorp && server_may_touch(call, page.icorp->contract->client))
		answer_template(&page, 200, "icorp.html");
	else
		server_refuse(call, 404, "no-such-icorp", "there is no ICorp %.40s", call->arg[0]);
}

static void answer_file(struct call *call, const char *name)
{
	const char *type = NULL;
	size_t len;
	char *text = pages_file_ok(name, &type) ? read_file(call->gk, name, &len) : NULL;

	if (!text) {
		server_refuse(call, 404, "not-found", "there is no such file");
		return;
	}
	server_set_header(call, "Content-Security-Policy", POLICY);
	server_set_header(call, "Cache-Control", "no-cache");
	server_answer_text(call, 200, type, text, len);
	free(text);
}

void pages_file(struct call *call)
{
	answer_file(call, call->arg[0]);
}

void pages_openapi(struct call *call)
{
	answer_file(call, "openapi.json");
}
