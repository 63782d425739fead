/* See golden_terms.h. */
#include "tests/unit/golden_terms.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/terms_text.h"

/* The file says exactly that; with GOLDEN_UPDATE=1 it does from then on. */
static void expect(const char *path, const char *got)
{
	char want[65536] = "";
	FILE *f;

	if (getenv("GOLDEN_UPDATE")) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(got, f);
		assert_int_equal(fclose(f), 0);
	}
	f = fopen(path, "r");
	if (f) {
		assert_true(fread(want, 1, sizeof(want) - 1, f) < sizeof(want) - 1);
		fclose(f);
	}
	if (strcmp(want, got))
		print_error("%s differs\n", path);
	assert_string_equal(want, got);
}

/* 1, 0: no such file. Whatever is in it and is none fails the test. */
static int read_terms(const struct golden *g, const char *stem, const char *ending, struct adaptor_terms *t)
{
	char path[512], why[256] = "";

	snprintf(path, sizeof(path), "%s%s.%s", g->dir, stem, ending);
	FILE *f = fopen(path, "r");

	if (!f)
		return 0;
	if (terms_text_read(f, t, why, sizeof(why)))
		fail_msg("%s: %s", path, why);
	fclose(f);
	return 1;
}

void *golden_want(const struct golden *g, const char *stem, const char *ending)
{
	char why[ADAPTOR_REASON] = "";
	struct adaptor_terms t;
	void *session = NULL;

	if (!read_terms(g, stem, ending, &t))
		return NULL;
	if (g->want(&t, &session, why, sizeof(why)))
		fail_msg("%s%s.%s: %s", g->dir, stem, ending, why);
	terms_clear(&t);
	return session;
}

static void valid(const struct golden *g, const char *stem)
{
	void *from = golden_want(g, stem, "from"), *to = golden_want(g, stem, "in");
	char path[512], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	g->print(out, stem, from, to);
	assert_int_equal(fclose(out), 0);
	snprintf(path, sizeof(path), "%s%s.%s", g->dir, stem, g->ending);
	expect(path, text);
	free(text);
	g->drop(from);
	g->drop(to);
}

static void invalid(const struct golden *g, const char *stem)
{
	char path[512], got[512], why[ADAPTOR_REASON] = "";
	struct adaptor_terms t;
	void *session = NULL;

	assert_true(read_terms(g, stem, "in", &t));
	int rc = g->want(&t, &session, why, sizeof(why));

	assert_null(session);
	assert_int_not_equal(rc, 0);
	snprintf(got, sizeof(got), "%s: %s\n", strerror(-rc), why);
	snprintf(path, sizeof(path), "%s%s.err", g->dir, stem);
	expect(path, got);
	terms_clear(&t);
}

unsigned golden_run(const struct golden *g)
{
	DIR *d = opendir(g->dir);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char stem[256];
		size_t len = strlen(e->d_name);

		if (len < 4 || strcmp(e->d_name + len - 3, ".in"))
			continue;
		snprintf(stem, sizeof(stem), "%.*s", (int)len - 3, e->d_name);
		(strstr(stem, "-invalid") ? invalid : valid)(g, stem);
		n++;
	}
	closedir(d);
	return n;
}
