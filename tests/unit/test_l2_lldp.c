/* The layer-2 map of what neighbours say over LLDP: where they are, what lies behind switches, and who lies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signald/l2_lldp.h"

static const char *port_name(const void *ctx, int port)
{
	static const char *const name[] = { "eth0", "eth1", "eth2" };

	return name[port];
}

static struct in_addr address(const char *text)
{
	struct in_addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return addr;
}

/* What the configuration of r1 says: itself. */
static struct nexthops base(void)
{
	struct nexthops nh = { 0 };
	struct l2_node us = { .name = "r1", .addr = { address("10.0.0.1") }, .n_addr = 1 };

	assert_int_equal(nexthops_add_node(&nh, &us), 0);
	return nh;
}

static struct l2_lldp_neighbour neighbour(const char *port, const char *name, const char *its_port, int is_switch, const char *addr)
{
	struct l2_lldp_neighbour n = { .is_switch = is_switch, .addr = { address(addr) }, .n_addr = 1, .since_s = 1 };

	snprintf(n.port, sizeof(n.port), "%s", port);
	snprintf(n.name, sizeof(n.name), "%s", name);
	snprintf(n.port_name, sizeof(n.port_name), "%s", its_port);
	n.chassis.len = (size_t)snprintf((char *)n.chassis.v, sizeof(n.chassis.v), "\4%s", name);
	n.its_port.len = (size_t)snprintf((char *)n.its_port.v, sizeof(n.its_port.v), "\5%s", its_port);
	return n;
}

/* We reach 10.7.0.0/16 by eth2 alone; the rest is wherever it says. */
static enum l2_lldp_trust trust(const void *allow, const char *port, struct in_addr addr)
{
	if (ntohl(addr.s_addr) >> 16 == 0x0a07 && strcmp(port, "eth2"))
		return L2_LLDP_NOT;
	return prefix_contains(*(const struct prefix *)allow, addr) ? L2_LLDP_CONTROL : L2_LLDP_ITS;
}

static struct nexthops map_allowing(struct nexthops from, struct l2_lldp_neighbour *v, size_t n, const char *allow)
{
	struct l2_lldp_heard heard = { v, n };
	struct nexthops nh = { .self = "r1", .port_name = port_name, .n_ports = 3 }, fresh;
	struct prefix prefix;

	assert_int_equal(prefix_parse(allow, &prefix, 0), 0);
	assert_int_equal(l2_lldp_map(&from, &heard, trust, &prefix, &fresh), 0);
	nexthops_take_map(&nh, &fresh);
	nexthops_clear_map(&from);
	return nh;
}

static struct nexthops map(struct l2_lldp_neighbour *v, size_t n)
{
	return map_allowing(base(), v, n, "0.0.0.0/0");
}

static void route(struct nexthops *nh, const char *dest, const char *gateway, int port)
{
	struct nexthop_route r = { .gateway = address(gateway), .port = port };

	assert_int_equal(prefix_parse(dest, &r.dest, 0), 0);
	assert_int_equal(nexthops_add_route(nh, &r), 0);
}

static void done(struct nexthops *nh)
{
	nexthops_clear_map(nh);
	nexthops_clear_routes(nh);
}

static void link_is(const struct nexthops *nh, size_t i, const char *text)
{
	const struct l2_link *l = &nh->link[i];
	char now[200];

	assert_true(i < nh->n_links);
	snprintf(now, sizeof(now), "%s %s %s %s", nh->node[l->a].name, l->a_port, nh->node[l->b].name, l->b_port);
	assert_string_equal(now, text);
}

/* Towards dest: the neighbour, or "" when there is no way. */
static void goes(const struct nexthops *nh, const char *dest, const char *neighbour_, int port, int trunk)
{
	struct nexthop hop;

	if (!*neighbour_) {
		assert_int_equal(nexthop_find(nh, address(dest), (struct in_addr){ 0 }, &hop), -EHOSTUNREACH);
		return;
	}
	assert_int_equal(nexthop_find(nh, address(dest), (struct in_addr){ 0 }, &hop), 0);
	assert_int_equal(hop.neighbour.s_addr, address(neighbour_).s_addr);
	assert_int_equal(hop.subtarget.s_addr, address(dest).s_addr);
	assert_int_equal(hop.port, port);
	assert_int_equal(hop.trunk, trunk);
}

static void neighbours_are_found(void **state)
{
	struct l2_lldp_neighbour v[] = { neighbour("eth0", "s1", "eth3", 1, "10.0.0.2"), neighbour("eth1", "r2", "eth0", 0, "10.0.1.2") };
	struct nexthops nh = map(v, 2);

	assert_int_equal(nh.n_nodes, 3);
	assert_int_equal(nh.n_links, 2);
	link_is(&nh, 0, "r1 eth0 s1 eth3");
	link_is(&nh, 1, "r1 eth1 r2 eth0");
	route(&nh, "10.0.0.0/24", "0.0.0.0", 0);
	route(&nh, "10.0.1.0/24", "0.0.0.0", 1);
	goes(&nh, "10.0.0.2", "10.0.0.2", 0, 1);
	goes(&nh, "10.0.1.2", "10.0.1.2", 1, 0);
	done(&nh);
}

