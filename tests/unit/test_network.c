/*
 * Published topologies: tests/golden/network/NAME.gml and .xml are read, and NAME.EXT.expected says what came of it, or for
 * NAME-invalid.* the error (REGENERATE=1 in the environment writes it). The sample networks ($ICORP_DATA or ../shared/data) become
 * topologies in which every controller finds its way to every other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/network.h"
#include "tests/sim/source.h"

static char *read_all(const char *file, size_t *len)
{
	char *text = calloc(1, NETWORK_MAX_FILE);
	FILE *f = fopen(file, "r");

	if (!f) {
		free(text);
		return NULL;
	}
	*len = fread(text, 1, NETWORK_MAX_FILE - 1, f);
	fclose(f);
	return text;
}

static int parse(const char *file, struct network *network, char *why, size_t room)
{
	size_t len;
	char *text = read_all(file, &len);
	int r;

	assert_non_null(text);
	r = (strstr(file, ".xml") ? network_parse_sndlib : network_parse_gml)(strrchr(file, '/') + 1, text, len, network, why,
									     room);
	free(text);
	return r;
}

static char *describe(const char *file)
{
	struct network n;
	char why[256], *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (parse(file, &n, why, sizeof(why))) {
		fprintf(f, "%s\n", why);
		assert_int_equal(n.n_nodes, 0);
	} else {
		for (unsigned i = 0; i < n.n_nodes; i++)
			fprintf(f, "node %s %s\n", n.node[i].id, n.node[i].name);
		for (unsigned i = 0; i < n.n_links; i++)
			fprintf(f, "link %s %s %lu\n", n.node[n.link[i].a].name, n.node[n.link[i].b].name, n.link[i].rate_bps);
		for (unsigned i = 0; i < n.n_demands; i++)
			fprintf(f, "demand %s %s %lu\n", n.node[n.demand[i].from].name, n.node[n.demand[i].to].name,
				n.demand[i].rate_bps);
		network_free(&n);
	}
	fclose(f);
	return text;
}

static void golden(void **state)
{
	glob_t cases;

	assert_int_equal(glob(SRCDIR "/tests/golden/network/*.[gx]ml", 0, NULL, &cases), 0);
	for (size_t i = 0; i < cases.gl_pathc; i++) {
		char expected[512], *got = describe(cases.gl_pathv[i]), *want;
		size_t len;

		snprintf(expected, sizeof(expected), "%s.expected", cases.gl_pathv[i]);
		if (getenv("REGENERATE")) {
			FILE *f = fopen(expected, "w");

			assert_non_null(f);
			fputs(got, f);
			fclose(f);
		}
		want = read_all(expected, &len);
		if (!want || strcmp(got, want))
			fail_msg("%s:\n got: %s want: %s", cases.gl_pathv[i], got, want ? want : "nothing");
		assert_int_equal(strstr(cases.gl_pathv[i], "-invalid") != NULL, strstr(got, "node ") != got);
		free(got);
		free(want);
	}
	assert_true(cases.gl_pathc > 25);
	globfree(&cases);
}

/* More than there may be is refused, not cut. */
static void bounds(void **state)
{
	struct network n = { 0 };
	char id[16];

	for (unsigned i = 0; i < NETWORK_MAX_NODES; i++) {
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(network_add_node(&n, id, "x"), 0);
	}
	assert_int_equal(network_add_node(&n, "one more", "x"), -E2BIG);
	for (unsigned i = 0; i < NETWORK_MAX_LINKS; i++)
		assert_int_equal(network_add_link(&n, "0", "1", 1e9), 0);
	assert_int_equal(network_add_link(&n, "0", "1", 1e9), -E2BIG);
	for (unsigned i = 0; i < NETWORK_MAX_DEMANDS; i++)
		assert_int_equal(network_add_demand(&n, "0", "1", 1), 0);
	assert_int_equal(network_add_demand(&n, "0", "1", 1), -E2BIG);
	network_free(&n);
}

