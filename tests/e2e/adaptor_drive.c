/*
 * Drives one adaptor in this process by lines on stdin, for end-to-end tests and for trying things by hand:
 *     adaptor_drive TYPE [KEY=VALUE…]
 *         check FILE          apply FILE          (terms as in tests/unit/terms_text.h; apply flushes)
 *         revoke ICORP LEADER                     audit [ICORP LEADER]…        renew [ICORP LEADER]…
 *         measure             show                ports
 * Each line is answered by lines that begin with its first word. -EAGAIN is tried again for ten seconds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adaptors/adaptor.h"
#include "lib/writer.h"
#include "tests/unit/terms_text.h"

#define MAX_OPTIONS 32
#define MAX_KEYS 32

static const struct adaptor_ops *ops;
static void *state;

static void print(const char *what, int rc, const struct adaptor_result *r)
{
	printf("%s: %s%s%s\n", what, rc ? strerror(-rc) : "ok", r->reason[0] && rc ? ": " : "", rc ? r->reason : "");
	for (unsigned i = 0; i < r->n_grants; i++) {
		const struct adaptor_grant *g = &r->grants[i];

		printf("%s: grant %u %s %s %llu%s%s\n", what, g->resource, outcome_name(g->outcome),
		       enforcement_name(g->enforcement), (unsigned long long)g->level, g->reason[0] ? " " : "",
		       g->reason);
	}
}

static void failed(void *ctx, struct adaptor_key key, int error, const char *reason)
{
	printf("flush: %u: %s: %s\n", key.icorp, strerror(-error), reason ? reason : "");
}

static void on_terms(const char *what, const char *path)
{
	struct adaptor_result r = { 0 };
	struct adaptor_terms t;
	char why[256] = "";
	FILE *f = fopen(path, "r");
	int rc = f ? terms_text_read(f, &t, why, sizeof(why)) : -errno;

	if (f)
		fclose(f);
	if (rc) {
		printf("%s: %s: %s\n", what, path, why[0] ? why : strerror(-rc));
		return;
	}
	if (!strcmp(what, "check")) {
		rc = ops->check ? ops->check(state, &t, &r) : 0;
	} else {
		rc = ops->apply(state, &t, &r);
		for (int i = 0; rc == -EAGAIN && i < 100; i++) {
			nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
			memset(&r, 0, sizeof(r));
			rc = ops->apply(state, &t, &r);
		}
		if (!rc && ops->flush)
			rc = ops->flush(state, failed, NULL);
	}
	print(what, rc, &r);
	terms_clear(&t);
}

static unsigned read_keys(char *rest, struct adaptor_key *keys)
{
	unsigned n = 0;
	char *id;

	while (n < MAX_KEYS && (id = strtok_r(NULL, " ", &rest))) {
		char *leader = strtok_r(NULL, " ", &rest);

		keys[n].icorp = (uint32_t)strtoul(id, NULL, 10);
		if (!leader || addr_parse(leader, &keys[n++].leader))
			break;
	}
	return n;
}

static void on_query(const char *what, int (*ask)(void *, struct writer *))
{
	struct writer *w = writer_new();
	int rc = ask ? ask(state, w) : -EOPNOTSUPP;
	char *text = rc ? NULL : writer_render(w, WRITER_JSON);

	printf("%s: %s\n", what, text ? text : strerror(-rc));
	free(text);
	writer_free(w);
}

static void on_renew(const struct adaptor_key *keys, unsigned n)
{
	uint8_t not_renewed[MAX_KEYS] = { 0 };
	int rc = ops->renew ? ops->renew(state, keys, n, not_renewed) : -EOPNOTSUPP;
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++)
		left += not_renewed[i];
	printf("renew: %s: %u of %u not renewed\n", rc ? strerror(-rc) : "ok", left, n);
}

static void on_line(char *line)
{
	struct adaptor_key keys[MAX_KEYS] = { { 0 } };
	unsigned orphans = 0, repaired = 0;
	char *rest, *what = strtok_r(line, " \n", &rest);

	rest[strcspn(rest, "\n")] = '\0';
	if (!what || *what == '#')
		return;
	if (!strcmp(what, "check") || !strcmp(what, "apply")) {
		on_terms(what, rest);
	} else if (!strcmp(what, "revoke") && read_keys(rest, keys) == 1) {
		struct adaptor_result r = { 0 };
		int rc = ops->revoke(state, keys[0], NULL, 0);

		if (!rc && ops->flush)
			rc = ops->flush(state, failed, NULL);
		print(what, rc, &r);
	} else if (!strcmp(what, "audit")) {
		unsigned n = read_keys(rest, keys);
		int rc = ops->audit(state, keys, n, &orphans, &repaired);

		printf("audit: %s: %u orphans, %u repaired\n", rc ? strerror(-rc) : "ok", orphans, repaired);
	} else if (!strcmp(what, "renew")) {
		on_renew(keys, read_keys(rest, keys));
	} else if (!strcmp(what, "measure")) {
		on_query(what, ops->measure);
	} else if (!strcmp(what, "show")) {
		on_query(what, ops->show);
	} else if (!strcmp(what, "ports")) {
		on_query(what, ops->ports);
	} else {
		printf("%s: no such request\n", what);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct adaptor_option options[MAX_OPTIONS];
	char why[ADAPTOR_REASON] = "", line[1024];
	size_t n = 0;

	ops = argc > 1 ? adaptor_find(argv[1]) : NULL;
	if (!ops) {
		fprintf(stderr, "usage: adaptor_drive TYPE [KEY=VALUE…]\n");
		return EXIT_FAILURE;
	}
	for (int i = 2; i < argc && n < MAX_OPTIONS; i++) {
		char *eq = strchr(argv[i], '=');

		if (!eq)
			return EXIT_FAILURE;
		*eq = '\0';
		options[n++] = (struct adaptor_option){ .key = argv[i], .value = eq + 1 };
	}
	int rc = ops->probe ? ops->probe(options, n, why, sizeof(why)) : 0;

	rc = rc ? rc : ops->open(options, n, &state, why, sizeof(why));
	printf("open: %s%s%s\n", rc ? strerror(-rc) : "ok", why[0] ? ": " : "", why);
	fflush(stdout);
	if (rc)
		return EXIT_FAILURE;
	while (fgets(line, sizeof(line), stdin))
		on_line(line);
	ops->close(state);
	return EXIT_SUCCESS;
}
