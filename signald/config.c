/*
 * The configuration as data, and the few checks a row cannot express. Loading never leaves half a configuration: on any
 * error the caller keeps what it had.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "signald/config.h"
#include "signald/l2.h"

static int check_addr(const void *value, char *why, size_t room)
{
	struct in_addr addr;

	if (!addr_parse(*(char *const *)value, &addr) && addr.s_addr)
		return 0;
	snprintf(why, room, "must be an IPv4 address like 10.0.0.1");
	return -1;
}

static int check_prefix(const void *value, char *why, size_t room)
{
	const char *text = *(char *const *)value;
	struct prefix prefix;

	if (!text || !*text || !prefix_parse(text, &prefix, 0))
		return 0;
	snprintf(why, room, "must be an IPv4 prefix like 10.202.1.0/24");
	return -1;
}

static int check_prefixes(const void *value, char *why, size_t room)
{
	const struct config_list *list = value;
	struct prefix prefix;

	for (size_t i = 0; i < list->n; i++) {
		if (!prefix_parse(list->item[i], &prefix, 0))
			continue;
		snprintf(why, room, "\"%s\" must be an IPv4 prefix like 10.200.0.0/16", list->item[i]);
		return -1;
	}
	return 0;
}

static int check_resource(const void *value, char *why, size_t room)
{
	enum resource resource;

	if (!resource_parse(*(char *const *)value, &resource))
		return 0;
	snprintf(why, room, "must be one of bandwidth, cpu, memory, disk");
	return -1;
}

#define PORT(field) offsetof(struct config_port, field)
static const struct config_row port_rows[] = {
	{ "speed", CONFIG_RATE, PORT(speed_bps), NULL, 1e3, 1e12, NULL, "line rate of the link, bit/s", 0, 0, 0 },
	{ "share", CONFIG_INT, PORT(share), "100", 1, 100, NULL, "percent of it that may be reserved", 0, 0, 0 },
	{ 0 },
};

#define RES(field) offsetof(struct config_resource, field)
static const struct config_row resource_rows[] = {
	{ "capacity", CONFIG_INT, RES(capacity), "0", 0, 1e15, NULL, "what may be held in all; 0: unlimited", 0, 0, 0 },
	{ "step", CONFIG_INT, RES(step), "0", 0, 1e15, NULL, "one increment; 0: not adjustable", 0, 0, 0 },
	{ "decrement", CONFIG_INT, RES(decrement), "0", 0, 1e15, NULL, "one step down; 0: as one up", 0, 0, 0 },
	{ "floor", CONFIG_INT, RES(floor), "0", 0, 1e15, NULL, "no ICorp is stepped below this", 0, 0, 0 },
	{ "ceiling", CONFIG_INT, RES(ceiling), "0", 0, 1e15, NULL, "nor above this; 0: none", 0, 0, 0 },
	{ 0 },
};

#define STEPS(field) offsetof(struct config_steps, field)
static const struct config_row steps_rows[] = {
	{ "class", CONFIG_STRING, STEPS(class_name), NULL, 0, 0, NULL, "of contracts", 0, 0, 0 },
	{ "resource", CONFIG_STRING, STEPS(resource), NULL, 0, 0, "bandwidth|cpu|memory|disk", "whose", 0, 0, 0 },
	{ "step", CONFIG_INT, STEPS(step), "0", 0, 1e15, NULL, "one increment; 0: not adjustable", 0, 0, 0 },
	{ "decrement", CONFIG_INT, STEPS(decrement), "0", 0, 1e15, NULL, "one step down; 0: as one up", 0, 0, 0 },
	{ "floor", CONFIG_INT, STEPS(floor), "0", 0, 1e15, NULL, "none is stepped below this", 0, 0, 0 },
	{ "ceiling", CONFIG_INT, STEPS(ceiling), "0", 0, 1e15, NULL, "nor above this; 0: none", 0, 0, 0 },
	{ 0 },
};

#define NEI(field) offsetof(struct config_neighbour, field)
static const struct config_row neighbour_rows[] = {
	{ "kind", CONFIG_STRING, NEI(kind), NULL, 0, 0, "access|router|switch|server", "what it is", 0, 0, 0 },
	{ "addresses", CONFIG_LIST, NEI(addresses), NULL, 0, NEXTHOP_ADDRESSES, NULL, "its own; the control address first", 0, 0, 0 },
	{ "links", CONFIG_LIST, NEI(links), NULL, 0, 4096, NULL, "\"ITS-PORT ELEMENT PORT\": what its ports lead to", 0, 0, 0 },
	{ 0 },
};

#define ADA(field) offsetof(struct config_adaptor, field)
static const struct config_row adaptor_rows[] = {
	{ "type", CONFIG_STRING, ADA(type), NULL, 0, 0, NULL, "technology, as icorp-adaptor --list names them", 0, 0, 0 },
	{ "options", CONFIG_LIST, ADA(options), NULL, 0, 64, NULL, "its options as \"key=value\"", 0, 0, 0 },
	{ 0 },
};

#define C(field) offsetof(struct signald_config, field)
const struct config_row signald_config_rows[] = {
	{ "name", CONFIG_STRING, C(name), NULL, 0, 0, NULL, "the element's name", 0, 0, 0 },
	{ "kind", CONFIG_STRING, C(kind), NULL, 0, 0, "access|router|switch|server", "what the element is", 0, 0, 0 },
	{ "address", CONFIG_STRING, C(address), NULL, 0, 0, NULL, "control address", 0, 0, check_addr },
	{ "transport", CONFIG_STRING, C(transport), "raw", 0, 0, "raw|udp", "IP protocol 46, or UDP port 3455", 0, 0, 0 },
	{ "integrity", CONFIG_BOOL, C(integrity), "true", 0, 0, NULL, "authenticate messages (RFC 2747)", 0, 0, 0 },
	{ "keyring", CONFIG_STRING, C(keyring), "", 0, 0, NULL, "file of neighbours' keys", 0, 0, 0 },
	{ "allow", CONFIG_LIST, C(allow), NULL, 0, 1024, NULL, "prefixes neighbours may have; empty: any with a key", 0, 0,
	  check_prefixes },
	{ "limit_messages", CONFIG_INT, C(limit_messages), "200000", 1, 1e9, NULL,
	  "taken from one neighbour in a second", 0, 0, 0 },
	{ "limit_bytes", CONFIG_SIZE, C(limit_bytes), "256MiB", 65536, 1e10, NULL,
	  "taken from one neighbour in a second", 0, 0, 0 },
	{ "limit_strangers", CONFIG_INT, C(limit_strangers), "10000", 1, 1e9, NULL,
	  "messages taken in a second from all who are not neighbours yet", 0, 0, 0 },
	{ "gatekeeper", CONFIG_STRING, C(gatekeeper), "", 0, 0, NULL, "the gatekeeper's URL; empty: none", 0, 0, 0 },
	{ "l2", CONFIG_STRING, C(l2), "gatekeeper", 0, 0, "gatekeeper|config|lldpd",
	  "who knows the layer-2 map: the gatekeeper, the neighbour sections here, or lldpd", 0, 0, 0 },
	{ "lldpd_socket", CONFIG_STRING, C(lldpd_socket), "/run/lldpd.socket", 0, 0, NULL, "l2 = \"lldpd\": its control socket", 0, 0,
	  0 },
	{ "token_file", CONFIG_STRING, C(token_file), "", 0, 0, NULL, "file with the bearer token for it", 0, 0, 0 },
	{ "heartbeat", CONFIG_TIME, C(heartbeat_us), "10s", 1e5, 3.6e9, NULL, "between registrations", 0, 0, 0 },
	{ "control", CONFIG_STRING, C(control), RUNDIR "/signald.sock", 0, 0, NULL, "control socket", 0, 0, 0 },
	{ "user", CONFIG_STRING, C(user), "", 0, 0, NULL, "whom to become when started as root; empty: icorp, if there is one", 0, 0,
	  0 },
	{ "adaptor_dir", CONFIG_STRING, C(adaptor_dir), LIBEXECDIR, 0, 0, NULL, "where icorp-adaptor is", 0, 0, 0 },
	{ "refresh", CONFIG_TIME, C(refresh_us), "30s", 5e4, 3.6e9, NULL, "R of RFC 2205", 0, 0, 0 },
	{ "multiplier", CONFIG_INT, C(multiplier), "3", 1, 100, NULL, "K of RFC 2205", 0, 0, 0 },
	{ "expiry_rate", CONFIG_INT, C(expiry_rate), "10000", 1, 1e9, NULL,
	  "states that may lapse in a second; others wait", 0, 0, 0 },
	{ "hello", CONFIG_TIME, C(hello_us), "1s", 0, 6e8, NULL, "between HELLOs (RFC 3209); lost after 3.4; 0: none", 0, 0, 0 },
	{ "recovery", CONFIG_TIME, C(recovery_us), "0", 0, 8.64e10, NULL,
	  "after a restart, what is here is to be claimed within; 0: the lifetime of R", 0, 0, 0 },
	{ "audit", CONFIG_TIME, C(audit_us), "300s", 1e6, 8.64e10, NULL,
	  "between audits: what is there against what should be", 0, 0, 0 },
	{ "measure", CONFIG_TIME, C(measure_us), "300s", 1e6, 8.64e10, NULL, "between measurements of what ICorps use", 0, 0, 0 },
	{ "isc_start", CONFIG_TIME, C(isc_start_us), "60s", 1e5, 3.6e9, NULL, "an ISC must answer within", 0, 0, 0 },
	{ "contract_wait", CONFIG_TIME, C(contract_wait_us), "5s", 1e5, 6e7, NULL, "a Path waits for its contract", 0, 0, 0 },
	{ "vlans", CONFIG_STRING, C(vlans), "", 0, 0, NULL, "switches: VLAN ids to use, FIRST-LAST", 0, 0, 0 },
	{ "public_pool", CONFIG_STRING, C(public_pool), "", 0, 0, NULL, "access routers: ICorps' addresses", 0, 0,
	  check_prefix },
	{ "isc_host", CONFIG_STRING, C(isc_host), "169.254.1.1", 0, 0, NULL, "our address as ISCs see it", 0, 0, check_addr },
	{ "images", CONFIG_LIST, C(images), NULL, 0, CORE_MAX_IMAGES, NULL, "servers: images it can start", 0, 0, 0 },
	{ "pcap", CONFIG_STRING, C(pcap), "", 0, 0, NULL, "write what is sent and received here", 0, 0, 0 },
	{ "enterprise", CONFIG_INT, C(enterprise), "32473", 0, 4294967295.0, NULL, "our objects' enterprise number", 0, 0, 0 },
	{ "log_level", CONFIG_STRING, C(log_level), "info", 0, 0, "error|warn|info|debug", "what is logged", 0, 0, 0 },
	{ "allow_warp", CONFIG_BOOL, C(allow_warp), "false", 0, 0, NULL, "tests: the clock may be warped", 0, 0, 0 },
	{ "port", CONFIG_SECTION, C(ports), NULL, 0, CORE_MAX_PORTS, NULL, "an interface that carries ICorps",
	  port_rows, sizeof(struct config_port), 0 },
	{ "resource", CONFIG_SECTION, C(resources), NULL, 0, RESOURCE_MAX, NULL, "sizes: bandwidth, cpu, memory, disk",
	  resource_rows, sizeof(struct config_resource), check_resource },
	{ "steps", CONFIG_SECTION, C(steps), NULL, 0, CORE_MAX_STEPS, NULL, "for ICorps of one class, instead of the resource's",
	  steps_rows, sizeof(struct config_steps), 0 },
	{ "neighbour", CONFIG_SECTION, C(neighbours), NULL, 0, 4096, NULL, "l2 = \"config\" or \"lldpd\": a controller of our islands",
	  neighbour_rows, sizeof(struct config_neighbour), 0 },
	{ "adaptor", CONFIG_SECTION, C(adaptors), NULL, 0, 16, NULL, "a technology", adaptor_rows,
	  sizeof(struct config_adaptor), 0 },
	{ 0 },
};

static int fail(struct config_error *error, const char *file, const char *setting, const char *what)
{
	snprintf(error->text, sizeof(error->text), "%s: %s: %s", file, setting, what);
	return -EINVAL;
}

static int fill_ports(const struct signald_config *config, struct core_config *core)
{
	const struct config_port *port = config->ports.data;

	for (size_t i = 0; i < config->ports.n; i++) {
		struct core_port *to = &core->port[core->n_ports++];

		if (!port[i].title || strlen(port[i].title) >= sizeof(to->ifname))
			return -EINVAL;
		snprintf(to->ifname, sizeof(to->ifname), "%s", port[i].title);
		to->capacity_bps = port[i].speed_bps / 100 * (uint64_t)port[i].share;
	}
	return 0;
}

/* Between floor and ceiling there must be room. */
static int fill_sizes(struct core_resource *to, int64_t step, int64_t decrement, int64_t floor, int64_t ceiling)
{
	to->step = (uint64_t)step;
	to->decrement = (uint64_t)decrement;
	to->floor = (uint64_t)floor;
	to->ceiling = (uint64_t)ceiling;
	return ceiling && floor > ceiling ? -EINVAL : 0;
}

