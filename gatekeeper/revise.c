/*
 * Revising contracts (revise.h). The old contract is read again and changed in place: what is not named stays as it was, and
 * an address that the old revision uses is not given to another server while both are in force. Whether there is room
 * the elements say: the old revision stands until the new one is complete.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/compose.h"
#include "gatekeeper/elements.h"
#include "gatekeeper/input.h"
#include "gatekeeper/plan.h"
#include "gatekeeper/revise.h"

/* ---- what is remembered ---- */

void revise_remember(struct revise_memory *memory, const struct contract *c, const struct contract_limits *asked)
{
	struct prefix access, servers;

	memcpy(memory->asked, asked->max, sizeof(memory->asked));
	memory->last_server = 0;
	plan_split(c->network.prefix, &access, &servers);
	for (unsigned i = 0; i < c->n_endpoints; i++) {
		uint32_t n = ntohl(c->endpoints[i].private_addr.s_addr) - ntohl(servers.addr.s_addr);

		if (c->endpoints[i].kind == ENDPOINT_SERVER && n <= PLAN_SUBNET_HOSTS && n > memory->last_server)
			memory->last_server = n;
	}
}

json_t *revise_memory_json(const struct revise_memory *memory)
{
	json_t *json = json_pack("{s:i}", "last_server", (int)memory->last_server);

	for (unsigned r = 1; json && r <= RESOURCE_MAX; r++)
		json_object_set_new(json, resource_name((enum resource)r), json_integer((json_int_t)memory->asked[r]));
	return json;
}

void revise_memory_load(struct revise_memory *memory, const struct contract *c, json_t *json)
{
	revise_remember(memory, c, &c->limits);
	if (!json)
		return;
	memory->last_server = (unsigned)json_integer_value(json_object_get(json, "last_server")) % (PLAN_SUBNET_HOSTS + 1);
	for (unsigned r = 1; r <= RESOURCE_MAX; r++)
		memory->asked[r] = (uint64_t)json_integer_value(json_object_get(json, resource_name((enum resource)r)));
}

/* ---- the change ---- */

static int set_class(const struct gatekeeper *gk, const struct revise_memory *memory, const char *name, struct contract *c,
		     struct problem *problem)
{
	const struct gk_class *class_ = gk_config_class(gk->config, name);

	if (!class_)
		return problem_where(problem, 422, "unknown-class", "class", "there is no class \"%s\"", name);
	strcpy(c->class_name, name);
	memcpy(c->limits.max, memory->asked, sizeof(c->limits.max));
	compose_class(gk->config, class_, c);
	for (unsigned i = 0; i < c->n_endpoints; i++)
		if (c->endpoints[i].kind == ENDPOINT_SERVER)
			compose_levels(class_, &c->endpoints[i].isc);
	return 0;
}

static int address_used(const struct contract *c, struct in_addr addr)
{
	for (unsigned i = 0; c && i < c->n_endpoints; i++)
		if (c->endpoints[i].private_addr.s_addr == addr.s_addr)
			return 1;
	return 0;
}

/* After the one given out last: a server that was just dropped goes on for a moment. */
static int give_address(const struct revise_input *in, const struct contract *c, struct in_addr *out)
{
	struct prefix access, servers;

	plan_split(in->was->network.prefix, &access, &servers);
	for (unsigned i = 0; i < PLAN_SUBNET_HOSTS; i++) {
		unsigned n = (in->memory->last_server + i) % PLAN_SUBNET_HOSTS + 1;

		*out = prefix_nth(servers, n);
		if (!address_used(in->was, *out) && !address_used(in->next, *out) && !address_used(c, *out)) {
			in->memory->last_server = n;
			return 0;
		}
	}
	return -ENOSPC;
}

static int add_server(const struct gatekeeper *gk, const struct revise_input *in, struct contract *c, const char *name,
		      struct problem *problem)
{
	const struct contract *was = in->was;
	const struct element *e = elements_find(gk->elements, name);
	const struct contract_endpoint *like = NULL;
	struct contract_endpoint *to = &c->endpoints[c->n_endpoints];
	unsigned has_image = 0;

