/* From counters to use: of several ports the busiest, nothing of what was never used, nothing from what began anew; what
 * is no answer changes nothing. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "signald/readings.h"

#define KEY(id) "\"icorp\":" #id ",\"leader\":\"10.200.1.11\""

static struct readings readings;

/* Takes an answer with these sessions at a second; the rows as "ICORP.RESOURCE=USED …". */
static const char *take(unsigned second, const char *sessions)
{
	static char text[500];
	struct use *use;
	char json[1000];
	size_t n;

	snprintf(json, sizeof(json), "{\"sessions\":[%s],\"more\":1}", sessions);
	assert_int_equal(readings_take(&readings, json, second * CLOCK_S, &use, &n), 0);
	*text = 0;
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u.%d=%llu", i ? " " : "", use[i].key.icorp,
			 use[i].resource, (unsigned long long)use[i].used);
	free(use);
	return text;
}

static void of_two_answers(void **state)
{
	assert_string_equal(take(10, "{" KEY(7) ",\"bytes\":1000}"), "");
	assert_string_equal(take(12, "{" KEY(8) ",\"bytes\":500},{" KEY(7) ",\"bytes\":3000}"), "7.1=8000 8.1=2000");
	assert_string_equal(take(14, "{" KEY(8) ",\"bytes\":500},{" KEY(9) ",\"bytes\":0}"), "8.1=0");
	assert_string_equal(take(15, "{" KEY(8) ",\"bytes\":400}"), ""); /* began anew */
	assert_string_equal(take(16, "{" KEY(8) ",\"bytes\":401}"), "8.1=8");
	assert_string_equal(take(16, "{" KEY(8) ",\"bytes\":900}"), ""); /* no time has passed */
	readings_clear(&readings);
}

static void of_the_busiest_port(void **state)
{
	take(1, "");
	assert_string_equal(take(2, "{" KEY(1) ",\"bytes\":99,\"ports\":[{\"name\":\"a\",\"bytes\":10},{\"name\":\"b\",\"bytes\":20},{\"bytes\":5}]}"),
			    "1.1=160");
	assert_string_equal(take(3, "{" KEY(1) ",\"ports\":[{\"bytes\":40},{\"bytes\":30},{\"bytes\":5}]}"), "1.1=240");
	readings_clear(&readings);
}

static void of_an_isc(void **state)
{
	take(1, "{" KEY(1) ",\"cpu_time_ns\":1000000000}");
	assert_string_equal(take(3, "{" KEY(1) ",\"cpu_time_ns\":1500000000,\"memory_kib\":4096}"), "1.2=250 1.3=4096");
	readings_clear(&readings);
}

static void what_is_no_answer(void **state)
{
	static const char *const bad[] = { "", "[]", "{", "7" };
	struct use *use;
	size_t n;

	take(1, "{" KEY(1) ",\"bytes\":1}");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(readings_take(&readings, bad[i], 2 * CLOCK_S, &use, &n), -EINVAL);
		assert_null(use);
	}
	assert_string_equal(take(2, "7,{},{\"icorp\":-1,\"leader\":\"10.0.0.1\",\"bytes\":5},{\"icorp\":1,\"leader\":\"x\",\"bytes\":5},"
				 "{" KEY(2) ",\"bytes\":-5,\"ports\":{}},{" KEY(3) ",\"bytes\":\"5\"},{" KEY(1) ",\"bytes\":2}"), "1.1=8");
	assert_int_equal(readings_take(&readings, "{}", 3 * CLOCK_S, &use, &n), 0); /* it counts nothing */
	assert_int_equal(n, 0);
	free(use);
	readings_clear(&readings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_answers),
		cmocka_unit_test(of_the_busiest_port),
		cmocka_unit_test(of_an_isc),
		cmocka_unit_test(what_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