/* LLDP ends at the switch, the way does not: through the only switch behind the port; nobody guesses between two. */
static void leads_through_the_switch(void **state)
{
	struct l2_lldp_neighbour v[] = { neighbour("eth0", "s1", "p1", 1, "10.0.0.2"), neighbour("eth1", "r2", "eth0", 0, "10.0.1.2"),
					 neighbour("eth1", "s3", "p1", 1, "10.0.0.3") };
	struct nexthops nh = map(v, 3);

	route(&nh, "10.0.0.0/24", "0.0.0.0", 0);
	goes(&nh, "10.0.0.77", "10.0.0.2", 0, 1);
	goes(&nh, "10.0.0.78", "10.0.0.2", 0, 1);
	nh.is_switch = 1;
	goes(&nh, "10.0.1.2", "10.0.1.2", 1, 0);
	goes(&nh, "10.0.9.9", "", 0, 0);
	done(&nh);
	nh = map(v, 2);
	nh.is_switch = 1;
	goes(&nh, "10.0.9.9", "10.0.0.2", 0, 1);
	done(&nh);
}

/* Nothing has been heard of the end there, or it has not timed out: where it came last is where it is. */
static void moves(void **state)
{
	struct l2_lldp_neighbour v[] = { neighbour("eth0", "r2", "eth0", 0, "10.0.0.2"), neighbour("eth1", "r2", "eth0", 0, "10.0.0.2"),
					 neighbour("eth2", "r2", "eth1", 0, "10.0.0.2") };
	struct nexthops nh;

	v[0].since_s = 2;
	nh = map(v, 3);
	assert_int_equal(nh.n_nodes, 2);
	assert_int_equal(nh.n_links, 2); /* eth1 of r2 is another end */
	link_is(&nh, 0, "r1 eth0 r2 eth0");
	link_is(&nh, 1, "r1 eth2 r2 eth1");
	done(&nh);
	v[1].since_s = 3;
	nh = map(v, 3);
	link_is(&nh, 0, "r1 eth1 r2 eth0");
	done(&nh);
}

static void sections_come_first(void **state)
{
	struct nexthops from = base(), nh;
	struct l2_node s1 = { .name = "lab", .is_switch = 1, .addr = { address("10.0.0.2") }, .n_addr = 1 },
		       r9 = { .name = "r9", .addr = { address("10.0.0.9") }, .n_addr = 1 };
	struct l2_lldp_neighbour v[] = { neighbour("eth0", "s1", "p1", 0, "10.0.0.2"), neighbour("eth0", "x", "p2", 1, "10.0.0.8") };

	assert_int_equal(nexthops_add_node(&from, &s1), 0);
	assert_int_equal(nexthops_add_node(&from, &r9), 0);
	assert_int_equal(nexthops_add_link(&from, "lab", "p7", "r9", "eth0"), 0);
	nh = map_allowing(from, v, 2, "0.0.0.0/0");
	assert_int_equal(nh.n_nodes, 4);
	link_is(&nh, 0, "lab p7 r9 eth0");
	link_is(&nh, 1, "r1 eth0 lab p1");
	route(&nh, "10.0.0.0/24", "0.0.0.0", 0);
	goes(&nh, "10.0.0.9", "10.0.0.2", 0, 1);
	done(&nh);
}

static void liars(void **state)
{
	struct l2_lldp_neighbour v[] = {
		neighbour("eth0", "r2", "eth0", 0, "10.0.0.2"),  neighbour("eth0", "r1", "eth0", 0, "10.0.0.3"),
		neighbour("eth0", "r2", "e 0\033", 0, "10.0.0.4"), neighbour("eth1", "a b", "eth0", 0, "10.0.0.5"),
		neighbour("eth1", "me", "eth0", 0, "10.0.0.1"),  neighbour("eth1", "thief", "eth0", 0, "10.0.0.2"),
		neighbour("eth1", "far", "eth0", 0, "10.9.0.1"), neighbour("eth1", "none", "eth0", 0, "10.0.0.7"),
	};
	struct nexthops nh;

	strcpy((char *)v[2].chassis.v, "\4another"); /* with the name of one that is there already */
	v[2].chassis.len = 8;
	v[7].n_addr = 0;
	v[0].addr[v[0].n_addr++] = address("10.0.0.22"); /* what nobody else claims is left */
	nh = map_allowing(base(), v, 8, "10.0.0.0/16");
	assert_int_equal(nh.n_nodes, 5);
	link_is(&nh, 0, "r1 eth0 r2 eth0");
	link_is(&nh, 1, "r1 eth0 10.0.0.3 eth0");
	link_is(&nh, 2, "r1 eth0 10.0.0.4 e?0?");
	link_is(&nh, 3, "r1 eth1 10.0.0.5 eth0");
	assert_int_equal(nh.node[1].n_addr, 1);
	assert_int_equal(nh.node[1].addr[0].s_addr, address("10.0.0.22").s_addr);
	done(&nh);
}