static int fill_resources(const struct signald_config *config, struct core_config *core)
{
	const struct config_resource *from = config->resources.data;

	for (size_t i = 0; i < config->resources.n; i++) {
		enum resource r;

		if (!from[i].title || resource_parse(from[i].title, &r))
			return -EINVAL;
		core->resource[r].capacity = (uint64_t)from[i].capacity;
		if (fill_sizes(&core->resource[r], from[i].step, from[i].decrement, from[i].floor, from[i].ceiling))
			return -EINVAL;
	}
	return 0;
}

static int fill_steps(const struct signald_config *config, struct core_config *core)
{
	const struct config_steps *from = config->steps.data;

	for (size_t i = 0; i < config->steps.n; i++) {
		struct core_class_steps *to = &core->steps[core->n_steps++];

		if (!*from[i].class_name || strlen(from[i].class_name) >= sizeof(to->class_name) ||
		    resource_parse(from[i].resource, &to->resource) ||
		    fill_sizes(&to->size, from[i].step, from[i].decrement, from[i].floor, from[i].ceiling))
			return -EINVAL;
		snprintf(to->class_name, sizeof(to->class_name), "%s", from[i].class_name);
		for (unsigned k = 0; k + 1 < core->n_steps; k++)
			if (core->steps[k].resource == to->resource && !strcmp(core->steps[k].class_name, to->class_name))
				return -EINVAL;
	}
	return 0;
}

