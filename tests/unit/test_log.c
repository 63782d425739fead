/* Logging and the text functions under it: levels, escaping, the burst limiter, the clock that tests stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/text.h"

/* Runs write_lines with stderr caught in out[room]. */
static void catch(void (*write_lines)(void), char *out, size_t room)
{
	int fd = memfd_create("stderr", 0), saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_true(fd >= 0 && saved >= 0);
	fflush(stderr);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	write_lines();
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	n = pread(fd, out, room - 1, 0);
	assert_true(n >= 0);
	out[n] = 0;
	close(fd);
	close(saved);
}

static void some_lines(void)
{
	log_open("icorp-test", "r1", LOG_SINK_STDERR, LOG_LEVEL_WARN);
	log_icorp(LOG_LEVEL_WARN, 7, "path refused: %s", "no capacity on eth1");
	log_msg(LOG_LEVEL_INFO, "not written");
	log_msg(LOG_LEVEL_ERROR, "evil\nicorp-test: forged \x1b[2J\x9b caf\xc3\xa9 \xe2\x80\xae");
	log_close();
}

static void long_line(void)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	log_open("icorp-test", NULL, LOG_SINK_STDERR, LOG_LEVEL_DEBUG);
	log_msg(LOG_LEVEL_DEBUG, "%s", text);
	log_close();
}

static void test_lines(void **state)
{
	char out[4096], expected[256];
	char *second;

	catch(some_lines, out, sizeof(out));
	assert_int_equal(out[10], 'T');
	assert_int_equal(out[23], 'Z');
	snprintf(expected, sizeof(expected), " icorp-test[%d] r1 warn: icorp 7: path refused: no capacity on eth1\n", (int)getpid());
	assert_memory_equal(out + 24, expected, strlen(expected));
	second = strchr(out, '\n') + 1;
	assert_non_null(strstr(second, "r1 error: evil\\x0aicorp-test: forged \\x1b[2J\\x9b caf\xc3\xa9 \\u{202e}\n"));
	assert_null(strstr(out, "not written"));
	assert_null(strchr(strchr(second, '\n') + 1, '\n')); /* two lines, no more */
	catch(long_line, out, sizeof(out));
	assert_true(strlen(out) < 1400);
	assert_int_equal(out[strlen(out) - 1], '\n');
}

static void test_levels(void **state)
{
	enum log_level level = LOG_LEVEL_DEBUG;

	assert_int_equal(log_level_parse("warn", &level), 0);
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_int_equal(log_level_parse("warning", &level), -EINVAL);
	assert_int_equal(level, LOG_LEVEL_WARN);
	log_open("icorp-test", NULL, LOG_SINK_STDERR, LOG_LEVEL_INFO);
	assert_true(log_enabled(LOG_LEVEL_ERROR));
	assert_true(log_enabled(LOG_LEVEL_INFO));
	assert_false(log_enabled(LOG_LEVEL_DEBUG));
	log_close();
}

static void test_burst(void **state)
{
	struct log_burst burst = { 0 };
	unsigned left_out = 99;

	assert_true(log_burst_ok(&burst, 1000, 500, &left_out));
	assert_int_equal(left_out, 0);
	assert_false(log_burst_ok(&burst, 1001, 500, &left_out));
	assert_false(log_burst_ok(&burst, 1499, 500, &left_out));
	assert_true(log_burst_ok(&burst, 1500, 500, &left_out));
	assert_int_equal(left_out, 2);
	assert_true(log_burst_ok(&burst, 9000, 500, &left_out));
	assert_int_equal(left_out, 0);
}

static void test_utf8(void **state)
{
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
					   "\xf8\x88\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98" };
	static const struct { const char *text; int32_t code; } good[] = {
		{ "a", 'a' }, { "\xc3\xa9", 0xe9 }, { "\xe2\x82\xac", 0x20ac }, { "\xf0\x9f\x98\x80", 0x1f600 },
	};
	char *clean, cut[8];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *p = bad[i];

		if (text_next(&p) != -1 || p != bad[i] + 1)
			fail_msg("bad[%zu] was accepted", i);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *p = good[i].text;

		assert_int_equal(text_next(&p), good[i].code);
		assert_int_equal(*p, 0);
	}
	clean = text_utf8("a\xff\xc3\xa9\xc3");
	assert_string_equal(clean, "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd");
	assert_int_equal(text_width(clean), 4);
	free(clean);
	assert_int_equal(text_escape("abcd\xc3\xa9\xc3\xa9", cut, sizeof(cut)), 6); /* no half a character */
	assert_string_equal(cut, "abcd\xc3\xa9");
	assert_int_equal(text_escape("abcdef\n", cut, sizeof(cut)), 6);
}

static void test_distance(void **state)
{
	assert_int_equal(text_distance("", ""), 0);
	assert_int_equal(text_distance("show", "show"), 0);
	assert_int_equal(text_distance("shwo", "show"), 1);
	assert_int_equal(text_distance("sow", "show"), 1);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("", "abc"), 3);
}

static void test_clock(void **state)
{
	uint64_t now = clock_now_us();

	assert_true(clock_now_us() >= now);
	clock_stop();
	now = clock_now_us();
	assert_true(clock_now_us() == now);
	clock_warp(5 * CLOCK_S);
	assert_true(clock_now_us() == now + 5 * CLOCK_S);
	clock_stop();
	assert_true(clock_now_us() == now + 5 * CLOCK_S);
	assert_true(clock_wall_us() > 1500000000 * CLOCK_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_levels), cmocka_unit_test(test_burst),
		cmocka_unit_test(test_utf8), cmocka_unit_test(test_distance), cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
