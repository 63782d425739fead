/* Directories of cases of a technology: see golden_terms.h. */
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

void golden_expect(const char *path, const char *got)
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

int golden_terms(const char *path, struct adaptor_terms *t)
{
	char why[256] = "";
	FILE *f = fopen(path, "r");

	if (!f)
		return 0;
	if (terms_text_read(f, t, why, sizeof(why)))
		fail_msg("%s: %s", path, why);
	fclose(f);
	return 1;
}

unsigned golden_each(const char *dir, void (*valid)(const char *stem), void (*invalid)(const char *stem))
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char stem[256];
		size_t len = strlen(e->d_name);

		if (len < 4 || strcmp(e->d_name + len - 3, ".in"))
			continue;
		snprintf(stem, sizeof(stem), "%.*s", (int)len - 3, e->d_name);
		(strstr(stem, "-invalid") ? invalid : valid)(stem);
		n++;
	}
	closedir(d);
	return n;
}

void golden_refused(const char *dir, const char *stem, int rc, const char *why)
{
	char got[512], file[512];

	assert_int_not_equal(rc, 0);
	snprintf(got, sizeof(got), "%s: %s\n", strerror(-rc), why);
	snprintf(file, sizeof(file), "%s%s.err", dir, stem);
	golden_expect(file, got);
}
