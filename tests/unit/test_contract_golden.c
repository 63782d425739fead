/*
 * The directories of cases:
 *
 *   tests/golden/contract/NAME.xml           -> NAME.expected: its canonical form
 *   tests/golden/contract/NAME-invalid.xml   -> NAME-invalid.expected: "line: <element>: what is wrong"
 *       names that begin with "request" are parsed as requests, all others as contracts
 *   tests/golden/contract-diff/NAME.old.xml and NAME.new.xml -> NAME.expected: bits and a line per difference
 *
 * A new case is a new file. GOLDEN_UPDATE=1 in the environment writes the expected files instead of comparing;
 * read the difference before committing it.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "contracts/contract.h"

#define DIR_CONTRACT SRCDIR "/tests/golden/contract"
#define DIR_DIFF SRCDIR "/tests/golden/contract-diff"
#define TEXT_ROOM (2 * CONTRACT_MAX_SIZE)

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text;

	if (f == NULL)
		return NULL;
	text = malloc(TEXT_ROOM + 1);
	assert_non_null(text);
	*len = fread(text, 1, TEXT_ROOM, f);
	text[*len] = '\0';
	fclose(f);
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Compares with the expected file (or writes it). Returns 1 when they differ. */
static int differs(const char *path, const char *got)
{
	char *want;
	size_t len;
	int rc;

	if (getenv("GOLDEN_UPDATE") != NULL) {
		write_file(path, got);
		return 0;
	}
	want = slurp(path, &len);
	rc = want == NULL || strcmp(want, got) != 0;
	if (rc)
		print_error("%s\n--- expected\n%s--- got\n%s", path, want != NULL ? want : "(no file)\n", got);
	free(want);
	return rc;
}

static char *error_text(const struct contract_error *e)
{
	char *text = malloc(sizeof(e->element) + sizeof(e->text) + 32);

	assert_non_null(text);
	if (e->element[0] != '\0')
		sprintf(text, "%d: <%s>: %s\n", e->line, e->element, e->text);
	else
		sprintf(text, "%d: %s\n", e->line, e->text);
	return text;
}

/* The canonical form or the error, malloc'd; *rc what the parser said. */
static char *parse_contract(const char *xml, size_t len, int *rc)
{
	struct contract_error error;
	struct contract *c;
	char *text;

	*rc = contract_parse(xml, len, &c, &error);
	if (*rc != 0)
		return error_text(&error);
	text = strdup(c->xml);
	contract_unref(c);
	return text;
}

static char *parse_request(const char *xml, size_t len, int *rc)
{
	struct contract_request request;
	struct contract_error error;
	char *text = NULL;
	size_t text_len;

	*rc = contract_request_parse(xml, len, &request, &error);
	if (*rc != 0)
		return error_text(&error);
	assert_int_equal(contract_request_seal(&request, &text, &text_len, &error), 0);
	contract_request_clear(&request);
	return text;
}

static char *parse_any(const char *name, const char *xml, size_t len, int *rc)
{
	return strncmp(name, "request", 7) == 0 ? parse_request(xml, len, rc) : parse_contract(xml, len, rc);
}

/* Runs NAME.xml. Returns 1 when it is not as expected. */
static int run_case(const char *name)
{
	int invalid = strstr(name, "-invalid") != NULL, rc, bad;
	char path[512], *xml, *got, *again;
	size_t len;

	snprintf(path, sizeof(path), DIR_CONTRACT "/%s.xml", name);
	xml = slurp(path, &len);
	assert_non_null(xml);
	got = parse_any(name, xml, len, &rc);
	free(xml);
	snprintf(path, sizeof(path), DIR_CONTRACT "/%s.expected", name);
	bad = differs(path, got);
	if ((rc != 0) != invalid) {
		print_error("%s: %s, though its name says otherwise\n", name, rc != 0 ? "refused" : "accepted");
		bad = 1;
	}
	if (rc == 0) {
		again = parse_any(name, got, strlen(got), &rc);
		if (rc != 0 || strcmp(got, again) != 0) {
			print_error("%s: the canonical form is not stable:\n%s", name, again);
			bad = 1;
		}
		free(again);
	}
	free(got);
	return bad;
}

static int is_xml(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 4 && strcmp(entry->d_name + n - 4, ".xml") == 0;
}

static void documents(void **state)
{
	struct dirent **entries;
	int i, n = scandir(DIR_CONTRACT, &entries, is_xml, alphasort), bad = 0, invalid = 0;

	assert_true(n > 0);
	for (i = 0; i < n; i++) {
		entries[i]->d_name[strlen(entries[i]->d_name) - 4] = '\0';
		bad += run_case(entries[i]->d_name);
		invalid += strstr(entries[i]->d_name, "-invalid") != NULL;
		free(entries[i]);
	}
	free(entries);
	print_message("%d documents, %d of them invalid\n", n, invalid);
	assert_true(invalid >= 25);
	assert_int_equal(bad, 0);
}

static struct contract *load(const char *name, const char *which)
{
	struct contract_error error;
	struct contract *c = NULL;
	char path[512], *xml;
	size_t len;

	snprintf(path, sizeof(path), DIR_DIFF "/%s.%s.xml", name, which);
	xml = slurp(path, &len);
	assert_non_null(xml);
	if (contract_parse(xml, len, &c, &error) != 0)
		fail_msg("%s: %d: <%s>: %s", path, error.line, error.element, error.text);
	free(xml);
	return c;
}

static void add_line(void *ctx, const char *text)
{
	strcat(ctx, text);
	strcat(ctx, "\n");
}

static void diff_case(const char *name, int *bad)
{
	static const char *const bit[] = {"rate", "endpoints", "isc", "services", "apps", "limits", "prices", "other"};
	struct contract *a = load(name, "old"), *b = load(name, "new");
	char *text = calloc(1, TEXT_ROOM), path[512], head[128] = "bits:";
	unsigned bits, i;

	assert_non_null(text);
	bits = contract_diff(a, b, NULL, NULL);
	for (i = 0; i < sizeof(bit) / sizeof(bit[0]); i++)
		if (bits & 1u << i) {
			strcat(head, " ");
			strcat(head, bit[i]);
		}
	add_line(text, head);
	assert_int_equal(contract_diff(a, b, add_line, text), bits);
	snprintf(path, sizeof(path), DIR_DIFF "/%s.expected", name);
	*bad += differs(path, text);
	assert_int_equal(contract_diff(b, a, NULL, NULL), bits);
	assert_int_equal(contract_diff(a, a, NULL, NULL), 0);
	free(text);
	contract_unref(a);
	contract_unref(b);
}

static void differences(void **state)
{
	struct dirent **entries;
	int i, n = scandir(DIR_DIFF, &entries, is_xml, alphasort), bad = 0, cases = 0;
	char *suffix;

	assert_true(n > 0);
	for (i = 0; i < n; i++) {
		suffix = strstr(entries[i]->d_name, ".old.xml");
		if (suffix != NULL) {
			*suffix = '\0';
			diff_case(entries[i]->d_name, &bad);
			cases++;
		}
		free(entries[i]);
	}
	free(entries);
	print_message("%d pairs\n", cases);
	assert_int_equal(bad, 0);
}

static int cleanup(void **state)
{
	contract_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents),
		cmocka_unit_test(differences),
	};

	return cmocka_run_group_tests_name("contract_golden", tests, NULL, cleanup);
}
