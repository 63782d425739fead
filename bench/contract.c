/*
 * How fast a contract is read: `bench/contract [FILE [SECONDS]]`. Prints, for the same document and in the same
 * run, what the library does (parse, validate, read, check, canonical form, digest), the same for a document in
 * canonical form, as they travel (without parsing and validating), its parts, and what libxml2 alone takes to parse it
 * and validate it against the schema file, as the floor to compare with.
 */
#include <fcntl.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "contracts/contract.h"

struct bench {
	const char *xml;
	size_t len;
	struct contract *contract;
	uint8_t *deflated;
	size_t deflated_len;
	xmlRelaxNGPtr schema;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int parse(const char *xml, size_t len)
{
	struct contract_error error;
	struct contract *c;

	if (contract_parse(xml, len, &c, &error) != 0)
		return -1;
	contract_unref(c);
	return 0;
}

static int run_parse(struct bench *b)
{
	return parse(b->xml, b->len);
}

static int run_canonical(struct bench *b)
{
	return parse(b->contract->xml, b->contract->xml_len);
}

static int run_seal(struct bench *b)
{
	return contract_seal(b->contract, NULL);
}

static int run_deflate(struct bench *b)
{
	uint8_t *data;
	size_t len;

	if (contract_deflate(b->contract, &data, &len) != 0)
		return -1;
	free(data);
	return 0;
}

static int run_inflate(struct bench *b)
{
	size_t len;
	char *xml;

	if (contract_inflate(b->deflated, b->deflated_len, &xml, &len) != 0)
		return -1;
	free(xml);
	return 0;
}

static int run_xml_only(struct bench *b)
{
	xmlDocPtr doc = xmlReadMemory(b->xml, (int)b->len, NULL, NULL, XML_PARSE_NONET);

	if (doc == NULL)
		return -1;
	xmlFreeDoc(doc);
	return 0;
}

static int run_xml_and_schema(struct bench *b)
{
	xmlDocPtr doc = xmlReadMemory(b->xml, (int)b->len, NULL, NULL, XML_PARSE_NONET);
	xmlRelaxNGValidCtxtPtr valid = xmlRelaxNGNewValidCtxt(b->schema);
	int rc = doc != NULL && valid != NULL ? xmlRelaxNGValidateDoc(valid, doc) : -1;

	xmlRelaxNGFreeValidCtxt(valid);
	xmlFreeDoc(doc);
	return rc;
}

static int measure(const char *name, int (*run)(struct bench *), struct bench *b, double seconds)
{
	double start = now(), spent;
	unsigned long n = 0, i;

	do {
		for (i = 0; i < 100; i++, n++)
			if (run(b) != 0) {
				fprintf(stderr, "contract: %s failed\n", name);
				return 1;
			}
		spent = now() - start;
	} while (spent < seconds);
	printf("%s: %.0f /s (%.1f us)\n", name, (double)n / spent, spent / (double)n * 1e6);
	return 0;
}

static int prepare(struct bench *b, const char *path)
{
	static char text[CONTRACT_MAX_SIZE];
	xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewParserCtxt(SRCDIR "/contracts/contract.rng");
	struct contract_error error;
	int fd = open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (fd >= 0)
		close(fd);
	b->schema = parser != NULL ? xmlRelaxNGParse(parser) : NULL;
	xmlRelaxNGFreeParserCtxt(parser);
	if (n < 0 || b->schema == NULL) {
		fprintf(stderr, "contract: %s: cannot be read\n", path);
		return 1;
	}
	b->xml = text;
	b->len = (size_t)n;
	if (contract_parse(text, (size_t)n, &b->contract, &error) != 0) {
		fprintf(stderr, "contract: %s:%d: %s: %s\n", path, error.line, error.element, error.text);
		return 1;
	}
	return contract_deflate(b->contract, &b->deflated, &b->deflated_len) != 0;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : SRCDIR "/tests/golden/contract/contract-web.xml";
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 1;
	struct bench b = {.xml = NULL};
	int rc = prepare(&b, path);

	if (rc == 0) {
		printf("document: %zu bytes, canonical %zu, deflated %zu\n", b.len, b.contract->xml_len,
		       b.deflated_len);
		rc = measure("contract_parses_per_s", run_parse, &b, seconds) ||
		     measure("contract_canonical_parses_per_s", run_canonical, &b, seconds) ||
		     measure("contract_seals_per_s", run_seal, &b, seconds) ||
		     measure("contract_deflates_per_s", run_deflate, &b, seconds) ||
		     measure("contract_inflates_per_s", run_inflate, &b, seconds) ||
		     measure("floor_libxml2_parses_per_s", run_xml_only, &b, seconds) ||
		     measure("floor_libxml2_parses_and_validations_per_s", run_xml_and_schema, &b, seconds);
	}
	free(b.deflated);
	contract_unref(b.contract);
	xmlRelaxNGFree(b.schema);
	contract_cleanup();
	return rc;
}
