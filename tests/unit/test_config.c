/*
 * The configuration reader. The cases are tests/golden/config/NAME.conf with what comes of them in NAME.expected: the
 * values, or for NAME-invalid.conf the error. A new case is two new files; run with REGENERATE=1 in the environment to write the .expected
 * files, and read what it wrote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/config_sample.h"

static void print_list(FILE *f, const char *name, const struct config_list *list)
{
	fprintf(f, "%s:", name);
	for (size_t i = 0; i < list->n; i++)
		fprintf(f, " \"%s\"", list->item[i]);
	fputc('\n', f);
}

static void print_sample(FILE *f, const struct sample *s)
{
	const struct sample_port *port = s->ports.data;
	const struct sample_web *web = s->web.data;

	fprintf(f, "name=\"%s\" mode=\"%s\" count=%lld on=%d rate=%llu size=%llu time=%llu\n", s->name, s->mode,
		(long long)s->count, s->on, (unsigned long long)s->rate, (unsigned long long)s->size,
		(unsigned long long)s->time);
	print_list(f, "list", &s->list);
	print_list(f, "words", &s->words);
	for (size_t i = 0; i < s->ports.n; i++)
		fprintf(f, "port \"%s\": speed=%llu share=%lld\n", port[i].title, (unsigned long long)port[i].speed,
			(long long)port[i].share);
	for (size_t i = 0; i < s->web.n; i++)
		fprintf(f, "web: listen=\"%s\" threads=%lld\n", web[i].listen, (long long)web[i].threads);
}

/* What loading the file comes to, malloc'd. */
static char *outcome(const char *file)
{
	static const struct sample nothing;
	struct sample s = { 0 };
	struct config_error error;
	size_t len;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);
	int r = config_load(file, sample_rows, &s, &error);

	assert_non_null(f);
	if (r) {
		fprintf(f, "%s\n", error.text);
		assert_memory_equal(&s, &nothing, sizeof(s));
	} else {
		print_sample(f, &s);
		assert_string_equal(error.text, "");
	}
	assert_int_equal(!!r, strstr(file, "-invalid") != NULL);
	config_free(sample_rows, &s);
	fclose(f);
	return text;
}

static char *read_all(const char *file)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(file, "r");

	if (!f || !text)
		fail_msg("%s: %s", file, strerror(errno));
	else if (!fread(text, 1, 65535, f))
		fail_msg("%s: is empty", file);
	if (f)
		fclose(f);
	return text;
}

static void test_golden(void **state)
{
	glob_t cases;

	setenv("ICORP_TEST_NAME", "from-env", 1);
	unsetenv("ICORP_TEST_UNSET");
	assert_int_equal(chdir(SRCDIR "/tests/golden/config"), 0);
	assert_int_equal(glob("*.conf", 0, NULL, &cases), 0);
	for (size_t i = 0; i < cases.gl_pathc; i++) {
		const char *file = cases.gl_pathv[i];
		char expected[256], *got, *want;

		snprintf(expected, sizeof(expected), "%.*s.expected", (int)strlen(file) - 5, file);
		got = outcome(file);
		if (getenv("REGENERATE")) {
			FILE *f = fopen(expected, "w");

			assert_non_null(f);
			fputs(got, f);
			fclose(f);
		}
		want = read_all(expected);
		if (strcmp(got, want))
			fail_msg("%s:\n got: %s want: %s", file, got, want);
		free(got);
		free(want);
	}
	assert_true(cases.gl_pathc > 20);
	globfree(&cases);
}

static void test_no_file(void **state)
{
	struct sample s = { 0 };
	struct config_error error;

	assert_int_equal(config_load("/nonexistent.conf", sample_rows, &s, &error), -ENOENT);
	assert_string_equal(error.text, "/nonexistent.conf: cannot be read: No such file or directory");
	assert_int_equal(config_load("/", sample_rows, &s, &error), -EISDIR);
	assert_int_equal(config_load("/dev/zero", sample_rows, &s, &error), -EFBIG);
}

