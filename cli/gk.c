/*
 * icorpctl gk: the gatekeeper's clients' API (doc/gatekeeper-api.md) from a shell. One request in a private event loop;
 * JSON answers are printed by the writer, a contract as it is.
 */
#include "config.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/http.h"
#include "lib/text.h"
#include "lib/writer.h"

#define MAX_DOCUMENT (1u << 20)
#define MAX_ANSWER (16u << 20)

const char *const gk_usage[] = { "list", "get <ID>", "contract <ID>", "submit <FILE>", "revise <ID> <FILE>", "delete <ID>",
				 "status", "classes", "elements", "help", NULL };

/* What to ask; path may hold one %s for the argument. */
struct verb { const char *word, *method, *path; int args; const char *help; };

static const struct verb verbs[] = {
	{ "list", "GET", "/v1/icorps", 0, "all ICorps" },
	{ "get", "GET", "/v1/icorps/%s", 1, "one ICorp: state, revision and the next one, endpoints, price, last error" },
	{ "contract", "GET", "/v1/icorps/%s/contract", 1, "its contract's XML" },
	{ "submit", "POST", "/v1/icorps", 1, "send the request in FILE (XML or JSON; - for standard input)" },
	{ "revise", "PATCH", "/v1/icorps/%s", 2, "another class or other servers: the change in FILE (JSON; - for standard input)" },
	{ "delete", "DELETE", "/v1/icorps/%s", 1, "end it" },
	{ "status", "GET", "/v1/status", 0, "how the gatekeeper is" },
	{ "classes", "GET", "/v1/classes", 0, "what can be asked for" },
	{ "elements", "GET", "/v1/elements", 0, "which elements registered" },
};

struct call {
	struct event_base *base;
	int format, brief;
	FILE *out, *err;
	int r;
};

static int help(FILE *out)
{
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(out, "  gk %-10s %s\n", verbs[i].word, verbs[i].help);
	return 0;
}

/* ---- the token ---- */

static int read_all(const char *path, char *out, size_t room, size_t *len)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(0), r = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	for (*len = 0; n > 0 && *len < room; *len += n > 0 ? (size_t)n : 0)
		n = read(fd, out + *len, room - *len);
	if (n < 0)
		r = -errno;
	else if (*len == room)
		r = -EFBIG;
	close(fd);
	return r;
}

/* $ICORP_TOKEN, or the first line of the file. 0 (token may be ""), or -errno. */
static int find_token(const struct gk_options *o, char *token, size_t room, FILE *err)
{
	const char *file = o->token_file ? o->token_file : getenv("ICORP_TOKEN_FILE"), *text = getenv("ICORP_TOKEN");
	size_t len = 0;
	int r;

	token[0] = '\0';
	if (!o->token_file && text) {
		snprintf(token, room, "%s", text);
		return 0;
	}
	if (!file)
		return 0;
	r = read_all(file, token, room - 1, &len);
	if (r) {
		fprintf(err, "icorpctl: %s: %s\n", file, strerror(-r));
		return r;
	}
	token[len] = '\0';
	token[strcspn(token, "\r\n")] = '\0';
	return 0;
}

/* ---- the answer ---- */

/* Of each object in a list only what fits a table. */
static void flatten(json_t *o)
{
	const char *key;
	json_t *list, *item, *value;
	size_t i;
	void *tmp;

	json_object_foreach(o, key, list)
		json_array_foreach(list, i, item) {
			const char *name;

			json_object_foreach_safe(item, tmp, name, value)
				if (json_is_object(value) || json_is_array(value))
					json_object_del(item, name);
		}
}

