/*
 * The reader of descriptions: cases in tests/golden/proxy-spec, read and written again, or refused with a reason.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/writer.h"
#include "proxy/policy.h"
#include "proxy/spec.h"
#include "tests/unit/proxy_golden.h"

static char *rewrite(const char *input, int invalid)
{
	struct spec spec;
	struct writer *w;
	char why[256] = "", *text = NULL;

	if (spec_parse(input, &spec, why, sizeof(why))) {
		assert_true(invalid);
		assert_int_equal(spec.n_backends, 0);
		assert_null(spec.backends);
		assert_true(asprintf(&text, "%s\n", why) > 0);
		return text;
	}
	assert_false(invalid);
	w = writer_new();
	spec_write(&spec, w);
	text = writer_render(w, WRITER_TEXT);
	writer_free(w);
	spec_clear(&spec);
	return text;
}

static void cases(void **state)
{
	assert_true(golden_run("proxy-spec", "out", rewrite) >= 10);
}

/* What is written is read as the same. */
static void round_trip(void **state)
{
	const char *text = "{\"id\":7,\"leader\":\"10.200.1.11\",\"name\":\"shop\",\"public\":\"10.202.1.1\","
			   "\"source\":\"10.64.7.1\",\"mode\":\"kernel\",\"policy\":\"weighted\",\"lifetime_s\":9,"
			   "\"services\":[{\"name\":\"web\",\"protocol\":\"udp\",\"port\":80,\"target_port\":8080}],"
			   "\"backends\":[{\"element\":\"srv1\",\"address\":\"10.64.7.65\",\"weight\":3,\"up\":false}]}";
	struct spec a, b;
	struct writer *w = writer_new();
	char why[256], *json;

	assert_int_equal(spec_parse(text, &a, why, sizeof(why)), 0);
	spec_write(&a, w);
	json = writer_render(w, WRITER_JSON);
	assert_int_equal(spec_parse(json, &b, why, sizeof(why)), 0);
	assert_true(spec_key_equal(a.key, b.key));
	assert_string_equal(a.name, b.name);
	assert_int_equal(b.mode, SPEC_KERNEL);
	assert_ptr_equal(b.policy, &policy_weighted);
	assert_memory_equal(&a.services[0], &b.services[0], sizeof(a.services[0]));
	assert_memory_equal(&a.backends[0], &b.backends[0], sizeof(a.backends[0]));
	free(json);
	writer_free(w);
	spec_clear(&a);
	spec_clear(&b);
}

/* Every prefix of a good description is refused, none crashes. */
static void truncated(void **state)
{
	const char *text = "{\"id\":7,\"leader\":\"10.200.1.11\",\"name\":\"shop\",\"public\":\"10.202.1.1\","
			   "\"source\":\"10.64.7.1\",\"services\":[{\"name\":\"web\",\"protocol\":\"tcp\",\"port\":80}],"
			   "\"backends\":[]}";
	char why[256], *cut;
	struct spec spec;

	for (size_t len = 0; len < strlen(text); len++) {
		cut = strndup(text, len);
		assert_int_equal(spec_parse(cut, &spec, why, sizeof(why)), -EINVAL);
		assert_true(why[0]);
		free(cut);
	}
	assert_int_equal(spec_parse(text, &spec, why, sizeof(why)), 0);
	assert_int_equal(spec.services[0].target_port, 80);
	spec_clear(&spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
