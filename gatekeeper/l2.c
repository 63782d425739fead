/*
 * The correlation behind l2.h, after Lowekamp, O'Hallaron and Gross, "Topology Discovery for Large Ethernet Networks"
 * (SIGCOMM 2001), cut down to what the L2 map needs.
 *
 * The structure is a matrix seen[switch][member]: through which of its ports a controlled switch reaches a member.
 * It is filled in four steps, each a function below:
 *   learn      what the switches' databases say themselves (also noted in learnt[][], which nothing else adds to);
 *   face       for two switches that have not both learnt the other: a pair of ports facing each other contradicts
 *              the databases when some third member lies behind another port of both; if only one pair is left, it is so;
 *   spread     a member behind switch D is, for every other switch, behind the port that leads to D (if D sees it
 *              elsewhere than where it sees that switch);
 *   link       a switch and a member it has learnt are adjacent unless a third controlled switch separates them, that
 *              is, sees them on different ports.
 * Two routers on a cable of their own are seen by no switch; they are linked when their ports share a subnet in which
 * no controlled switch has an address (`wire`). Islands are the connected components of the links.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/l2.h"

#define NOT_SEEN 0

struct station { uint8_t mac[ETHER_SIZE]; unsigned member; int claimed_twice; };

struct work {
	const struct l2_element *elements;
	size_t n_elements;
	struct l2_map *map;
	unsigned n_switches, *switches;      /* members that are switches */
	size_t n_stations; struct station *stations;
	uint16_t *seen;                      /* [switch][member]: port number, NOT_SEEN when not */
	uint8_t *learnt;                     /* [switch][member]: it is in the database itself */
	size_t room_links;
};

static uint16_t *seen(struct work *w, unsigned s, unsigned member)
{
	return &w->seen[(size_t)s * w->map->n_members + member];
}

static uint8_t *learnt(struct work *w, unsigned s, unsigned member)
{
	return &w->learnt[(size_t)s * w->map->n_members + member];
}

static const struct l2_element *element_of(const struct work *w, unsigned member)
{
	return &w->elements[w->map->members[member].element];
}

/* Ports are numbered by the first database entry that names them, from 1. */
static uint16_t port_number(const struct l2_element *e, const char *port)
{
	for (size_t i = 0; i < e->n_fdb; i++)
		if (!strcmp(e->fdb[i].learnt.port, port))
			return (uint16_t)(i + 1);
	return NOT_SEEN;
}

static const char *port_text(const struct l2_element *e, uint16_t number)
{
	return number == NOT_SEEN ? "" : e->fdb[number - 1].learnt.port;
}

static int by_mac(const void *a, const void *b)
{
	return memcmp(((const struct station *)a)->mac, ((const struct station *)b)->mac, ETHER_SIZE);
}

static void add_station(struct work *w, const uint8_t mac[ETHER_SIZE], unsigned member)
{
	static const uint8_t zero[ETHER_SIZE];
	struct station *s = &w->stations[w->n_stations];

	if (!memcmp(mac, zero, ETHER_SIZE) || (mac[0] & 1))
		return;
	memcpy(s->mac, mac, ETHER_SIZE);
	s->member = member;
	w->n_stations++;
}

/* Sorted; a MAC of one element's several ports stays with the first, a MAC of two elements is nobody's. */
static void sort_stations(struct work *w)
{
	size_t out = 0;

	qsort(w->stations, w->n_stations, sizeof(*w->stations), by_mac);
	for (size_t i = 0; i < w->n_stations; i++) {
		struct station *last = out ? &w->stations[out - 1] : NULL, *s = &w->stations[i];

		if (!last || by_mac(last, s))
			w->stations[out++] = *s;
		else if (w->map->members[last->member].element != w->map->members[s->member].element)
			last->claimed_twice = 1;
	}
	w->n_stations = out;
}

