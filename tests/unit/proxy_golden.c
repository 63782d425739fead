/*
 * See proxy_golden.h.
 */
#include "config.h"

#include "tests/unit/proxy_golden.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN_PATH 1024

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text;
	size_t n;

	if (!f)
		return NULL;
	text = calloc(1, 1 << 20);
	assert_non_null(text);
	n = fread(text, 1, (1 << 20) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void update(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void one(const char *dir, const char *name, const char *ext, char *(*make)(const char *, int))
{
	char *path, *input, *expected, *got;

	assert_true(asprintf(&path, "%s/%s.in", dir, name) > 0);
	input = slurp(path);
	assert_non_null(input);
	got = make(input, strstr(name, "-invalid") != NULL);
	assert_non_null(got);
	free(path);
	assert_true(asprintf(&path, "%s/%s.%s", dir, name, ext) > 0);
	if (getenv("GOLDEN_UPDATE"))
		update(path, got);
	expected = slurp(path);
	if (!expected || strcmp(got, expected))
		fail_msg("%s: expected\n%s\ngot\n%s", path, expected ? expected : "(no such file)", got);
	free(expected);
	free(got);
	free(input);
	free(path);
}

int golden_run(const char *topic, const char *ext, char *(*make)(const char *, int))
{
	char dir[GOLDEN_PATH];
	struct dirent **entry;
	int n, cases = 0;

	snprintf(dir, sizeof(dir), SRCDIR "/tests/golden/%s", topic);
	n = scandir(dir, &entry, NULL, alphasort);
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(entry[i]->d_name);

		if (len > 3 && !strcmp(entry[i]->d_name + len - 3, ".in")) {
			entry[i]->d_name[len - 3] = '\0';
			one(dir, entry[i]->d_name, ext, make);
			cases++;
		}
		free(entry[i]);
	}
	free(entry);
	return cases;
}
