/* The writer: one document in three formats, hostile strings, misuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/writer.h"

static struct writer *sample(void)
{
	struct writer *w = writer_new();

	assert_non_null(w);
	writer_str(w, "element", "r1");
	writer_bool(w, "up", 1);
	writer_real(w, "load", 0.1);
	writer_str(w, "parent", NULL);
	writer_array(w, "sessions");
	for (int i = 0; i < 2; i++) {
		writer_object(w, NULL);
		writer_int(w, "id", i ? 1234 : 7);
		writer_str(w, "name", i ? "a-longer-name" : "web");
		if (i)
			writer_uint(w, "rate_bps", 12);
		writer_end(w);
	}
	writer_end(w);
	writer_object(w, "peer");
	writer_fmt(w, "address", "%d.%d.%d.%d", 10, 0, 0, 1);
	writer_array(w, "keys");
	writer_int(w, NULL, 1);
	writer_int(w, NULL, 2);
	writer_end(w);
	writer_end(w);
	return w;
}

static void expect(struct writer *w, enum writer_format format, const char *want)
{
	char *text = writer_render(w, format);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

static void test_formats(void **state)
{
	struct writer *w = sample();

	expect(w, WRITER_JSON,
	       "{\"element\":\"r1\",\"up\":true,\"load\":0.1,\"parent\":null,\"sessions\":[{\"id\":7,\"name\":\"web\"},"
	       "{\"id\":1234,\"name\":\"a-longer-name\",\"rate_bps\":12}],\"peer\":{\"address\":\"10.0.0.1\",\"keys\":[1,2]}}");
	expect(w, WRITER_TEXT,
	       "element: r1\n"
	       "up: yes\n"
	       "load: 0.1\n"
	       "parent: -\n"
	       "sessions:\n"
	       "    ID  NAME           RATE BPS\n"
	       "     7  web                   -\n"
	       "  1234  a-longer-name        12\n"
	       "peer:\n"
	       "  address: 10.0.0.1\n"
	       "  keys: 1, 2\n");
	expect(w, WRITER_XML,
	       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	       "<result>\n"
	       "  <element>r1</element>\n"
	       "  <up>true</up>\n"
	       "  <load>0.1</load>\n"
	       "  <parent nil=\"true\"/>\n"
	       "  <sessions>\n"
	       "    <item>\n      <id>7</id>\n      <name>web</name>\n    </item>\n"
	       "    <item>\n      <id>1234</id>\n      <name>a-longer-name</name>\n      <rate_bps>12</rate_bps>\n    </item>\n"
	       "  </sessions>\n"
	       "  <peer>\n"
	       "    <address>10.0.0.1</address>\n"
	       "    <keys>\n      <item>1</item>\n      <item>2</item>\n    </keys>\n"
	       "  </peer>\n"
	       "</result>\n");
	writer_free(w);
}

/* XML that a parser we did not write accepts, whatever the strings are. */
static void parses(struct writer *w, const char *name, const char *content)
{
	char *text = writer_render(w, WRITER_XML);
	xmlDocPtr doc;
	xmlNodePtr node;
	xmlChar *got, *attribute;

	assert_non_null(text);
	doc = xmlReadMemory(text, (int)strlen(text), "x", NULL, XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET);
	assert_non_null(doc);
	node = xmlFirstElementChild(xmlDocGetRootElement(doc));
	got = xmlNodeGetContent(node);
	attribute = xmlGetProp(node, BAD_CAST "name");
	assert_string_equal((char *)got, content);
	assert_string_equal((char *)attribute, name);
	xmlFree(got);
	xmlFree(attribute);
	xmlFreeDoc(doc);
	free(text);
}

static void test_hostile_strings(void **state)
{
	struct writer *w = writer_new();
	char *again, *json;

	writer_str(w, "1<&\">", "\x1b[2J<a>&\"\n\xff");
	expect(w, WRITER_JSON, "{\"1<&\\\">\":\"\\u001B[2J<a>&\\\"\\n\xef\xbf\xbd\"}");
	expect(w, WRITER_TEXT, "1<&\">: \\x1b[2J<a>&\"\\x0a\xef\xbf\xbd\n");
	parses(w, "1<&\">", "\xef\xbf\xbd[2J<a>&\"\n\xef\xbf\xbd");
	json = writer_render(w, WRITER_JSON);
	again = writer_reformat(json, WRITER_TEXT);
	assert_string_equal(again, "1<&\">: \\x1b[2J<a>&\"\\x0a\xef\xbf\xbd\n");
	free(again);
	free(json);
	writer_free(w);
}

static void test_extremes(void **state)
{
	struct writer *w = writer_new();

	writer_uint(w, "most", UINT64_MAX);
	writer_int(w, "least", INT64_MIN);
	writer_real(w, "nan", NAN);
	writer_str(w, "empty", "");
	writer_array(w, "none");
	writer_end(w);
	writer_object(w, "nothing");
	writer_end(w);
	expect(w, WRITER_JSON, "{\"most\":9223372036854775807,\"least\":-9223372036854775808,\"nan\":null,\"empty\":\"\","
			       "\"none\":[],\"nothing\":{}}");
	expect(w, WRITER_TEXT, "most: 9223372036854775807\nleast: -9223372036854775808\nnan: -\nempty: \"\"\nnone: -\nnothing:\n");
	writer_free(w);
}

static void test_misuse(void **state)
{
	static const struct { const char *in_object, *in_array; int ends; } cases[] = {
		{ NULL, NULL, 1 }, { "name", "name", 1 }, { "name", NULL, 0 }, { "name", NULL, 2 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer *w = writer_new();

		writer_int(w, cases[i].in_object, 1);
		writer_array(w, "array");
		writer_int(w, cases[i].in_array, 1);
		for (int n = 0; n < cases[i].ends; n++)
			writer_end(w);
		assert_null(writer_render(w, WRITER_TEXT));
		assert_null(writer_render(w, WRITER_JSON));
		writer_free(w);
	}
	writer_free(NULL);
}

static void test_too_deep(void **state)
{
	struct writer *w = writer_new();

	for (int i = 0; i < 100; i++)
		writer_object(w, "deeper");
	for (int i = 0; i < 100; i++)
		writer_end(w);
	assert_null(writer_render(w, WRITER_JSON));
	writer_free(w);
}

static void test_reformat(void **state)
{
	char *text = writer_reformat("[{\"a\":1,\"b\":[true,null]},{\"a\":22}]", WRITER_TEXT);

	assert_string_equal(text, " A  B\n 1  yes, -\n22  -\n");
	free(text);
	text = writer_reformat("[{\"a\":{\"b\":1}},{\"a\":2}]", WRITER_TEXT);
	assert_string_equal(text, "a:\n  b: 1\n\na: 2\n");
	free(text);
	text = writer_reformat("\"text\"", WRITER_TEXT);
	assert_string_equal(text, "text\n");
	free(text);
	text = writer_reformat(" 17 ", WRITER_JSON);
	assert_string_equal(text, "17");
	free(text);
	assert_null(writer_reformat("{", WRITER_TEXT));
	assert_null(writer_reformat("", WRITER_TEXT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats), cmocka_unit_test(test_hostile_strings), cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_misuse), cmocka_unit_test(test_too_deep), cmocka_unit_test(test_reformat),
	};
	int failed = cmocka_run_group_tests_name("writer", tests, NULL, NULL);

	xmlCleanupParser();
	return failed;
}