/* Nobody writes to it: whoever opened it the usual way would wait for ever. */
static void test_fifo(void **state)
{
	char dir[] = "config-test-XXXXXX", fifo[32];
	struct sample s = { 0 };
	struct config_error error;

	assert_non_null(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(config_load(fifo, sample_rows, &s, &error), -ENOTSUP);
	unlink(fifo);
	rmdir(dir);
}

struct unit_case { const char *text; int r; uint64_t value; };

static void test_units(void **state)
{
	static const struct unit_case rates[] = {
		{ "0", 0, 0 }, { "1", 0, 1 }, { "64k", 0, 64000 }, { "64K", 0, 64000 }, { "1.5G", 0, 1500000000 },
		{ "100Mbit/s", 0, 100000000 }, { "100Mbps", 0, 100000000 }, { "8bit", 0, 8 }, { "1.500", -EINVAL, 0 },
		{ "1.000", 0, 1 }, { "18446744073709551615", 0, UINT64_MAX }, { "18446744073709551616", -EINVAL, 0 },
		{ "20000000T", -EINVAL, 0 }, { "", -EINVAL, 0 }, { "M", -EINVAL, 0 }, { ".5M", -EINVAL, 0 },
		{ "5.M", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { "+1", -EINVAL, 0 }, { " 1", -EINVAL, 0 }, { "1 M", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 }, { "bit", -EINVAL, 0 }, { "1.2.3M", -EINVAL, 0 }, { "0x10", -EINVAL, 0 }, { 0 },
	};
	static const struct unit_case sizes[] = {
		{ "64MiB", 0, 64u << 20 }, { "4G", 0, 4ull << 30 }, { "0.5K", 0, 512 }, { "10B", 0, 10 }, { "1MB", -EINVAL, 0 },
		{ "16777216T", -EINVAL, 0 }, { 0 },
	};
	static const struct unit_case times[] = {
		{ "30s", 0, 30000000 }, { "100ms", 0, 100000 }, { "5m", 0, 300000000 }, { "5min", 0, 300000000 },
		{ "7us", 0, 7 }, { "0", 0, 0 }, { "1.5h", 0, 5400000000 }, { "2d", 0, 172800000000 }, { "30", -EINVAL, 0 },
		{ "1.5us", -EINVAL, 0 }, { 0 },
	};
	static const struct { int (*parse)(const char *, uint64_t *); const struct unit_case *c; } all[] = {
		{ parse_rate, rates }, { parse_size, sizes }, { parse_time, times },
	};

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(all[i].parse(NULL, &(uint64_t){ 0 }), -EINVAL);
		for (const struct unit_case *c = all[i].c; c->text; c++) {
			uint64_t value = 0;
			int r = all[i].parse(c->text, &value);

			if (r != c->r || value != c->value)
				fail_msg("\"%s\": %d, %llu", c->text, r, (unsigned long long)value);
		}
	}
}

static void put_line(void *ctx, const char *text)
{
	fprintf(ctx, "%s\n", text);
}

/* What --print-config prints, uncommented and with the required ones filled in, must load. */
static void test_describe(void **state)
{
	char path[] = "/tmp/test_config.XXXXXX", *text = NULL;
	struct config_error error = { "" };
	struct sample s = { 0 };
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_non_null(f);
	config_describe(sample_rows, put_line, f);
	fclose(f);
	assert_non_null(strstr(text, "# how many; from 1 to 100\n#count = 3\n"));
	assert_non_null(strstr(text, "# the element's name; required\n#name = \"...\"\n"));
	assert_non_null(strstr(text, "#port \"NAME\" {\n\t# line rate, bit/s; from 1k to 1T; required\n\t#speed = ...\n"));
	assert_non_null(strstr(text, "# interval; from 100ms to 1h\n"));
	for (char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		p += strspn(p, "\t");
		if (p[0] == '#' && p[1] != ' ')
			*p = ' ';
		if (!strncmp(p, " speed = ...", 12))
			memcpy(p, " speed = 10M", 12);
		if (!strncmp(p, " port \"NAME\"", 12))
			memcpy(p, " port \"eth0\"", 12);
	}
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	if (config_load(path, sample_rows, &s, &error))
		fail_msg("%s", error.text);
	assert_string_equal(s.name, "...");
	assert_int_equal(s.time, 30000000);
	assert_int_equal(s.ports.n, 1);
	assert_int_equal(s.web.n, 1);
	config_free(sample_rows, &s);
	unlink(path);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden), cmocka_unit_test(test_no_file), cmocka_unit_test(test_fifo), cmocka_unit_test(test_units),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
