/*
 * Gathers what placement and the address plan need to know, from the registrar's table and from the contracts that hold
 * something, and runs them:
 *
 *     class -> names -> placement_choose -> plan_icorp, plan_public -> compose_contract
 *
 * What a server has left is its capacity less the larger of: what all contracts placed on it say, and what it reported
 * as used plus what was placed since that report.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/admit.h"
#include "gatekeeper/compose.h"
#include "gatekeeper/elements.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/placement.h"
#include "gatekeeper/plan.h"
#include "gatekeeper/work.h"

struct admission {
	struct gatekeeper *gk;
	const struct contract_request *request;
	const struct gk_class *class_;
	char dns_name[CONTRACT_DNS];
	struct placement_input in;
	struct placement_server *servers;
	struct placement_access *access;
	struct in_addr *public_addr;      /* by access index */
	struct placement placement;
};

static void isc_levels(const struct contract_isc *isc, uint64_t level[RESOURCE_MAX + 1])
{
	memset(level, 0, (RESOURCE_MAX + 1) * sizeof(*level));
	level[RESOURCE_CPU] = isc->cpu_shares;
	level[RESOURCE_MEMORY] = isc->memory_kib;
	level[RESOURCE_DISK] = isc->disk_mib;
}

/* ---- names ---- */

static int is_reserved(const struct gk_config *config, const char *label, size_t len)
{
	for (size_t i = 0; i < config->reserved.n; i++)
		if (strlen(config->reserved.item[i]) == len && !strncmp(config->reserved.item[i], label, len))
			return 1;
	return 0;
}

/* Labels of 1 to 63 letters, digits and hyphens, not beginning or ending with a hyphen (RFC 1123, section 2.1). */
static int labels_ok(const char *name, size_t len)
{
	size_t label = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i == len || name[i] == '.') {
			if (!label || label > 63 || name[i - 1] == '-')
				return 0;
			label = 0;
			continue;
		}
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", name[i]) || (!label && name[i] == '-'))
			return 0;
		label++;
	}
	return 1;
}

static int choose_name(struct admission *a, struct problem *problem)
{
	const struct gk_config *config = a->gk->config;
	const char *wanted = a->request->dns_name, *zone = config->zone;
	size_t len, zone_len = strlen(zone), start;

	if (wanted[0])
		snprintf(a->dns_name, sizeof(a->dns_name), "%s", wanted);
	else
		snprintf(a->dns_name, sizeof(a->dns_name), "%s.%s", a->request->name, zone);
	len = strlen(a->dns_name);
	if (len && a->dns_name[len - 1] == '.')
		a->dns_name[--len] = '\0';
	if (len <= zone_len + 1 || strcmp(a->dns_name + len - zone_len, zone) || a->dns_name[len - zone_len - 1] != '.')
		return problem_where(problem, 422, "invalid", "dns", "the DNS name must be under %s", zone);
	len -= zone_len + 1;
	if (!labels_ok(a->dns_name, len) || len + zone_len > 250)
		return problem_where(problem, 400, "invalid", "dns",
				     "the DNS name must be of labels of a-z, 0-9 and -, in lower case");
	for (start = len; start > 0 && a->dns_name[start - 1] != '.'; start--)
		;
	if (is_reserved(config, a->dns_name + start, len - start))
		return problem_where(problem, 409, "name-taken", "name", "\"%.*s\" is reserved",
				     (int)(len - start), a->dns_name + start);
	return 0;
}

static int check_taken(const struct admission *a, struct problem *problem)
{
	struct icorp *icorp;

	for (size_t i = 0; (icorp = icorps_nth(a->gk->icorps, i)); i++) {
		const char *state = icorp->state == LIFE_DELETING ? " and is being deleted" : "";

		if (!life_holds(icorp->state))
			continue;
		if (!strcmp(icorp->contract->dns_name, a->dns_name))
			return problem_where(problem, 409, "name-taken", "name", "ICorp %u has the name \"%s\"%s",
					     icorp->id, a->dns_name, state);
		if (!strcmp(icorp->contract->name, a->request->name) &&
		    !strcmp(icorp->contract->client, a->request->client))
			return problem_where(problem, 409, "name-taken", "name", "ICorp %u is called \"%s\"%s",
					     icorp->id, a->request->name, state);
	}
	return 0;
}

/* ---- what there is ---- */

static int has_image(const struct registration *reg, const char *image)
{
	for (unsigned i = 0; i < reg->n_images; i++)
		if (!strcmp(reg->image[i], image))
			return 1;
	return 0;
}

static void account_server(const struct gatekeeper *gk, const struct element *e, struct placement_server *out)
{
	uint64_t placed[RESOURCE_MAX + 1] = {0}, since[RESOURCE_MAX + 1] = {0};
	struct icorp *icorp;

	for (size_t i = 0; (icorp = icorps_nth(gk->icorps, i)); i++) {
		const struct contract_endpoint *ep = life_holds(icorp->state)
			? contract_endpoint_by_element(icorp->contract, e->reg.name) : NULL;
		uint64_t level[RESOURCE_MAX + 1];

		if (!ep && life_holds(icorp->state) && icorp->next)
			ep = contract_endpoint_by_element(icorp->next, e->reg.name);
		if (!ep || ep->kind != ENDPOINT_SERVER)
			continue;
		isc_levels(&ep->isc, level);
		for (unsigned r = 1; r <= RESOURCE_MAX; r++) {
			placed[r] += level[r];
			since[r] += icorp->posted_us > e->seen_us ? level[r] : 0;
		}
	}
	for (unsigned r = 1; r <= RESOURCE_MAX; r++) {
		const struct reg_resource *have = &e->reg.resource[r];
		uint64_t reported = have->used + since[r];

		out->limited[r] = have->known;
		out->capacity[r] = have->capacity;
		out->used[r] = placed[r] > reported ? placed[r] : reported;
	}
}

