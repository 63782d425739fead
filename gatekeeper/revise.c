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

static int set_class(const struct gatekeeper *gk, struct contract *c, json_t *change, struct problem *problem)
{
	const struct gk_class *class_;
	char name[CONTRACT_NAME];

	if (input_name(change, "class", name, sizeof(name), 0, problem) < 0)
		return -EINVAL;
	if (!name[0])
		return 0;
	class_ = gk_config_class(gk->config, name);
	if (!class_)
		return problem_where(problem, 422, "unknown-class", "class", "there is no class \"%s\"", name);
	strcpy(c->class_name, name);
	memset(&c->limits.max, 0, sizeof(c->limits.max));
	compose_class(gk->config, class_, c);
	for (unsigned i = 0; i < c->n_endpoints; i++)
		if (c->endpoints[i].kind == ENDPOINT_SERVER)
			compose_levels(class_, &c->endpoints[i].isc);
	return 0;
}

static int address_used(const struct contract *a, const struct contract *b, struct in_addr addr)
{
	for (unsigned i = 0; i < a->n_endpoints; i++)
		if (a->endpoints[i].private_addr.s_addr == addr.s_addr)
			return 1;
	for (unsigned i = 0; i < b->n_endpoints; i++)
		if (b->endpoints[i].private_addr.s_addr == addr.s_addr)
			return 1;
	return 0;
}

static int add_server(const struct gatekeeper *gk, const struct contract *was, struct contract *c, const char *name,
		      struct problem *problem)
{
	const struct element *e = elements_find(gk->elements, name);
	const struct contract_endpoint *like = NULL;
	struct contract_endpoint *to = &c->endpoints[c->n_endpoints];
	struct prefix access, servers;
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
	plan_split(was->network.prefix, &access, &servers);
	*to = *like;
	strcpy(to->element, name);
	to->control = e->reg.address;
	for (unsigned i = 1; i <= PLAN_SUBNET_HOSTS; i++) {
		to->private_addr = prefix_nth(servers, i);
		if (!address_used(was, c, to->private_addr)) {
			c->n_endpoints++;
			return 0;
		}
	}
	return problem_set(problem, 422, "invalid", "an ICorp has at most %d servers", PLAN_SUBNET_HOSTS);
}

/* The access routers stay; of the servers those that are named, then new ones. */
static int set_servers(const struct gatekeeper *gk, const struct contract *was, struct contract *c, json_t *list,
		       struct problem *problem)
{
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
		else if (add_server(gk, was, c, name, problem) < 0)
			return -EINVAL;
	}
	if (!json_array_size(list))
		return problem_where(problem, 400, "invalid", "servers", "an ICorp has at least one server");
	return 0;
}

static int revise(const struct gatekeeper *gk, const struct contract *was, json_t *change, struct contract *c,
		  struct problem *problem)
{
	struct contract_error error = {0};
	json_t *servers;

	if (input_array(change, "servers", PLAN_SUBNET_HOSTS, &servers, problem) < 0)
		return -EINVAL;
	if (!servers && !json_object_get(change, "class"))
		return problem_set(problem, 400, "invalid", "nothing to change: name a \"class\", \"servers\", or both");
	if (servers && set_servers(gk, was, c, servers, problem) < 0)
		return -EINVAL;
	if (set_class(gk, c, change, problem) < 0)
		return -EINVAL;
	if (contract_seal(c, &error) < 0)
		return problem_where(problem, 400, "invalid", error.element, "%s", error.text);
	return 0;
}

int revise_contract(const struct gatekeeper *gk, const struct contract *was, uint16_t revision, json_t *change,
		    struct contract **out, struct problem *problem)
{
	struct contract_error error = {0};
	struct contract *c = NULL;

	if (contract_parse(was->xml, was->xml_len, &c, &error) < 0)
		return problem_set(problem, 503, "out-of-memory", "out of memory");
	c->revision = revision;
	if (revise(gk, was, change, c, problem) < 0) {
		contract_unref(c);
		return -EINVAL;
	}
	*out = c;
	return 0;
}