/* As a neighbour each has one address that is allowed, and by that it is known. */
static void allowed_come_first(void **state)
{
	struct l2_lldp_neighbour v = neighbour("eth0", "r2", "eth0", 0, "192.168.0.1");
	struct nexthops nh;

	v.addr[v.n_addr++] = address("10.0.0.2");
	nh = map_allowing(base(), &v, 1, "10.0.0.0/24");
	assert_int_equal(nh.node[1].n_addr, 2);
	assert_int_equal(nh.node[1].addr[0].s_addr, address("10.0.0.2").s_addr);
	done(&nh);
}

/* Who claims what is reached by another port is not believed in that; a node that has nothing else is none. */
static void elsewhere(void **state)
{
	struct l2_lldp_neighbour v[] = { neighbour("eth0", "r2", "eth0", 0, "10.0.0.2"), neighbour("eth1", "thief", "eth0", 0, "10.7.0.1"),
					 neighbour("eth2", "r7", "eth0", 0, "10.7.0.7") };
	struct nexthops nh;

	v[0].addr[v[0].n_addr++] = address("10.7.0.7");
	nh = map(v, 3);
	assert_int_equal(nh.n_nodes, 3);
	assert_int_equal(nh.node[1].n_addr, 1);
	link_is(&nh, 1, "r1 eth2 r7 eth0");
	done(&nh);
}

/* Who copies a neighbour behind another port does not take its place, whatever of its own it says besides. */
static void copies(void **state)
{
	struct l2_lldp_neighbour v[] = { neighbour("eth0", "r7", "eth0", 0, "10.7.0.7"), neighbour("eth2", "r7", "eth0", 0, "10.7.0.7"),
					 neighbour("eth1", "r7", "eth0", 0, "10.7.0.7") };
	struct nexthops nh;

	v[0].since_s = v[2].since_s = 2;
	nh = map(v, 3);
	assert_int_equal(nh.n_nodes, 2);
	assert_int_equal(nh.n_links, 1);
	link_is(&nh, 0, "r1 eth2 r7 eth0");
	done(&nh);
	v[0].addr[v[0].n_addr++] = address("10.0.0.9");
	nh = map(v, 3);
	assert_int_equal(nh.n_nodes, 3);
	assert_int_equal(nh.n_links, 2);
	link_is(&nh, 0, "r1 eth0 r7 eth0");
	link_is(&nh, 1, "r1 eth2 10.7.0.7 eth0");
	assert_int_equal(nh.node[1].n_addr, 1);
	assert_int_equal(nh.node[1].addr[0].s_addr, address("10.0.0.9").s_addr);
	route(&nh, "10.7.0.0/16", "0.0.0.0", 2);
	goes(&nh, "10.7.0.7", "10.7.0.7", 2, 0);
	done(&nh);
}

/* lldpd is new and hears little yet. */
static void is_held(void **state)
{
	struct l2_lldp_heard before = { 0 }, now = { 0 };

	*l2_lldp_add(&before) = neighbour("eth0", "r2", "eth0", 0, "10.0.0.2");
	*l2_lldp_add(&before) = neighbour("eth0", "r3", "eth0", 0, "10.0.0.3");
	*l2_lldp_add(&before) = neighbour("eth1", "r4", "eth0", 0, "10.0.1.2");
	*l2_lldp_add(&now) = neighbour("eth1", "r5", "eth0", 0, "10.0.1.5");
	l2_lldp_hold(&now, &before);
	assert_int_equal(now.n, 3);
	assert_string_equal(now.v[0].name, "r5");
	assert_string_equal(now.v[1].name, "r2");
	assert_string_equal(now.v[2].name, "r3");
	l2_lldp_clear(&before);
	l2_lldp_clear(&now);
}

static void floods(void **state)
{
	struct l2_lldp_heard heard = { 0 };
	struct l2_lldp_neighbour *to;
	struct nexthops nh;

	while ((to = l2_lldp_add(&heard))) {
		size_t i = heard.n - 1;

		*to = neighbour("eth0", "r2", "eth0", i & 1, "10.0.0.2");
		to->chassis.v[1] = (uint8_t)i;
		to->chassis.v[2] = (uint8_t)(i >> 8);
		for (to->n_addr = 0; to->n_addr < NEXTHOP_ADDRESSES; to->n_addr++)
			to->addr[to->n_addr].s_addr = htonl(0x0b000000 + (uint32_t)i * NEXTHOP_ADDRESSES + to->n_addr);
	}
	assert_int_equal(heard.n, L2_LLDP_NEIGHBOURS);
	nh = map(heard.v, heard.n);
	assert_int_equal(nh.n_nodes, 1 + L2_LLDP_NEIGHBOURS);
	assert_int_equal(nh.n_links, L2_LLDP_NEIGHBOURS);
	done(&nh);
	l2_lldp_clear(&heard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_are_found), cmocka_unit_test(leads_through_the_switch), cmocka_unit_test(moves),
		cmocka_unit_test(sections_come_first), cmocka_unit_test(liars), cmocka_unit_test(allowed_come_first),
		cmocka_unit_test(elsewhere), cmocka_unit_test(copies), cmocka_unit_test(is_held), cmocka_unit_test(floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
