/*
 * Properties over many damaged documents, from a fixed seed (CONTRACT_SEED and CONTRACT_ROUNDS in the environment
 * choose others; a failure prints the document):
 *
 *   - parsing never crashes, reads beyond its buffer or leaks (the sanitizers watch)
 *   - a refusal always has words
 *   - what parses is stable: its canonical form parses to itself, with the same digest and no difference, and
 *     sealing it again changes nothing
 *   - what parses is valid by the installed schema with all its facets, though the library validates without
 *     them and checks values itself (contracts/schema.c)
 *   - what parses survives the wire form
 *   - what is taken in canonical form, without parser and schema, is valid and the same contract as with them, and
 *     no canonical form takes the long way without need
 */
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "contracts/internal.h"

#define DIR_GOLDEN SRCDIR "/tests/golden/contract/"
#define ROOM 65536

static const char *const originals[] = {"contract-web.xml",   "every-element.xml", "applications.xml",
					"servers-differ.xml", "minimal.xml",	   "web-spelt-otherwise.xml",
					"request-web.xml",    "request-named.xml"};
#define N_ORIGINALS (sizeof(originals) / sizeof(originals[0]))

/* Values put where other values were: some fit in some places. */
static const char *const values[] = {
	"",
	"0",
	"1",
	"2",
	"7",
	"8",
	"255",
	"256",
	"1000",
	"1024",
	"65535",
	"65536",
	"262144",
	"262145",
	"4294967295",
	"4294967296",
	"18446744073709551615",
	"18446744073709551616",
	"-1",
	"+1",
	"007",
	" 12 ",
	"1.5",
	"0.000001",
	"0.0000001",
	"18446744073709.551615",
	"18446744073709.551616",
	"1e3",
	"0x10",
	"ar1",
	"ar2",
	"srv1",
	"srv9",
	"a",
	"-a",
	"a-",
	"A",
	"a_b",
	"a.b",
	"access",
	"servers",
	"web",
	"10.64.7.11",
	"10.64.7.66",
	"10.64.7.127",
	"10.64.7.0",
	"10.200.1.11",
	"10.200.2.99",
	"010.1.1.1",
	"1.2.3",
	"256.1.1.1",
	"0.0.0.0",
	"224.0.0.1",
	"255.255.255.255",
	"10.64.7.0/24",
	"10.64.7.0/26",
	"10.64.7.64/26",
	"10.64.7.128/25",
	"10.64.0.0/16",
	"0.0.0.0/0",
	"10.64.7.1/32",
	"10.64.7.1/33",
	"10.64.7.1/24",
	"KiB",
	"MiB",
	"GiB",
	"TiB",
	"bit/s",
	"Gbit/s",
	" s ",
	"d",
	"yes",
	"no",
	"tcp",
	"udp",
	"constant",
	"best-effort",
	"cpu",
	"disk",
	"EUR",
	"EURO",
	"eur",
	"https://a/b",
	"http://",
	"ftp://a/b",
	"https://a b/",
	"&amp;",
	"&#10;",
	"&#0;",
	"&x;",
	"\xc3\xa9",
	"\xff",
	"<![CDATA[1024]]>",
	"1<!-- x -->2",
	"\n\t42\n",
	"a.b.example",
	"A.example",
	"a..b",
	"-a.b",
	"a-.b",
	"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"9F86",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};
#define N_VALUES (sizeof(values) / sizeof(values[0]))

static uint64_t state_of_chance;
static xmlRelaxNGPtr full_schema;

/* xorshift64* */
static uint32_t chance(uint32_t below)
{
	state_of_chance ^= state_of_chance >> 12;
	state_of_chance ^= state_of_chance << 25;
	state_of_chance ^= state_of_chance >> 27;
	return (uint32_t)((state_of_chance * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

struct text {
	char data[ROOM + 1];
	size_t len;
};

/* Replaces data[at, at + old) by n bytes. */
static void splice(struct text *t, size_t at, size_t old, const char *with, size_t n)
{
	if (t->len - old + n > ROOM)
		return;
	memmove(t->data + at + n, t->data + at + old, t->len - at - old);
	memcpy(t->data + at, with, n);
	t->len += n - old;
	t->data[t->len] = '\0';
}

/* The next value: between quotes or between '>' and '<'. Returns 0 when there is none. */
static int find_value_from(const struct text *t, size_t from, size_t *at, size_t *len)
{
	size_t i, end;
	char closing;

	for (i = from; i < t->len; i++) {
		if (t->data[i] == '>')
			closing = '<';
		else if (t->data[i] == '"' && i > 0 && t->data[i - 1] == '=')
			closing = '"';
		else
			continue;
		for (end = i + 1; end < t->len && t->data[end] != closing; end++)
			;
		if (end == t->len || end == i + 1 || t->data[i + 1] == '\n')
			continue;
		*at = i + 1;
		*len = end - i - 1;
		return 1;
	}
	return 0;
}

static void change_value(struct text *t)
{
	const char *value = values[chance(N_VALUES)];
	size_t at, len;

	if (find_value_from(t, chance((uint32_t)t->len), &at, &len))
		splice(t, at, len, value, strlen(value));
}

/* The bounds of a random line, with its newline. */
static void find_line(const struct text *t, size_t *at, size_t *len)
{
	size_t i = chance((uint32_t)t->len), end;

	while (i > 0 && t->data[i - 1] != '\n')
		i--;
	for (end = i; end < t->len && t->data[end] != '\n'; end++)
		;
	*at = i;
	*len = end - i + (end < t->len);
}

static void move_line(struct text *t)
{
	char line[1024];
	size_t at, len, to, unused;
	uint32_t how = chance(3);

	find_line(t, &at, &len);
	if (len > sizeof(line))
		return;
	memcpy(line, t->data + at, len);
	if (how != 0) /* 0: copy; 1: drop; 2: move */
		splice(t, at, len, "", 0);
	if (how == 1 || t->len == 0)
		return;
	find_line(t, &to, &unused);
	splice(t, to, 0, line, len);
}

static void change_byte(struct text *t)
{
	static const char marks[] = "<>&\"'/=;![]-:x0 \n\0\xff";
	char byte = chance(3) == 0 ? (char)chance(256) : marks[chance(sizeof(marks))];
	size_t at = chance((uint32_t)t->len);

	switch (chance(4)) {
	case 0:
		splice(t, at, 1, "", 0);
		break;
	case 1:
		splice(t, at, 0, &byte, 1);
		break;
	case 2:
		t->data[at] = byte;
		break;
	default:
		t->len = at; /* cut off */
		break;
	}
}

static void damage(struct text *t)
{
	uint32_t n = 1 + chance(3), kind;

	while (n-- > 0 && t->len > 0) {
		kind = chance(10);
		if (kind < 6)
			change_value(t);
		else if (kind < 9)
			move_line(t);
		else
			change_byte(t);
	}
}

static void silent(void *ctx, xmlErrorPtr error)
{
}

static void check_full_schema(const char *xml, size_t len)
{
	xmlDocPtr doc =
		xmlReadMemory(xml, (int)len, NULL, "UTF-8", XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlRelaxNGValidCtxtPtr valid = xmlRelaxNGNewValidCtxt(full_schema);
	int rc;

	assert_true(doc != NULL && valid != NULL);
	xmlRelaxNGSetValidStructuredErrors(valid, silent, NULL);
	rc = xmlRelaxNGValidateDoc(valid, doc);
	xmlRelaxNGFreeValidCtxt(valid);
	xmlFreeDoc(doc);
	if (rc != 0)
		fail_msg("accepted, but not valid by contract.rng:\n%.*s", (int)len, xml);
}

static void check_wire_form(const struct contract *c)
{
	size_t len, xml_len;
	uint8_t *data;
	char *xml;

	assert_int_equal(contract_deflate(c, &data, &len), 0);
	assert_int_equal(contract_inflate(data, len, &xml, &xml_len), 0);
	assert_int_equal(xml_len, c->xml_len);
	assert_string_equal(xml, c->xml);
	free(xml);
	free(data);
}

static void check_stable(struct contract *c)
{
	struct contract_error error;
	struct contract *again = NULL;
	char *xml;

	if (contract_parse(c->xml, c->xml_len, &again, &error) != 0)
		fail_msg("canonical form refused: %d: %s: %s\n%s", error.line, error.element, error.text, c->xml);
	assert_string_equal(c->xml, again->xml);
	assert_memory_equal(c->digest, again->digest, SHA256_SIZE);
	assert_int_equal(contract_diff(c, again, NULL, NULL), 0);
	xml = strdup(c->xml);
	assert_int_equal(contract_seal(again, &error), 0);
	assert_string_equal(xml, again->xml);
	free(xml);
	contract_unref(again);
}

/* Has it the form that needs no parser? Characters that are not ASCII and references do. */
static int is_plain(const struct contract *c, const char *xml, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)xml[i] > '~' || xml[i] == '&')
			return 0;
	return c->xml_len == len && memcmp(c->xml, xml, len) == 0;
}

static void check_both_ways(const char *xml, size_t len)
{
	struct contract *shorter, *longer;
	struct contract_error error = {.line = 0};
	int taken = contract_read_canonical(xml, len, &shorter) == 0;

	if (contract_read_document(xml, len, &longer, &error) != 0) {
		if (taken)
			fail_msg("taken as canonical, but: %d: %s: %s\n%.*s", error.line, error.element, error.text,
				 (int)len, xml);
		return;
	}
	if (taken != is_plain(longer, xml, len))
		fail_msg("%s:\n%.*s", taken ? "taken as canonical" : "canonical, but not taken", (int)len, xml);
	if (taken) {
		assert_memory_equal(shorter->digest, longer->digest, SHA256_SIZE);
		assert_int_equal(contract_diff(shorter, longer, NULL, NULL), 0);
	}
	contract_unref(shorter);
	contract_unref(longer);
}

static int try_contract(const char *xml, size_t len)
{
	struct contract_error error;
	struct contract *c;

	check_both_ways(xml, len);
	if (contract_parse(xml, len, &c, &error) != 0) {
		assert_null(c);
		assert_true(error.text[0] != '\0');
		return 0;
	}
	check_full_schema(xml, len);
	check_full_schema(c->xml, c->xml_len);
	check_stable(c);
	check_wire_form(c);
	contract_unref(c);
	return 1;
}

static int try_request(const char *xml, size_t len)
{
	struct contract_request request;
	struct contract_error error;
	char *first, *second;
	size_t first_len, second_len;

	if (contract_request_parse(xml, len, &request, &error) != 0) {
		assert_true(error.text[0] != '\0');
		return 0;
	}
	check_full_schema(xml, len);
	assert_int_equal(contract_request_seal(&request, &first, &first_len, &error), 0);
	contract_request_clear(&request);
	check_full_schema(first, first_len);
	assert_int_equal(contract_request_parse(first, first_len, &request, &error), 0);
	assert_int_equal(contract_request_seal(&request, &second, &second_len, &error), 0);
	contract_request_clear(&request);
	assert_string_equal(first, second);
	free(first);
	free(second);
	return 1;
}

/* The exact bytes on the heap, so that reading one too many is seen. */
static int try(const struct text *t, int request)
{
	char *exact = malloc(t->len + 1);
	int rc;

	assert_non_null(exact);
	memcpy(exact, t->data, t->len);
	exact = realloc(exact, t->len > 0 ? t->len : 1);
	assert_non_null(exact);
	rc = request ? try_request(exact, t->len) : try_contract(exact, t->len);
	free(exact);
	return rc;
}

static void load(const char *name, struct text *t)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), DIR_GOLDEN "%s", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	t->len = fread(t->data, 1, ROOM, f);
	t->data[t->len] = '\0';
	fclose(f);
}

static unsigned long number_from(const char *variable, unsigned long otherwise)
{
	const char *text = getenv(variable);

	return text != NULL ? strtoul(text, NULL, 0) : otherwise;
}

static void damaged_documents(void **state)
{
	static struct text original[N_ORIGINALS], t;
	unsigned long rounds = number_from("CONTRACT_ROUNDS", 6000), i, accepted = 0;
	unsigned k;

	state_of_chance = number_from("CONTRACT_SEED", 20240607) | 1;
	for (k = 0; k < N_ORIGINALS; k++) {
		load(originals[k], &original[k]);
		assert_true(try(&original[k], strncmp(originals[k], "request", 7) == 0));
	}
	for (i = 0; i < rounds; i++) {
		k = chance(N_ORIGINALS);
		t = original[k];
		damage(&t);
		accepted += (unsigned long)try(&t, strncmp(originals[k], "request", 7) == 0);
	}
	print_message("%lu damaged documents, %lu accepted\n", rounds, accepted);
	assert_true(accepted > rounds / 20); /* otherwise the properties say nothing */
	assert_true(accepted < rounds);
}

/* Every value in the place of every other: what the facets of the schema refuse, values.c refuses too. */
static void every_value_in_every_place(void **state)
{
	static const char *const documents[] = {"no-limits.xml", "applications.xml", "request-named.xml"};
	static struct text original, t;
	unsigned long tried = 0, accepted = 0;
	size_t at, len, next, v;
	unsigned k;

	for (k = 0; k < sizeof(documents) / sizeof(documents[0]); k++) {
		load(documents[k], &original);
		for (next = 0; find_value_from(&original, next, &at, &len); next = at + len)
			for (v = 0; v < N_VALUES; v++) {
				t = original;
				splice(&t, at, len, values[v], strlen(values[v]));
				accepted += (unsigned long)try(&t, strncmp(documents[k], "request", 7) == 0);
				tried++;
			}
	}
	print_message("%lu values tried, %lu accepted\n", tried, accepted);
	assert_true(tried > 5000 && accepted > tried / 20);
}

/* Loads the canonical form of a document. Returns 0 when it is no contract. */
static int load_canonical(const char *name, struct text *t)
{
	struct contract_error error;
	struct contract *c;

	load(name, t);
	if (contract_parse(t->data, t->len, &c, &error) != 0)
		return 0;
	t->len = c->xml_len;
	memcpy(t->data, c->xml, c->xml_len + 1);
	contract_unref(c);
	return 1;
}

/* What comes from a neighbour is canonical, or nearly so. */
static void damaged_canonical_forms(void **state)
{
	static struct text original[N_ORIGINALS], t;
	unsigned long rounds = number_from("CONTRACT_ROUNDS", 6000), i, accepted = 0;
	unsigned k, n = 0;

	state_of_chance = number_from("CONTRACT_SEED", 20240607) | 1;
	for (k = 0; k < N_ORIGINALS; k++)
		if (load_canonical(originals[k], &original[n]))
			assert_true(try(&original[n++], 0));
	for (i = 0; i < rounds; i++) {
		t = original[chance(n)];
		damage(&t);
		accepted += (unsigned long)try(&t, 0);
	}
	print_message("%lu damaged canonical forms, %lu accepted\n", rounds, accepted);
	assert_true(accepted > rounds / 20 && accepted < rounds);
}

/* An argument of an application is the one value that may be any text. */
static void every_byte_in_an_argument(void **state)
{
	static const char before[] = ">\n      <arg>", after[] = "</arg>\n    </application>";
	static struct text original, t;
	unsigned accepted = 0, byte;
	char *end, value;
	size_t at;

	assert_true(load_canonical("contract-web.xml", &original));
	end = strstr(original.data, "<application ");
	assert_non_null(end);
	at = (size_t)(strstr(end, "/>") - original.data);
	splice(&original, at, 2, after, strlen(after));
	splice(&original, at, 0, before, strlen(before));
	assert_true(try(&original, 0));
	for (byte = 0; byte < 256; byte++) {
		value = (char)byte;
		t = original;
		splice(&t, at + strlen(before), 0, &value, 1);
		accepted += (unsigned)try(&t, 0);
	}
	assert_true(accepted > 90 && accepted < 200);
}

static int setup(void **state)
{
	xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewParserCtxt(SRCDIR "/contracts/contract.rng");

	full_schema = parser != NULL ? xmlRelaxNGParse(parser) : NULL;
	xmlRelaxNGFreeParserCtxt(parser);
	return full_schema != NULL ? 0 : -1;
}

static int cleanup(void **state)
{
	xmlRelaxNGFree(full_schema);
	contract_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_documents),
		cmocka_unit_test(damaged_canonical_forms),
		cmocka_unit_test(every_byte_in_an_argument),
		cmocka_unit_test(every_value_in_every_place),
	};

	return cmocka_run_group_tests_name("contract_property", tests, setup, cleanup);
}
