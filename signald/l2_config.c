/* The layer-2 map as the configuration has it. See l2.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "signald/l2.h"

static int add_node(const char *name, const char *kind, const struct config_list *addresses, struct nexthops *nh, char *why,
		    size_t room)
{
	struct l2_node node = { .is_switch = !strcmp(kind, "switch") };

	if (!name || strlen(name) >= sizeof(node.name)) {
		snprintf(why, room, "a neighbour needs a name of at most %zu characters", sizeof(node.name) - 1);
		return -EINVAL;
	}
	memcpy(node.name, name, strlen(name) + 1);
	for (size_t i = 0; i < addresses->n; i++) {
		if (node.n_addr == NEXTHOP_ADDRESSES || addr_parse(addresses->item[i], &node.addr[node.n_addr++])) {
			snprintf(why, room, "neighbour %s: addresses: \"%s\" is none, or one too many", name, addresses->item[i]);
			return -EINVAL;
		}
	}
	return nexthops_add_node(nh, &node);
}

/* "PORT ELEMENT PORT": the neighbour's own port, and whose port is at the other end. */
static int add_link(const char *name, const char *text, struct nexthops *nh, char *why, size_t room)
{
	char port[16], other[NEXTHOP_NAME], other_port[16], more;
	int n = sscanf(text, "%15s %63s %15s %c", port, other, other_port, &more);
	int r = n == 3 ? nexthops_add_link(nh, name, port, other, other_port) : -EINVAL;

	if (r == -EINVAL)
		snprintf(why, room, "neighbour %s: links: \"%s\" is not PORT ELEMENT PORT", name, text);
	if (r == -ENOENT)
		snprintf(why, room, "neighbour %s: links: \"%s\": no neighbour \"%s\"", name, text, other);
	return r == -ENOENT ? -EINVAL : r;
}

int l2_from_config(const struct signald_config *config, struct nexthops *nh, char *why, size_t room)
{
	const struct config_neighbour *v = config->neighbours.data;
	struct config_list ours = { .item = (char **)&config->address, .n = 1 };
	struct nexthops fresh = { 0 };
	int r;

	snprintf(why, room, "out of memory");
	r = add_node(config->name, config->kind, &ours, &fresh, why, room);
	for (size_t i = 0; !r && i < config->neighbours.n; i++)
		r = add_node(v[i].title, v[i].kind, &v[i].addresses, &fresh, why, room);
	for (size_t i = 0; !r && i < config->neighbours.n; i++)
		for (size_t k = 0; !r && k < v[i].links.n; k++)
			r = add_link(v[i].title, v[i].links.item[k], &fresh, why, room);
	if (r) {
		nexthops_clear_map(&fresh);
		return r;
	}
	nexthops_take_map(nh, &fresh);
	return 0;
}