static int list_members(struct work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_elements; i++)
		n += w->elements[i].n_ports + 1;
	w->map->members = calloc(n + 1, sizeof(*w->map->members));
	w->switches = calloc(n + 1, sizeof(*w->switches));
	w->stations = calloc(n + 1, sizeof(*w->stations));
	if (!w->map->members || !w->switches || !w->stations)
		return -ENOMEM;
	for (size_t i = 0; i < w->n_elements; i++) {
		const struct l2_element *e = &w->elements[i];

		for (unsigned p = 0; p < (e->is_switch ? 1 : e->n_ports); p++) {
			struct l2_member *m = &w->map->members[w->map->n_members];

			m->element = (unsigned)i;
			m->island = w->map->n_members;
			if (e->is_switch)
				w->switches[w->n_switches++] = w->map->n_members;
			else
				memcpy(m->port, e->ports[p].name, sizeof(m->port));
			for (unsigned q = 0; q < e->n_ports; q++)
				if (e->is_switch || q == p)
					add_station(w, e->ports[q].mac, w->map->n_members);
			w->map->n_members++;
		}
	}
	sort_stations(w);
	return 0;
}

static void learn(struct work *w)
{
	for (unsigned s = 0; s < w->n_switches; s++) {
		const struct l2_element *e = element_of(w, w->switches[s]);

		for (size_t i = 0; i < e->n_fdb; i++) {
			struct station key = {0}, *found;

			memcpy(key.mac, e->fdb[i].learnt.mac, ETHER_SIZE);
			found = bsearch(&key, w->stations, w->n_stations, sizeof(key), by_mac);
			if (!found || found->claimed_twice || found->member == w->switches[s] ||
			    *learnt(w, s, found->member))
				continue;
			*seen(w, s, found->member) = port_number(e, e->fdb[i].learnt.port);
			*learnt(w, s, found->member) = 1;
		}
	}
}

/* With port `pa` of a facing b: the port of b that faces a, if the databases leave one; NOT_SEEN when they
 * contradict or do not say. */
static uint16_t facing(struct work *w, unsigned a, unsigned b, uint16_t pa)
{
	uint16_t pb = NOT_SEEN;

	for (unsigned m = 0; m < w->map->n_members; m++) {
		uint16_t via_a = *seen(w, a, m), via_b = *seen(w, b, m);

		if (via_a == NOT_SEEN || via_b == NOT_SEEN || via_a == pa)
			continue;
		if (pb != NOT_SEEN && pb != via_b)
			return NOT_SEEN;
		pb = via_b;
	}
	return pb;
}

/* Is it possible that pa and pb face each other? No third member may lie behind another port of both. */
static int possible(struct work *w, unsigned a, unsigned b, uint16_t pa, uint16_t pb)
{
	for (unsigned m = 0; m < w->map->n_members; m++) {
		uint16_t via_a = *seen(w, a, m), via_b = *seen(w, b, m);

		if (via_a != NOT_SEEN && via_b != NOT_SEEN && via_a != pa && via_b != pb)
			return 0;
	}
	return 1;
}

/* Neither has learnt the other. Any member both see must be behind pa or behind pb: two guesses to try. */
static void face_unknown(struct work *w, unsigned a, unsigned b, uint16_t *pa, uint16_t *pb)
{
	uint16_t via_a = NOT_SEEN, via_b = NOT_SEEN, guess_b, guess_a;
	int first, second;

	for (unsigned m = 0; m < w->map->n_members && (via_a == NOT_SEEN || via_b == NOT_SEEN); m++) {
		via_a = *seen(w, a, m);
		via_b = *seen(w, b, m);
	}
	if (via_a == NOT_SEEN || via_b == NOT_SEEN)
		return;
	guess_b = facing(w, a, b, via_a);
	guess_a = facing(w, b, a, via_b);
	first = guess_b != NOT_SEEN && possible(w, a, b, via_a, guess_b);
	second = guess_a != NOT_SEEN && possible(w, a, b, guess_a, via_b);
	if (first && second && (guess_a != via_a || guess_b != via_b))
		return; /* both could be */
	if (first || second) {
		*pa = first ? via_a : guess_a;
		*pb = first ? guess_b : via_b;
	}
}

