/*
 * The L2 correlation over drawn topologies: tests/golden/l2/NAME.in, the links and islands expected in NAME.out.
 *
 *     element NAME KIND PORT[=ADDRESS/LENGTH]...     MACs are made up, one per port
 *     same ELEMENT:PORT ELEMENT:PORT                 the second gets the first's MAC
 *     learnt SWITCH PORT ELEMENT:PORT...             the switch's database
 *
 * And the remembered forwarding database: moves, holding, forgetting.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gatekeeper/fdb.h"
#include "gatekeeper/l2.h"
#include "tests/unit/proxy_golden.h"

#define MAX 32

struct world {
	unsigned n;
	struct l2_element element[MAX];
	char name[MAX][CONTRACT_NAME];
	struct reg_port port[MAX][8];
	struct reg_fdb learnt[MAX][64];
	unsigned n_learnt[MAX];
	struct fdb fdb[MAX];
};

static unsigned find(struct world *w, const char *name)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!strcmp(w->name[i], name))
			return i;
	fail_msg("no element %s", name);
	return 0;
}

static struct reg_port *find_port(struct world *w, const char *word)
{
	char name[CONTRACT_NAME];
	const char *colon = strchr(word, ':');
	unsigned at;

	assert_non_null(colon);
	snprintf(name, sizeof(name), "%.*s", (int)(colon - word), word);
	at = find(w, name);
	for (unsigned i = 0; i < w->element[at].n_ports; i++)
		if (!strcmp(w->port[at][i].name, colon + 1))
			return &w->port[at][i];
	fail_msg("no port %s", word);
	return NULL;
}

static void add_element(struct world *w, char **rest)
{
	struct l2_element *e = &w->element[w->n];
	const char *word;

	strcpy(w->name[w->n], strtok_r(NULL, " ", rest));
	e->name = w->name[w->n];
	e->is_switch = !strcmp(strtok_r(NULL, " ", rest), "switch");
	e->ports = w->port[w->n];
	while ((word = strtok_r(NULL, " ", rest))) {
		struct reg_port *port = &w->port[w->n][e->n_ports++];
		const char *equals = strchr(word, '=');
		uint8_t mac[ETHER_SIZE] = {2, 0, 0, 0, (uint8_t)w->n, (uint8_t)e->n_ports};

		snprintf(port->name, sizeof(port->name), "%.*s", (int)strcspn(word, "="), word);
		memcpy(port->mac, mac, sizeof(mac));
		if (equals) {
			assert_int_equal(prefix_parse(equals + 1, &port->address[0], 1), 0);
			port->n_addresses = 1;
		}
	}
	w->n++;
}

static void add_learnt(struct world *w, char **rest)
{
	unsigned at = find(w, strtok_r(NULL, " ", rest));
	const char *port = strtok_r(NULL, " ", rest), *word;

	while ((word = strtok_r(NULL, " ", rest))) {
		struct reg_fdb *entry = &w->learnt[at][w->n_learnt[at]++];

		memcpy(entry->mac, find_port(w, word)->mac, ETHER_SIZE);
		snprintf(entry->port, sizeof(entry->port), "%s", port);
	}
}

static void read_world(struct world *w, const char *input)
{
	char *text = strdup(input), *lines = text, *line;

	while ((line = strsep(&lines, "\n"))) {
		char *rest, *word = strtok_r(line, " ", &rest);

		if (!word || *word == '#')
			continue;
		if (!strcmp(word, "element")) {
			add_element(w, &rest);
		} else if (!strcmp(word, "learnt")) {
			add_learnt(w, &rest);
		} else if (!strcmp(word, "same")) {
			struct reg_port *a = find_port(w, strtok_r(NULL, " ", &rest));
			struct reg_port *b = find_port(w, strtok_r(NULL, " ", &rest));

			memcpy(b->mac, a->mac, ETHER_SIZE);
		} else {
			fail_msg("what is %s?", word);
		}
	}
	free(text);
	for (unsigned i = 0; i < w->n; i++) {
		assert_true(fdb_learn(&w->fdb[i], w->learnt[i], w->n_learnt[i], 1, 1) >= 0);
		w->element[i].fdb = w->fdb[i].entry;
		w->element[i].n_fdb = w->fdb[i].n;
	}
}

static const char *member_text(const struct world *w, const struct l2_map *map, unsigned m, const char *port, char *out)
{
	snprintf(out, 96, "%s%s%s", w->name[map->members[m].element], *port ? ":" : "", port);
	return out;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_links(FILE *out, const struct world *w, const struct l2_map *map)
{
	char *line[256] = {NULL}, a[96], b[96];

	assert_true(map->n_links < 256);
	for (size_t i = 0; i < map->n_links; i++) {
		const struct l2_link *l = &map->links[i];

		member_text(w, map, l->a, l->a_port, a);
		member_text(w, map, l->b, l->b_port, b);
		assert_true(asprintf(&line[i], "%s - %s", strcmp(a, b) < 0 ? a : b, strcmp(a, b) < 0 ? b : a) > 0);
	}
	qsort(line, map->n_links, sizeof(*line), by_text);
	for (size_t i = 0; i < map->n_links; i++) {
		fprintf(out, "%s\n", line[i]);
		free(line[i]);
	}
}

static char *correlate(const char *input, int invalid)
{
	struct world *w = calloc(1, sizeof(*w));
	struct l2_map map;
	char *text = NULL, a[96];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	read_world(w, input);
	assert_int_equal(l2_correlate(w->element, w->n, &map), 0);
	print_links(out, w, &map);
	for (unsigned island = 0; island < map.n_members; island++) {
		unsigned n = 0;

		for (unsigned m = 0; m < map.n_members; m++)
			if (map.members[m].island == island)
				fprintf(out, "%s %s", n++ ? "" : "island:",
					member_text(w, &map, m, map.members[m].port, a));
		if (n)
			fputc('\n', out);
	}
	fclose(out);
	l2_map_clear(&map);
	for (unsigned i = 0; i < w->n; i++)
		fdb_clear(&w->fdb[i]);
	free(w);
	return text;
}

static void test_topologies(void **state)
{
	assert_true(golden_run("l2", "out", correlate) >= 10);
}

static const char *port_of(const struct fdb *fdb, uint8_t last)
{
	for (size_t i = 0; i < fdb->n; i++)
		if (fdb->entry[i].learnt.mac[5] == last)
			return fdb->entry[i].learnt.port;
	return "";
}

static void test_memory(void **state)
{
	struct reg_fdb both[] = {{{2, 0, 0, 0, 0, 1}, "p1"}, {{2, 0, 0, 0, 0, 2}, "p2"}};
	struct reg_fdb moved[] = {{{2, 0, 0, 0, 0, 1}, "p9"}}, group[] = {{{1, 0, 0x5e, 0, 0, 1}, "p1"}};
	struct fdb fdb = {0};

	assert_int_equal(fdb_learn(&fdb, both, 2, 100, 50), 1);
	assert_int_equal(fdb_learn(&fdb, both, 2, 110, 50), 0);
	assert_int_equal(fdb_learn(&fdb, NULL, 0, 150, 50), 0); /* silent, but held */
	assert_int_equal(fdb.n, 2);
	assert_int_equal(fdb_learn(&fdb, moved, 1, 155, 50), 1); /* moved at once */
	assert_string_equal(port_of(&fdb, 1), "p9");
	assert_string_equal(port_of(&fdb, 2), "p2");
	assert_int_equal(fdb_learn(&fdb, moved, 1, 160, 50), 1); /* the other one is forgotten now */
	assert_string_equal(port_of(&fdb, 2), "");
	assert_int_equal(fdb_learn(&fdb, group, 1, 161, 50), 0); /* groups belong to no port */
	fdb_clear(&fdb);
}

static void test_memory_is_bounded(void **state)
{
	struct reg_fdb *many = calloc(REGISTRATION_MAX_FDB, sizeof(*many));
	struct fdb fdb = {0};

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < REGISTRATION_MAX_FDB; i++) {
			uint8_t mac[] = {2, 0, 0, (uint8_t)round, (uint8_t)(i >> 8), (uint8_t)i};

			memcpy(many[i].mac, mac, sizeof(mac));
			strcpy(many[i].port, "p1");
		}
		assert_true(fdb_learn(&fdb, many, REGISTRATION_MAX_FDB, 100 + round, 1000) >= 0);
		assert_int_equal(fdb.n, REGISTRATION_MAX_FDB);
		assert_int_equal(fdb.entry[7].learnt.mac[3], round); /* the latest stay */
	}
	fdb_clear(&fdb);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topologies),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