static int fill_vlans(const struct signald_config *config, struct core_config *core)
{
	unsigned first, last;
	char end;

	if (!*config->vlans)
		return core->kind == ELEMENT_SWITCH ? -EINVAL : 0;
	if (sscanf(config->vlans, "%u-%u%c", &first, &last, &end) != 2 || first < 2 || last > 4094 || first > last)
		return -EINVAL;
	core->vlan_first = (uint16_t)first;
	core->vlan_last = (uint16_t)last;
	return 0;
}

static int fill_core(const char *file, const struct signald_config *config, struct core_config *core,
		     struct config_error *error)
{
	char why[256];

	memset(core, 0, sizeof(*core));
	snprintf(core->element, sizeof(core->element), "%s", config->name);
	if (!*config->name || strlen(config->name) >= sizeof(core->element))
		return fail(error, file, "name", "must be 1 to 63 characters");
	element_kind_parse(config->kind, &core->kind);
	addr_parse(config->address, &core->address);
	core->refresh_us = config->refresh_us;
	core->hello_us = config->hello_us;
	core->expiry_rate = (uint64_t)config->expiry_rate;
	core->enterprise = (uint32_t)config->enterprise;
	core->multiplier = (unsigned)config->multiplier;
	core->recovery_us = config->recovery_us;
	core->isc_start_us = config->isc_start_us;
	core->contract_wait_us = config->contract_wait_us;
	core->seed = clock_wall_us() ^ core->address.s_addr;
	if (fill_ports(config, core))
		return fail(error, file, "port", "needs an interface name of at most 15 characters");
	if (fill_resources(config, core))
		return fail(error, file, "resource", "a floor is above its ceiling");
	if (fill_steps(config, core))
		return fail(error, file, "steps", "a class and a resource, once each, and no floor above its ceiling");
	if (fill_vlans(config, core))
		return fail(error, file, "vlans", "a switch needs FIRST-LAST within 2-4094");
	for (size_t i = 0; i < config->images.n; i++)
		snprintf(core->image[core->n_images++], CONTRACT_NAME, "%s", config->images.item[i]);
	if (l2_source(config) != L2_GATEKEEPER) {
		struct nexthops tried = { 0 };
		int r = l2_from_config(config, &tried, why, sizeof(why));

		nexthops_clear_map(&tried);
		if (r)
			return fail(error, file, "neighbour", why);
	}
	if (l2_source(config) == L2_LLDPD && l2_lldpd_missing())
		return fail(error, file, "l2", l2_lldpd_missing());
	if (config->integrity && !*config->keyring && ntohl(core->address.s_addr) >> 24 != 127)
		return fail(error, file, "keyring", "is required off loopback (or set integrity = false)");
	return 0;
}

int signald_config_read(int fd, const char *file, struct signald_config *config, struct core_config *core,
			struct config_error *error)
{
	int r;

	memset(config, 0, sizeof(*config));
	r = config_read(fd, file, signald_config_rows, config, error);
	if (r)
		return r;
	r = fill_core(file, config, core, error);
	if (r)
		signald_config_free(config);
	return r;
}

struct prefix *signald_config_allow(const struct signald_config *config, size_t *n)
{
	struct prefix *v = calloc(config->allow.n + 1, sizeof(*v));

	*n = config->allow.n;
	for (size_t i = 0; v && i < *n; i++)
		prefix_parse(config->allow.item[i], &v[i], 0);
	return v;
}

void signald_config_free(struct signald_config *config)
{
	config_free(signald_config_rows, config);
}