static int public_used(const void *ctx, struct in_addr addr)
{
	const struct gatekeeper *gk = ctx;
	struct icorp *icorp;

	for (size_t i = 0; (icorp = icorps_nth(gk->icorps, i)); i++)
		for (unsigned j = 0; life_holds(icorp->state) && j < icorp->contract->n_endpoints; j++)
			if (icorp->contract->endpoints[j].public_addr.s_addr == addr.s_addr)
				return 1;
	return 0;
}

static int prefix_used(const void *ctx, struct prefix prefix)
{
	const struct gatekeeper *gk = ctx;
	struct icorp *icorp;

	for (size_t i = 0; (icorp = icorps_nth(gk->icorps, i)); i++)
		if (life_holds(icorp->state) && prefix_overlaps(icorp->contract->network.prefix, prefix))
			return 1;
	return 0;
}

static void gather(struct admission *a)
{
	struct gatekeeper *gk = a->gk;
	struct element *e;

	for (size_t i = 0; (e = elements_nth(gk->elements, i)); i++) {
		if (e->reg.kind == ELEMENT_SERVER) {
			struct placement_server *s = &a->servers[a->in.n_servers++];

			s->name = e->reg.name;
			s->alive = e->alive;
			s->has_image = has_image(&e->reg, a->in.image);
			account_server(gk, e, s);
		} else if (e->reg.kind == ELEMENT_ACCESS) {
			struct placement_access *s = &a->access[a->in.n_access];

			s->name = e->reg.name;
			s->alive = e->alive;
			s->connected = work_connected(gk->work, e->reg.name);
			s->has_address = e->reg.has_pool && plan_public(e->reg.public_pool, e->last_public, public_used, gk,
									&a->public_addr[a->in.n_access]) == 0;
			a->in.n_access++;
		}
	}
	a->in.servers = a->servers;
	a->in.access = a->access;
}

/* ---- putting it together ---- */

static int compose(struct admission *a, uint32_t id, struct contract **out, struct problem *problem)
{
	struct compose_access access[16];
	struct compose_server servers[CONTRACT_MAX_ENDPOINTS];
	struct compose_input in = {.id = id, .revision = 1, .config = a->gk->config, .class_ = a->class_,
				   .request = a->request, .dns_name = a->dns_name, .n_access = a->placement.n_access,
				   .access = access, .n_servers = a->placement.n_servers, .servers = servers};

	if (plan_icorp(a->gk->config->pool, id, prefix_used, a->gk, &in.prefix) < 0)
		return problem_set(problem, 503, "no-capacity", "the private address pool %s is used up",
				   a->gk->config->private_pool);
	for (unsigned i = 0; i < in.n_access; i++) {
		unsigned at = a->placement.access[i];

		access[i].name = a->access[at].name;
		access[i].public_addr = a->public_addr[at];
		access[i].control = elements_find(a->gk->elements, a->access[at].name)->reg.address;
	}
	for (unsigned i = 0; i < in.n_servers; i++) {
		servers[i].name = a->servers[a->placement.server[i]].name;
		servers[i].control = elements_find(a->gk->elements, servers[i].name)->reg.address;
	}
	return compose_contract(&in, out, problem);
}

/* An address handed out is not the next one's first choice, so it rests when it is given back. */
static void remember_addresses(const struct admission *a)
{
	for (unsigned i = 0; i < a->placement.n_access; i++) {
		unsigned at = a->placement.access[i];

		elements_find(a->gk->elements, a->access[at].name)->last_public = a->public_addr[at];
	}
}

static int admit(struct admission *a, uint32_t id, struct contract **out, struct problem *problem)
{
	if (choose_name(a, problem) < 0 || check_taken(a, problem) < 0)
		return -EINVAL;
	gather(a);
	if (placement_choose(&a->in, &a->placement, problem) < 0 || compose(a, id, out, problem) < 0)
		return -EINVAL;
	remember_addresses(a);
	return 0;
}

int admit_request(struct gatekeeper *gk, uint32_t id, const struct contract_request *request, struct contract **out,
		  struct problem *problem)
{
	struct admission a = {.gk = gk, .request = request};
	size_t n = elements_count(gk->elements) + 1;
	int err;

	a.class_ = gk_config_class(gk->config, request->class_name);
	if (!a.class_)
		return problem_where(problem, 422, "unknown-class", "class", "there is no class \"%s\"",
				     request->class_name);
	if (icorps_count(gk->icorps) >= (size_t)gk->config->max_icorps)
		return problem_set(problem, 503, "no-capacity", "there are %d ICorps; no more are taken",
				   (int)gk->config->max_icorps);
	a.in.request = request;
	a.in.image = request->image[0] ? request->image : a.class_->image;
	a.in.need[RESOURCE_CPU] = (uint64_t)a.class_->cpu;
	a.in.need[RESOURCE_MEMORY] = a.class_->memory / 1024;
	a.in.need[RESOURCE_DISK] = a.class_->disk / (1024 * 1024);
	a.servers = calloc(n, sizeof(*a.servers));
	a.access = calloc(n, sizeof(*a.access));
	a.public_addr = calloc(n, sizeof(*a.public_addr));
	err = a.servers && a.access && a.public_addr ? admit(&a, id, out, problem)
						     : problem_set(problem, 503, "out-of-memory", "out of memory");
	free(a.servers);
	free(a.access);
	free(a.public_addr);
	return err;
}
