/*
 * The contract parser: any bytes as a contract, as a request, and as a deflated contract. What parses has a
 * canonical form that parses to itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "contracts/contract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void contract(const char *xml, size_t len)
{
	struct contract *c, *again;
	struct contract_error error;

	if (contract_parse(xml, len, &c, &error) != 0) {
		if (c != NULL || error.text[0] == '\0')
			abort();
		return;
	}
	if (contract_parse(c->xml, c->xml_len, &again, &error) != 0)
		abort();
	if (strcmp(c->xml, again->xml) != 0 || memcmp(c->digest, again->digest, SHA256_SIZE) != 0 ||
	    contract_diff(c, again, NULL, NULL) != 0)
		abort();
	contract_unref(again);
	contract_unref(c);
}

static void request(const char *text, size_t text_len)
{
	struct contract_request r;
	struct contract_error error;
	size_t len;
	char *xml;

	if (contract_request_parse(text, text_len, &r, &error) != 0)
		return;
	if (contract_request_seal(&r, &xml, &len, &error) != 0)
		abort();
	free(xml);
	contract_request_clear(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len;
	char *xml;

	contract((const char *)data, size);
	request((const char *)data, size);
	if (contract_inflate(data, size, &xml, &len) == 0) {
		contract(xml, len);
		free(xml);
	}
	return 0;
}