static int face(struct work *w)
{
	int changed = 0;

	for (unsigned a = 0; a < w->n_switches; a++) {
		for (unsigned b = a + 1; b < w->n_switches; b++) {
			uint16_t *ab = seen(w, a, w->switches[b]), *ba = seen(w, b, w->switches[a]);
			uint16_t was_ab = *ab, was_ba = *ba;

			if (was_ab != NOT_SEEN && was_ba == NOT_SEEN)
				*ba = facing(w, a, b, was_ab);
			else if (was_ab == NOT_SEEN && was_ba != NOT_SEEN)
				*ab = facing(w, b, a, was_ba);
			else if (was_ab == NOT_SEEN)
				face_unknown(w, a, b, ab, ba);
			changed |= *ab != was_ab || *ba != was_ba;
		}
	}
	return changed;
}

static int spread(struct work *w)
{
	int changed = 0;

	for (unsigned c = 0; c < w->n_switches; c++) {
		for (unsigned d = 0; d < w->n_switches; d++) {
			uint16_t to_d = *seen(w, c, w->switches[d]), back = *seen(w, d, w->switches[c]);

			if (c == d || to_d == NOT_SEEN || back == NOT_SEEN)
				continue;
			for (unsigned m = 0; m < w->map->n_members; m++) {
				uint16_t at_d = *seen(w, d, m), *at_c = seen(w, c, m);

				if (m == w->switches[c] || *at_c != NOT_SEEN || at_d == NOT_SEEN || at_d == back)
					continue;
				*at_c = to_d;
				changed = 1;
			}
		}
	}
	return changed;
}