	for (unsigned i = 0; i < was->n_endpoints; i++)
		if (was->endpoints[i].kind == ENDPOINT_SERVER)
			like = &was->endpoints[i];
	for (unsigned i = 0; e && like && i < e->reg.n_images; i++)
		has_image |= !strcmp(e->reg.image[i], like->isc.image);
	if (!e || e->reg.kind != ELEMENT_SERVER)
		return problem_where(problem, 422, "unknown-server", "servers", "there is no server \"%s\"", name);
	if (!e->alive || !has_image)
		return problem_element(problem, 503, "no-capacity", name, e->alive ? "%s has not the image" : "%s is not alive",
				       name);
	*to = *like;
	strcpy(to->element, name);
	to->control = e->reg.address;
	if (give_address(in, c, &to->private_addr) < 0)
		return problem_element(problem, 503, "no-capacity", name,
				       "no private address is left for %s: revision %u%s has them until it is replaced", name,
				       was->revision, in->next ? ", and the one being set up," : "");
	c->n_endpoints++;
	return 0;
}

/* The access routers stay; of the servers those that are named, then new ones. */
static int set_servers(const struct gatekeeper *gk, const struct revise_input *in, struct contract *c, json_t *list,
		       struct problem *problem)
{
	const struct contract *was = in->was;
	struct contract_endpoint *all = calloc(was->n_endpoints + json_array_size(list), sizeof(*all));
	const char *name;
	json_t *item;
	size_t i;

	if (!all)
		return problem_set(problem, 503, "out-of-memory", "out of memory");
	free(c->endpoints);
	c->endpoints = all;
	c->n_endpoints = 0;
	for (unsigned k = 0; k < was->n_endpoints; k++)
		if (was->endpoints[k].kind == ENDPOINT_ACCESS)
			all[c->n_endpoints++] = was->endpoints[k];
	json_array_foreach(list, i, item) {
		const struct contract_endpoint *old;

		name = json_string_value(item);
		if (!name || !input_is_name(name, CONTRACT_NAME))
			return problem_where(problem, 400, "invalid", "servers", "\"servers\" is a list of elements' names");
		old = contract_endpoint_by_element(was, name);
		if (contract_endpoint_by_element(c, name))
			return problem_where(problem, 400, "invalid", "servers", "%s is named twice, or is an access router", name);
		if (old)
			all[c->n_endpoints++] = *old;
		else if (add_server(gk, in, c, name, problem) < 0)
			return -EINVAL;
	}
	if (!json_array_size(list))
		return problem_where(problem, 400, "invalid", "servers", "an ICorp has at least one server");
	return 0;
}

static int check_members(json_t *change, struct problem *problem)
{
	const char *key;
	json_t *value;

	json_object_foreach(change, key, value)
		if (strcmp(key, "class") && strcmp(key, "servers"))
			return problem_where(problem, 400, "invalid", input_is_name(key, CONTRACT_NAME) ? key : "",
					     "a revision may name a \"class\" and \"servers\", nothing else");
	return 0;
}

static int revise(const struct gatekeeper *gk, const struct revise_input *in, json_t *change, struct contract *c,
		  struct problem *problem)
{
	struct contract_error error = {0};
	char name[CONTRACT_NAME];
	json_t *servers;

	if (check_members(change, problem) < 0 || input_name(change, "class", name, sizeof(name), 0, problem) < 0 ||
	    input_array(change, "servers", PLAN_SUBNET_HOSTS, &servers, problem) < 0)
		return -EINVAL;
	if (!servers && !name[0])
		return problem_set(problem, 400, "invalid", "nothing to change: name a \"class\", \"servers\", or both");
	if (servers && set_servers(gk, in, c, servers, problem) < 0)
		return -EINVAL;
	if (name[0] && set_class(gk, in->memory, name, c, problem) < 0)
		return -EINVAL;
	if (!in->next && !contract_diff(in->was, c, NULL, NULL))
		return problem_set(problem, 400, "invalid", "nothing to change: revision %u says the same", in->was->revision);
	c->revision = in->revision;
	if (contract_seal(c, &error) < 0)
		return problem_where(problem, 400, "invalid", error.element, "%s", error.text);
	return 0;
}

int revise_contract(const struct gatekeeper *gk, const struct revise_input *in, json_t *change, struct contract **out,
		    struct problem *problem)
{
	struct contract_error error = {0};
	struct contract *c = NULL;

	if (contract_parse(in->was->xml, in->was->xml_len, &c, &error) < 0)
		return problem_set(problem, 503, "out-of-memory", "out of memory");
	if (revise(gk, in, change, c, problem) < 0) {
		contract_unref(c);
		return -EINVAL;
	}
	*out = c;
	return 0;
}
