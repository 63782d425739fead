/*
 * Addresses and prefixes as text, strictly: what has two readings (leading zeros, short forms, signs, spaces) is refused.
 */
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

		if (slash[1] < '0' || slash[1] > '9' || (slash[1] == '0' && slash[2]) || *end || len > 32)
			return -EINVAL;
		p.len = (uint8_t)len;
	}
	if (addr_parse(addr, &p.addr) || (!host_bits_ok && ntohl(p.addr.s_addr) & ~mask(p.len)))
		return -EINVAL;
	*out = p;
	return 0;
}

/* Writes a number and what follows it; returns where to go on. (printf is most of what writing a contract would take.) */
static char *put_byte(char *at, uint8_t byte, char after)
{
	if (byte >= 100)
		*at++ = (char)('0' + byte / 100);
	if (byte >= 10)
		*at++ = (char)('0' + byte / 10 % 10);
	*at++ = (char)('0' + byte % 10);
	*at++ = after;
	return at;
}

static char *put_addr(char *at, struct in_addr addr, char after)
{
	const uint8_t *byte = (const uint8_t *)&addr;

	for (unsigned i = 0; i < 4; i++)
		at = put_byte(at, byte[i], i < 3 ? '.' : after);
	return at;
}

const char *addr_text(struct in_addr addr, char out[ADDR_TEXT])
{
	put_addr(out, addr, '\0');
	return out;
}

const char *prefix_text(struct prefix prefix, char out[PREFIX_TEXT])
{
	put_byte(put_addr(out, prefix.addr, '/'), prefix.len % 33u, '\0');
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

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int ether_parse(const char *text, uint8_t out[ETHER_SIZE])
{
	uint8_t mac[ETHER_SIZE];

	if (!text || strlen(text) != ETHER_TEXT - 1)
		return -EINVAL;
	for (int i = 0; i < ETHER_SIZE; i++, text += 3) {
		int high = hex_digit(text[0]), low = hex_digit(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < ETHER_SIZE - 1 ? ':' : 0))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(out, mac, sizeof(mac));
	return 0;
}

const char *ether_text(const uint8_t mac[ETHER_SIZE], char out[ETHER_TEXT])
{
	snprintf(out, ETHER_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return out;
}