/* From node to node by each one's own next hop; how many hops, or -1. */
static int follow(const struct topo *topo, struct nexthops *nh, struct core_config *config, unsigned from, unsigned to)
{
	struct in_addr dest = topo_control(&topo->node[to]), subtarget = { 0 };
	struct nexthop hop;
	unsigned at = from;
	int n = 0;

	while (at != to && n < 100) {
		if (nexthop_find(&nh[at], dest, subtarget, &hop) || topo_owner(topo, hop.neighbour) < 0)
			return -1;
		assert_in_range(hop.port, 0, config[at].n_ports - 1);
		subtarget = hop.subtarget;
		at = (unsigned)topo_owner(topo, hop.neighbour);
		/* however many addresses it has: acknowledgements come from this one */
		assert_int_equal(hop.neighbour.s_addr, topo_control(&topo->node[at]).s_addr);
		n++;
	}
	return at == to ? n : -1;
}

static int is_end(const struct topo_node *node)
{
	return node->what == TOPO_CONTROLLER && (node->kind == ELEMENT_ACCESS || node->kind == ELEMENT_SERVER);
}

static void reaches_everything(const struct topo *topo)
{
	struct nexthops *nh = calloc(topo->n_nodes, sizeof(*nh));
	struct core_config *config = calloc(topo->n_nodes, sizeof(*config));
	unsigned ends = 0;

	for (unsigned i = 0; i < topo->n_nodes; i++) {
		topo_ports(topo, &topo->node[i], &config[i]);
		assert_int_equal(topo_nexthops(topo, &topo->node[i], &nh[i]), 0);
		nh[i].port_ctx = &config[i];
		nh[i].port_name = topo_port_name;
	}
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		if (!is_end(&topo->node[i]))
			continue;
		ends++;
		for (unsigned k = i % 7; k < topo->n_nodes; k += 7)
			if (is_end(&topo->node[k]) && follow(topo, nh, config, i, k) < 0)
				fail_msg("%s does not find %s", topo->node[i].name, topo->node[k].name);
	}
	assert_true(ends > 20);
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		nexthops_clear_routes(&nh[i]);
		nexthops_clear_map(&nh[i]);
	}
	free(nh);
	free(config);
}

/* A node with more links than a controller has ports cannot be one. */
static void star(void **state)
{
	struct network n = { 0 };
	struct topo topo;
	char id[16];

	assert_int_equal(network_add_node(&n, "hub", "hub"), 0);
	for (unsigned i = 0; i < CORE_MAX_PORTS; i++) {
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(network_add_node(&n, id, id), 0);
		assert_int_equal(network_add_link(&n, "hub", id, 0), 0);
		assert_int_equal(network_attach(&n, 1, &topo), i < CORE_MAX_PORTS - 1 ? 0 : -E2BIG);
		if (i == CORE_MAX_PORTS - 2)
			reaches_everything(&topo);
		topo_free(&topo);
	}
	network_free(&n);
}

static void samples(void **state)
{
	static const struct { const char *file; unsigned nodes, links, demands; } sample[] = {
		{ "sndlib/abilene.xml", 12, 15, 132 }, { "sndlib/atlanta.xml", 15, 22, 210 },
		{ "sndlib/nobel-germany.xml", 17, 26, 121 }, { "sndlib/polska.xml", 12, 18, 66 },
		{ "zoo/Abilene.gml", 11, 14, 0 }, { "zoo/Geant2012.gml", 40, 61, 0 }, { "zoo/Uninett2010.gml", 74, 101, 0 },
	};
	const char *data = getenv("ICORP_DATA");
	unsigned read = 0;

	for (size_t i = 0; i < sizeof(sample) / sizeof(sample[0]); i++) {
		const struct topo *topo;
		struct source source;
		char file[512], why[256];

		snprintf(file, sizeof(file), "%s/%s", data ? data : SRCDIR "/../shared/data", sample[i].file);
		if (source_load(file, &source, why, sizeof(why)) == -ENOENT)
			continue;
		assert_int_equal(source.network.n_nodes, sample[i].nodes);
		assert_int_equal(source.network.n_links, sample[i].links);
		assert_int_equal(source.network.n_demands, sample[i].demands);
		topo = source_topology(&source, i);
		reaches_everything(topo);
		source_done(&source, topo);
		source_free(&source);
		read++;
	}
	if (!read) {
		print_message("no networks at %s (set ICORP_DATA): skipped\n", data ? data : SRCDIR "/../shared/data");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden), cmocka_unit_test(bounds), cmocka_unit_test(star), cmocka_unit_test(samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
