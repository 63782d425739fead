/* Addresses as text and prefixes. See addr.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"

int addr_parse(const char *text, struct in_addr *out)
{
	return text && inet_pton(AF_INET, text, out) == 1 ? 0 : -EINVAL;
}

static uint32_t mask(uint8_t len)
{
	return len ? UINT32_MAX << (32 - len) : 0;
}

int prefix_parse(const char *text, struct prefix *out, int host_bits_ok)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	struct prefix p = { .len = 32 };
	char addr[ADDR_TEXT];
	size_t n;

	if (!text)
		return -EINVAL;
	n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = 0;
	if (slash) {
		char *end;
		unsigned long len = strtoul(slash + 1, &end, 10);

		if (slash[1] < '0' || slash[1] > '9' || *end || len > 32)
			return -EINVAL;
		p.len = (uint8_t)len;
	}
	if (addr_parse(addr, &p.addr) || (!host_bits_ok && ntohl(p.addr.s_addr) & ~mask(p.len)))
		return -EINVAL;
	*out = p;
	return 0;
}

const char *addr_text(struct in_addr addr, char out[ADDR_TEXT])
{
	return inet_ntop(AF_INET, &addr, out, ADDR_TEXT);
}

const char *prefix_text(struct prefix prefix, char out[PREFIX_TEXT])
{
	char addr[ADDR_TEXT];

	snprintf(out, PREFIX_TEXT, "%s/%u", addr_text(prefix.addr, addr), prefix.len % 33u);
	return out;
}

int prefix_contains(struct prefix prefix, struct in_addr addr)
{
	return !((ntohl(prefix.addr.s_addr) ^ ntohl(addr.s_addr)) & mask(prefix.len));
}

int prefix_overlaps(struct prefix a, struct prefix b)
{
	return a.len <= b.len ? prefix_contains(a, b.addr) : prefix_contains(b, a.addr);
}

struct in_addr prefix_nth(struct prefix prefix, uint32_t n)
{
	return (struct in_addr){ htonl(ntohl(prefix.addr.s_addr) + n) };
}

int ether_parse(const char *text, uint8_t out[ETHER_SIZE])
{
	unsigned b[ETHER_SIZE];
	char end;

	if (!text || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) != 6)
		return -EINVAL;
	for (int i = 0; i < ETHER_SIZE; i++)
		out[i] = (uint8_t)b[i];
	return 0;
}

const char *ether_text(const uint8_t mac[ETHER_SIZE], char out[ETHER_TEXT])
{
	snprintf(out, ETHER_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return out;
}
