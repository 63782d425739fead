/*
 * Contracts on the wire: deflated (RFC 1950) so that a small one fits the datagram that announces it. What is
 * inflated comes from a neighbour and may be a bomb: the output is capped and the cap is enforced while
 * inflating, not after.
 */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "contracts/internal.h"

int contract_deflate(const struct contract *c, uint8_t **out, size_t *len)
{
	uLongf room;
	int rc;

	*out = NULL;
	*len = 0;
	if (c->xml == NULL)
		return -EINVAL;
	room = compressBound(c->xml_len);
	*out = malloc(room);
	if (*out == NULL)
		return -ENOMEM;
	rc = compress2(*out, &room, (const Bytef *)c->xml, c->xml_len, Z_DEFAULT_COMPRESSION);
	if (rc != Z_OK) {
		free(*out);
		*out = NULL;
		return -ENOMEM;
	}
	*len = room;
	return 0;
}

static int inflate_into(z_stream *z, char *xml, size_t *xml_len)
{
	int rc;

	z->next_out = (Bytef *)xml;
	z->avail_out = CONTRACT_MAX_SIZE;
	rc = inflate(z, Z_FINISH);
	if (rc == Z_MEM_ERROR)
		return -ENOMEM;
	if (rc != Z_STREAM_END)
		return z->avail_out == 0 ? -E2BIG : -EBADMSG;
	if (z->avail_in != 0)
		return -EBADMSG;
	*xml_len = z->total_out;
	xml[*xml_len] = '\0';
	return 0;
}

int contract_inflate(const uint8_t *data, size_t len, char **xml, size_t *xml_len)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
	char *text, *fitted;
	int rc;

	*xml = NULL;
	*xml_len = 0;
	if (len > 2 * (size_t)CONTRACT_MAX_SIZE)
		return -E2BIG;
	text = malloc(CONTRACT_MAX_SIZE + 1);
	if (text == NULL)
		return -ENOMEM;
	rc = inflateInit(&z) == Z_OK ? inflate_into(&z, text, xml_len) : -ENOMEM;
	inflateEnd(&z);
	if (rc != 0) {
		free(text);
		return rc;
	}
	fitted = realloc(text, *xml_len + 1);
	if (fitted != NULL)
		text = fitted;
	*xml = text;
	return 0;
}