static int print_json(struct call *call, const char *body, size_t len)
{
	json_t *o = json_loadb(body, len, 0, NULL);
	char *text = NULL, *json;

	if (o && call->brief && call->format == WRITER_TEXT)
		flatten(o);
	json = o ? json_dumps(o, 0) : NULL;
	if (json)
		text = writer_reformat(json, call->format);
	if (text)
		fprintf(call->out, "%s%s", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
	else /* not JSON: a contract */
		fwrite(body, 1, len, call->out);
	free(text);
	free(json);
	json_decref(o);
	return fflush(call->out) ? EXIT_ERROR : 0;
}

static void print_error(struct call *call, int status, const char *body, size_t len)
{
	json_t *o = json_loadb(body, len, 0, NULL), *error = json_object_get(o, "error");
	const char *message = json_string_value(json_object_get(error, "message"));
	json_int_t line = json_integer_value(json_object_get(error, "line"));
	char safe[1024];

	text_escape(message ? message : "the gatekeeper refused", safe, sizeof(safe));
	if (line > 0)
		fprintf(call->err, "icorpctl: %d: line %lld: %s\n", status, (long long)line, safe);
	else
		fprintf(call->err, "icorpctl: %d: %s\n", status, safe);
	json_decref(o);
}

static void on_done(void *ctx, int status, const char *body, size_t len, const char *error)
{
	struct call *call = ctx;

	call->r = EXIT_ERROR;
	if (!status)
		fprintf(call->err, "icorpctl: %s\n", error ? error : "no answer");
	else if (status >= 300)
		print_error(call, status, body, len);
	else
		call->r = len ? print_json(call, body, len) : 0;
	event_base_loopbreak(call->base);
}

static int ask(const struct gk_options *o, const struct verb *verb, const char *url, const char *type, const void *body,
	       size_t len, struct call *call)
{
	char token[4096];
	struct http_options options = { .token = token, .timeout_ms = o->timeout_ms, .max_body = MAX_ANSWER };
	struct http_client *client;

	if (find_token(o, token, sizeof(token), call->err))
		return EXIT_ERROR;
	options.token = *token ? token : NULL;
	call->base = event_base_new();
	client = call->base ? http_client_new(call->base, &options) : NULL;
	call->r = EXIT_ERROR;
	if (client && http_send(client, verb->method, url, type, body, len, on_done, call))
		event_base_dispatch(call->base);
	else
		fprintf(call->err, "icorpctl: %s: %s\n", url, strerror(errno));
	http_client_free(client);
	if (call->base)
		event_base_free(call->base);
	return call->r;
}

static const struct verb *find_verb(int argc, char **argv, FILE *err)
{
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[0], verbs[i].word))
			continue;
		if (argc - 1 == verbs[i].args)
			return &verbs[i];
		fprintf(err, "icorpctl: gk %s takes %d argument%s\n", argv[0], verbs[i].args, verbs[i].args == 1 ? "" : "s");
		return NULL;
	}
	fprintf(err, "icorpctl: gk %s: no such command; see icorpctl gk help\n", argv[0]);
	return NULL;
}

/* An ICorp's id: it becomes part of a URL. */
static int is_id(const char *text)
{
	return *text && strlen(text) <= 10 && !text[strspn(text, "0123456789")];
}

static int submit(const struct gk_options *o, const struct verb *verb, const char *url, const char *file,
		  struct call *call)
{
	char *body = malloc(MAX_DOCUMENT);
	size_t len = 0, white;
	int r = body ? read_all(file, body, MAX_DOCUMENT, &len) : -ENOMEM;

	if (r) {
		fprintf(call->err, "icorpctl: %s: %s\n", file, strerror(-r));
		free(body);
		return EXIT_ERROR;
	}
	for (white = 0; white < len && strchr(" \t\r\n", body[white]) && body[white]; white++)
		;
	r = ask(o, verb, url, white < len && body[white] == '{' ? "application/json" : "application/xml", body, len, call);
	free(body);
	return r;
}

int gk_tool(const struct gk_options *o, int argc, char **argv, FILE *out, FILE *err)
{
	const char *base = o->url ? o->url : getenv("ICORP_GATEKEEPER");
	struct call call = { .format = o->format, .out = out, .err = err };
	const struct verb *verb;
	char path[64], url[1024];
	size_t len;

	if (argc < 2 || !strcmp(argv[1], "help"))
		return help(out);
	verb = find_verb(argc - 1, argv + 1, err);
	if (!verb)
		return EXIT_USAGE;
	if (verb->args && strstr(verb->path, "%s") && !is_id(argv[2])) {
		fprintf(err, "icorpctl: %s: must be an ICorp's number\n", argv[2]);
		return EXIT_USAGE;
	}
	base = base && *base ? base : "http://127.0.0.1:8080";
	len = strlen(base) - (base[strlen(base) - 1] == '/');
	snprintf(path, sizeof(path), "%s", verb->path);
	if (strstr(path, "%s")) {
		const char *rest = strstr(verb->path, "%s");

		snprintf(path, sizeof(path), "%.*s%s%s", (int)(rest - verb->path), verb->path, argv[2], rest + 2);
	}
	if ((size_t)snprintf(url, sizeof(url), "%.*s%s", (int)len, base, path) >= sizeof(url)) {
		fputs("icorpctl: the gatekeeper's URL is too long\n", err);
		return EXIT_USAGE;
	}
	call.brief = !strcmp(verb->word, "list") || !strcmp(verb->word, "elements");
	if (!strcmp(verb->word, "submit") || !strcmp(verb->word, "revise"))
		return submit(o, verb, url, argv[1 + verb->args], &call);
	return ask(o, verb, url, NULL, NULL, 0, &call);
}
