/*
 * See docs.h. The deflated form is made of three parts: all before the number and all after it deflated once, between
 * them the number in a stored block; a checksum at the end. So only ten digits and the checksum change.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bench/load/docs.h"
#include "bench/load/world.h"
#include "contracts/contract.h"

#define DIGITS 10
#define TEXT_ROOM 16384

static const char head[] =
	"<contract xmlns=\"urn:icorp:contract:1\"%s revision=\"1\"><client>acme</client><name>shop</name>"
	"<class>silver</class><priority setup=\"4\" holding=\"3\"/>"
	"<network prefix=\"10.64.0.0/16\" priority=\"5\" capacity=\"controlled\"><rate>64000</rate><ceil>128000</ceil>"
	"<subnet name=\"access\" prefix=\"10.64.0.0/24\"/><subnet name=\"servers\" prefix=\"10.64.1.0/24\"/></network>"
	"<endpoints><isc image=\"web\"><vcpu>1</vcpu><cputune><shares>1024</shares></cputune>"
	"<memory unit=\"MiB\">64</memory></isc>"
	"<access element=\"ar1\" leader=\"yes\" control=\"10.9.10.1\" address=\"10.64.0.11\" subnet=\"access\" "
	"public=\"192.0.2.7\"/>"
	"<server element=\"srv1\" control=\"10.9.20.1\" address=\"10.64.1.11\" subnet=\"servers\"/>";
static const char tail[] =
	"</endpoints><services><service name=\"web\" protocol=\"tcp\" port=\"80\" target=\"8080\"/></services>"
	"<applications><application name=\"httpd\"/></applications>"
	"<limits><bandwidth unit=\"Mbit/s\">50</bandwidth><cpu>4096</cpu><budget>25</budget></limits>"
	"<prices currency=\"EUR\" interval=\"3600\"><price resource=\"bandwidth\" per=\"1000000\">0.05</price>"
	"<price resource=\"cpu\" per=\"1024\">0.10</price></prices></contract>";

/* More servers until it is as long as wanted. They lie elsewhere: no Path through this router lists them. */
static size_t write_text(char *text, size_t size, int shared)
{
	size_t n;

	n = (size_t)snprintf(text, TEXT_ROOM, head, shared ? "" : " id=\"1000000000\"");
	for (unsigned i = 2; n + sizeof(tail) < size && i < 200; i++)
		n += (size_t)snprintf(text + n, TEXT_ROOM - n, "<server element=\"srv%u\" control=\"10.9.21.%u\" "
				      "address=\"10.64.1.%u\" subnet=\"servers\"/>", i, i, i + 10);
	return n + (size_t)snprintf(text + n, TEXT_ROOM - n, "%s", tail);
}

static struct contract *parse(size_t size, int shared, struct contract_error *error)
{
	struct contract *c = NULL;
	char text[TEXT_ROOM];

	return contract_parse(text, write_text(text, size, shared), &c, error) ? NULL : c;
}

int docs_can_share(void)
{
	struct contract_error error;
	struct contract *c = parse(0, 1, &error);

	contract_unref(c);
	return c != NULL;
}

/* Deflates a part so that it ends at a byte's border, without a header; last: it ends the stream. */
static size_t deflate_part(const char *data, size_t len, int last, uint8_t *out, size_t room)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len, .next_out = out,
		       .avail_out = (uInt)room };

	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return 0;
	deflate(&z, last ? Z_FINISH : Z_FULL_FLUSH);
	deflateEnd(&z);
	return room - z.avail_out;
}

static void put_checksum(struct docs *d)
{
	uint32_t sum = htonl((uint32_t)adler32(adler32(0, NULL, 0), (const Bytef *)d->xml, (uInt)d->xml_len));

	memcpy(d->body + d->body_len - 4, &sum, 4);
}

static int make_body(struct docs *d)
{
	static const uint8_t zlib[] = { 0x78, 0xda }, stored[] = { 0, DIGITS, 0, 0xff - DIGITS, 0xff };
	size_t room = d->xml_len + 256, number = d->shared ? 0 : DIGITS, rest = d->number_at + number;
	uint8_t *at = d->body = malloc(room);

	if (!at)
		return -1;
	memcpy(at, zlib, sizeof(zlib));
	at += sizeof(zlib);
	at += deflate_part(d->xml, d->number_at, 0, at, room / 2);
	if (number) {
		memcpy(at, stored, sizeof(stored));
		at += sizeof(stored);
		d->body_number_at = (size_t)(at - d->body);
		memcpy(at, d->xml + d->number_at, DIGITS);
		at += DIGITS;
	}
	at += deflate_part(d->xml + rest, d->xml_len - rest, 1, at, room - (size_t)(at - d->body) - 4);
	d->body_len = (size_t)(at - d->body) + 4;
	put_checksum(d);
	return 0;
}

int docs_new(struct docs *docs, size_t size, int shared)
{
	size_t before = mallinfo2().uordblks;
	struct contract_error error;
	struct contract *c;
	const char *number;

	memset(docs, 0, sizeof(*docs));
	contract_unref(parse(size, shared, &error)); /* what the library allocates once is not counted */
	before = mallinfo2().uordblks;
	c = parse(size, shared, &error);
	if (!c) {
		fprintf(stderr, "signaling: contract: line %d: %s: %s\n", error.line, error.element, error.text);
		return -1;
	}
	docs->parsed = mallinfo2().uordblks - before;
	docs->shared = shared;
	docs->xml = strdup(c->xml);
	docs->xml_len = c->xml_len;
	memcpy(docs->digest, c->digest, SHA256_SIZE);
	contract_unref(c);
	number = docs->xml ? strstr(docs->xml, "id=\"1000000000\"") : NULL;
	docs->number_at = number ? (size_t)(number - docs->xml) + 4 : 0;
	return docs->xml && (number || shared) ? make_body(docs) : -1;
}

void docs_number(struct docs *docs, uint32_t icorp)
{
	char digits[DIGITS + 1];

	if (docs->shared)
		return;
	snprintf(digits, sizeof(digits), "%010u", icorp);
	memcpy(docs->xml + docs->number_at, digits, DIGITS);
	memcpy(docs->body + docs->body_number_at, digits, DIGITS);
	put_checksum(docs);
	sha256(docs->xml, docs->xml_len, docs->digest);
}

void docs_free(struct docs *docs)
{
	free(docs->xml);
	free(docs->body);
	memset(docs, 0, sizeof(*docs));
}