static int add_link(struct work *w, unsigned a, unsigned b, const char *a_port, const char *b_port)
{
	struct l2_link *link;

	if (w->map->n_links == w->room_links) {
		size_t room = w->room_links ? w->room_links * 2 : 64;
		struct l2_link *grown = realloc(w->map->links, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		w->map->links = grown;
		w->room_links = room;
	}
	link = &w->map->links[w->map->n_links++];
	memset(link, 0, sizeof(*link));
	link->a = a;
	link->b = b;
	strncpy(link->a_port, a_port, sizeof(link->a_port) - 1);
	strncpy(link->b_port, b_port, sizeof(link->b_port) - 1);
	return 0;
}

static int separated(struct work *w, unsigned a, unsigned b)
{
	for (unsigned c = 0; c < w->n_switches; c++) {
		uint16_t via_a = *seen(w, c, a), via_b = *seen(w, c, b);

		if (w->switches[c] != a && w->switches[c] != b && via_a != NOT_SEEN && via_b != NOT_SEEN &&
		    via_a != via_b)
			return 1;
	}
	return 0;
}

/* The number of a member among the switches, or -1. */
static int switch_number(const struct work *w, unsigned member)
{
	for (unsigned s = 0; s < w->n_switches; s++)
		if (w->switches[s] == member)
			return (int)s;
	return -1;
}

/* A switch counts as having learnt another one also when `face` found it out: nobody may ever have seen its MAC. */
static int link_switches(struct work *w)
{
	for (unsigned s = 0; s < w->n_switches; s++) {
		for (unsigned m = 0; m < w->map->n_members; m++) {
			unsigned self = w->switches[s];
			int other = switch_number(w, m);
			const char *here = port_text(element_of(w, self), *seen(w, s, m)), *there;

			if (m == self || *seen(w, s, m) == NOT_SEEN || (other < 0 && !*learnt(w, s, m)))
				continue;
			if (other >= 0 && (unsigned)other < s && *seen(w, (unsigned)other, self) != NOT_SEEN)
				continue; /* linked from its side */
			if (separated(w, self, m))
				continue;
			there = other < 0 ? w->map->members[m].port
					  : port_text(element_of(w, m), *seen(w, (unsigned)other, self));
			if (add_link(w, self, m, here, there) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int seen_by_any(struct work *w, unsigned member)
{
	for (unsigned s = 0; s < w->n_switches; s++)
		if (*seen(w, s, member) != NOT_SEEN)
			return 1;
	return 0;
}

static const struct reg_port *port_of(const struct work *w, unsigned member)
{
	const struct l2_element *e = element_of(w, member);

	for (unsigned p = 0; p < e->n_ports; p++)
		if (!strcmp(e->ports[p].name, w->map->members[member].port))
			return &e->ports[p];
	return NULL;
}

static int same_subnet(struct prefix a, struct prefix b)
{
	struct prefix net = {prefix_nth(a, 0), a.len};

	if (a.len != b.len || a.len >= 32 || a.len < 8)
		return 0;
	net.addr.s_addr &= htonl(0xffffffffu << (32 - a.len));
	return prefix_contains(net, a.addr) && prefix_contains(net, b.addr) && a.addr.s_addr != b.addr.s_addr;
}

/* Has a controlled switch an address in the subnet? Then it will learn who is there; nothing needs guessing. */
static int switch_in_subnet(const struct work *w, struct prefix subnet)
{
	for (unsigned s = 0; s < w->n_switches; s++) {
		const struct l2_element *e = element_of(w, w->switches[s]);

		for (unsigned p = 0; p < e->n_ports; p++)
			for (unsigned i = 0; i < e->ports[p].n_addresses; i++)
				if (same_subnet(subnet, e->ports[p].address[i]))
					return 1;
	}
	return 0;
}

static int share_wire(const struct work *w, const struct reg_port *a, const struct reg_port *b)
{
	for (unsigned i = 0; i < a->n_addresses; i++)
		for (unsigned j = 0; j < b->n_addresses; j++)
			if (same_subnet(a->address[i], b->address[j]) && !switch_in_subnet(w, a->address[i]))
				return 1;
	return 0;
}

static int wire(struct work *w)
{
	for (unsigned a = 0; a < w->map->n_members; a++) {
		if (element_of(w, a)->is_switch || seen_by_any(w, a))
			continue;
		for (unsigned b = a + 1; b < w->map->n_members; b++) {
			if (element_of(w, b)->is_switch || w->map->members[a].element == w->map->members[b].element ||
			    seen_by_any(w, b) || !share_wire(w, port_of(w, a), port_of(w, b)))
				continue;
			if (add_link(w, a, b, w->map->members[a].port, w->map->members[b].port) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* Union by relabelling: the smaller number wins, so numbers depend on the input only. */
static void find_islands(struct l2_map *map)
{
	int changed = 1;

	while (changed) {
		changed = 0;
		for (size_t i = 0; i < map->n_links; i++) {
			unsigned *a = &map->members[map->links[i].a].island, *b = &map->members[map->links[i].b].island;

			if (*a == *b)
				continue;
			*a = *b = *a < *b ? *a : *b;
			changed = 1;
		}
	}
}

int l2_correlate(const struct l2_element *elements, size_t n, struct l2_map *out)
{
	struct work w = {.elements = elements, .n_elements = n, .map = out};
	int err;

	memset(out, 0, sizeof(*out));
	err = list_members(&w);
	if (!err) {
		w.seen = calloc((size_t)w.n_switches * out->n_members + 1, sizeof(*w.seen));
		w.learnt = calloc((size_t)w.n_switches * out->n_members + 1, sizeof(*w.learnt));
		err = w.seen && w.learnt ? 0 : -ENOMEM;
	}
	if (!err) {
		learn(&w);
		for (unsigned round = 0; round <= w.n_switches; round++)
			if (!(face(&w) | spread(&w)))
				break;
		err = link_switches(&w);
	}
	if (!err)
		err = wire(&w);
	if (err)
		l2_map_clear(out);
	else
		find_islands(out);
	free(w.switches);
	free(w.stations);
	free(w.seen);
	free(w.learnt);
	return err;
}

void l2_map_clear(struct l2_map *map)
{
	free(map->members);
	free(map->links);
	memset(map, 0, sizeof(*map));
}
