/* Flow-mods as text: see ovs_text.h. Numbers are those of OpenFlow 1.4's and Open vSwitch's headers, not of ours. */
#include "tests/unit/ovs_text.h"

#include "lib/wire.h"

static void print_bytes(FILE *out, const char *before, struct wire *w, size_t len)
{
	const uint8_t *p = wire_bytes(w, len);

	fputs(before, out);
	for (size_t i = 0; p && i < len; i++)
		fprintf(out, "%02x", p[i]);
}

static void print_oxm(FILE *out, struct wire *w)
{
	static const char *const names[40] = { [0] = "in_port", [3] = "eth_dst", [5] = "eth_type", [6] = "vlan_vid",
					       [7] = "vlan_pcp", [12] = "ipv4_dst", [23] = "arp_tpa" };
	uint16_t class = wire_u16(w);
	unsigned field = wire_u8(w), len = wire_u8(w), masked = field & 1;

	field >>= 1;
	fprintf(out, " %s", class == 0x8000 && field < 40 && names[field] ? names[field] : "?");
	print_bytes(out, "=", w, masked ? len / 2 : len);
	if (masked)
		print_bytes(out, "/", w, len / 2);
}

static void print_action(FILE *out, struct wire *w)
{
	unsigned type = wire_u16(w), len = wire_u16(w);
	struct wire body = wire_sub(w, len - 4);

	if (type == 0) {
		fprintf(out, " output:%u", wire_u32(&body));
	} else if (type == 17) {
		fprintf(out, " push_vlan:%04x", wire_u16(&body));
	} else if (type == 18) {
		fprintf(out, " pop_vlan");
	} else if (type == 25) {
		fprintf(out, " set");
		print_oxm(out, &body);
	} else if (type == 0xffff && wire_u32(&body) == 0x2320) {
		unsigned subtype = wire_u16(&body);

		print_bytes(out, subtype == 8 ? " note:" : subtype == 45 ? "\n        learn:" : " ?", &body, len - 10);
	} else {
		fprintf(out, " ?%u", type);
	}
}

static void print_instructions(FILE *out, struct wire *w)
{
	while (wire_left(w) >= 8) {
		unsigned type = wire_u16(w), len = wire_u16(w);
		struct wire body = wire_sub(w, len - 4);

		fprintf(out, "\n       ");
		if (type == 1)
			fprintf(out, " goto_table:%u", wire_u8(&body));
		else if (type != 4)
			fprintf(out, " ?%u", type);
		wire_skip(&body, type == 4 ? 4 : wire_left(&body));
		while (wire_left(&body) >= 8)
			print_action(out, &body);
	}
}

size_t ovs_text_print(FILE *out, const uint8_t *data, size_t len)
{
	static const char *const commands[] = { "add", "?", "?", "delete", "delete_strict" };
	struct wire all = wire_reader(data, len);
	unsigned version = wire_u8(&all), type = wire_u8(&all), size = wire_u16(&all);
	struct wire w = wire_sub(&all, size - 4);

	wire_skip(&w, 4);
	unsigned long long cookie = wire_u64(&w), mask = wire_u64(&w);
	unsigned table = wire_u8(&w), command = wire_u8(&w), idle = wire_u16(&w), hard = wire_u16(&w);

	fprintf(out, "%s%s table %u priority %u cookie %llx", version == 5 && type == 14 ? "" : "? ",
		command < 5 ? commands[command] : "?", table, wire_u16(&w), cookie);
	if (mask)
		fprintf(out, "/%llx", mask);
	if (idle || hard)
		fprintf(out, " idle %u hard %u", idle, hard);
	print_bytes(out, " buffer ", &w, 4);
	print_bytes(out, " out ", &w, 8);
	print_bytes(out, " flags ", &w, 4);
	fprintf(out, "\n       ");
	unsigned oxm = wire_u16(&w), match = wire_u16(&w);
	struct wire fields = wire_sub(&w, match - 4);

	if (oxm != 1 || !wire_left(&fields))
		fprintf(out, oxm == 1 ? " any" : " ?");
	while (wire_left(&fields) >= 4)
		print_oxm(out, &fields);
	wire_skip(&w, (8 - match % 8) % 8);
	print_instructions(out, &w);
	fprintf(out, "%s\n", w.error || all.error ? " BROKEN" : "");
	return size;
}
