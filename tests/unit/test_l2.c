/* The layer-2 map from the configuration: what it says, what is wrong with it, and the next hops it leads to. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "signald/l2.h"

#define ROUTER "name = \"r1\" kind = \"router\" address = \"10.1.0.1\" integrity = false\n" \
	       "port eth0 { speed = 1G }\nport eth1 { speed = 1G }\n"
#define S1 "neighbour s1 { kind = \"switch\" addresses = {\"10.1.0.2\"} links = {\"eth2 r1 eth0\", \"eth1 ar1 eth0\"} }\n"
#define AR1 "neighbour ar1 { kind = \"access\" addresses = {\"10.1.0.11\", \"10.5.0.1\"} links = {} }\n"

struct read { struct signald_config config; struct core_config core; struct config_error error; };

static int reads(struct read *r, const char *text)
{
	char file[] = "/tmp/l2.XXXXXX";
	int fd = mkstemp(file), result;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	lseek(fd, 0, SEEK_SET);
	unlink(file);
	memset(r, 0, sizeof(*r));
	result = signald_config_read(fd, "test.conf", &r->config, &r->core, &r->error);
	return result;
}

static const char *port_name(const void *ctx, int port)
{
	return ((const struct core_config *)ctx)->port[port].ifname;
}

static void leads_to_the_switch(void **state)
{
	struct nexthops nh = { .self = "r1", .port_name = port_name, .n_ports = 2 };
	struct nexthop_route route = { .port = 0 };
	struct in_addr ar1, none = { 0 };
	struct nexthop hop;
	struct read r;
	char why[256];

	assert_int_equal(reads(&r, ROUTER "l2 = \"config\"\n" AR1 S1), 0);
	nh.port_ctx = &r.core;
	assert_int_equal(l2_from_config(&r.config, &nh, why, sizeof(why)), 0);
	assert_int_equal(nh.n_nodes, 3);
	assert_int_equal(nh.n_links, 2);
	assert_int_equal(prefix_parse("10.1.0.0/24", &route.dest, 0), 0);
	assert_int_equal(nexthops_add_route(&nh, &route), 0);
	addr_parse("10.1.0.11", &ar1);
	assert_int_equal(nexthop_find(&nh, ar1, none, &hop), 0);
	assert_int_equal(ntohl(hop.neighbour.s_addr), 0x0a010002);
	assert_int_equal(hop.subtarget.s_addr, ar1.s_addr);
	assert_true(hop.trunk);
	assert_int_equal(hop.port, 0);
	assert_int_equal(l2_from_config(&r.config, &nh, why, sizeof(why)), 0); /* anew, not once more */
	assert_int_equal(nh.n_nodes, 3);
	((struct config_neighbour *)r.config.neighbours.data)[0].title[0] = '?'; /* links name it: it is no map any more */
	assert_int_equal(l2_from_config(&r.config, &nh, why, sizeof(why)), -EINVAL);
	assert_int_equal(nh.n_nodes, 3);
	assert_int_equal(nexthop_find(&nh, ar1, ar1, &hop), 0);
	nexthops_clear_map(&nh);
	nexthops_clear_routes(&nh);
	signald_config_free(&r.config);
}

static void only_when_it_is_wanted(void **state)
{
	struct read r;

	assert_int_equal(reads(&r, ROUTER), 0);
	assert_int_equal(l2_source(&r.config), L2_GATEKEEPER);
	signald_config_free(&r.config);
	assert_int_equal(reads(&r, ROUTER "l2 = \"config\"\n"), 0); /* nobody is there */
	assert_int_equal(l2_source(&r.config), L2_CONFIG);
	signald_config_free(&r.config);
}

static void refused(const char *text, const char *says)
{
	struct read r;

	assert_int_not_equal(reads(&r, text), 0);
	if (!strstr(r.error.text, says))
		fail_msg("\"%s\" does not say \"%s\"", r.error.text, says);
}

static void wrong(void **state)
{
	refused(ROUTER "l2 = \"config\"\n" S1, "no neighbour \"ar1\"");
	refused(ROUTER "l2 = \"config\"\nneighbour a { kind = \"server\" addresses = {\"10.1\"} links = {} }\n", "\"10.1\" is none");
	refused(ROUTER "l2 = \"config\"\nneighbour a { kind = \"server\" addresses = {} links = {\"eth0 r1\"} }\n",
		"\"eth0 r1\" is not PORT ELEMENT PORT");
	refused(ROUTER "l2 = \"config\"\nneighbour a { kind = \"server\" addresses = {} links = {\"eth0 r1 eth0 x\"} }\n",
		"is not PORT ELEMENT PORT");
	refused(ROUTER "l2 = \"somebody\"\n", "l2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leads_to_the_switch), cmocka_unit_test(only_when_it_is_wanted), cmocka_unit_test(wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
