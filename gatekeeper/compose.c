/*
 * Composing contracts (compose.h): the class gives the terms, the request the services and applications, the placement
 * the endpoints, the address plan their addresses. contract_seal() has the last word on whether it is a contract.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/compose.h"
#include "gatekeeper/plan.h"

static uint64_t smaller_limit(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

void compose_class(const struct gk_config *config, const struct gk_class *class_, struct contract *c)
{
	c->network.rate_bps = class_->rate;
	c->network.ceil_bps = class_->ceil ? class_->ceil : class_->rate;
	c->network.priority = (uint8_t)class_->priority;
	c->network.capacity = gk_class_capacity(class_);
	c->setup_priority = (uint8_t)class_->setup;
	c->holding_priority = (uint8_t)class_->holding;
	c->limits.max[RESOURCE_BANDWIDTH] = smaller_limit(c->limits.max[RESOURCE_BANDWIDTH], class_->max_bandwidth);
	c->limits.max[RESOURCE_CPU] = smaller_limit(c->limits.max[RESOURCE_CPU], (uint64_t)class_->max_cpu);
	c->limits.max[RESOURCE_MEMORY] = smaller_limit(c->limits.max[RESOURCE_MEMORY], class_->max_memory / 1024);
	memcpy(c->prices.currency, config->currency, sizeof(c->prices.currency));
	c->prices.interval_s = (uint32_t)(config->price_interval / 1000000);
	c->prices.per[RESOURCE_BANDWIDTH].unit = 1000000;
	c->prices.per[RESOURCE_BANDWIDTH].micro = (uint64_t)class_->price_bandwidth;
	c->prices.per[RESOURCE_CPU].unit = 1024;
	c->prices.per[RESOURCE_CPU].micro = (uint64_t)class_->price_cpu;
	c->prices.per[RESOURCE_MEMORY].unit = 1024;
	c->prices.per[RESOURCE_MEMORY].micro = (uint64_t)class_->price_memory;
	c->prices.per[RESOURCE_DISK].unit = 1024;
	c->prices.per[RESOURCE_DISK].micro = (uint64_t)class_->price_disk;
}

void compose_levels(const struct gk_class *class_, struct contract_isc *isc)
{
	isc->cpu_shares = (uint64_t)class_->cpu;
	isc->cpu_quota_us = (uint64_t)class_->quota_us;
	isc->memory_kib = class_->memory / 1024;
}

static void set_terms(const struct compose_input *in, struct contract *c)
{
	c->network.prefix = in->prefix;
	c->lifetime_s = in->request->lifetime_s;
	c->limits = in->request->limits;
	compose_class(in->config, in->class_, c);
}

static void set_isc(const struct compose_input *in, struct contract_isc *isc)
{
	const char *image = in->request->image[0] ? in->request->image : in->class_->image;

	snprintf(isc->image, sizeof(isc->image), "%s", image);
	compose_levels(in->class_, isc);
	isc->disk_mib = in->class_->disk / (1024 * 1024);
	isc->vcpus = (unsigned)in->class_->vcpus;
}

static int set_endpoints(const struct compose_input *in, struct contract *c)
{
	struct prefix access, servers;

	c->subnets = calloc(2, sizeof(*c->subnets));
	c->endpoints = calloc(in->n_access + in->n_servers, sizeof(*c->endpoints));
	if (!c->subnets || !c->endpoints)
		return -ENOMEM;
	plan_split(in->prefix, &access, &servers);
	c->n_subnets = 2;
	c->subnets[0].prefix = access;
	strcpy(c->subnets[0].name, "access");
	c->subnets[1].prefix = servers;
	strcpy(c->subnets[1].name, "servers");
	for (unsigned i = 0; i < in->n_access; i++) {
		struct contract_endpoint *e = &c->endpoints[c->n_endpoints++];

		e->kind = ENDPOINT_ACCESS;
		e->leader = i == 0;
		snprintf(e->element, sizeof(e->element), "%s", in->access[i].name);
		e->control = in->access[i].control;
		e->public_addr = in->access[i].public_addr;
		e->private_addr = prefix_nth(access, i + 1);
		strcpy(e->subnet, "access");
	}
	for (unsigned i = 0; i < in->n_servers; i++) {
		struct contract_endpoint *e = &c->endpoints[c->n_endpoints++];

		e->kind = ENDPOINT_SERVER;
		snprintf(e->element, sizeof(e->element), "%s", in->servers[i].name);
		e->control = in->servers[i].control;
		e->private_addr = prefix_nth(servers, i + 1);
		strcpy(e->subnet, "servers");
		set_isc(in, &e->isc);
	}
	return 0;
}

static int set_apps(const struct contract_request *r, struct contract *c)
{
	for (unsigned i = 0; i < r->n_apps; i++) {
		struct contract_app *app = &c->apps[i];

		*app = r->apps[i];
		app->n_args = 0;
		memset(app->arg, 0, sizeof(app->arg));
		c->n_apps++;
		for (unsigned j = 0; j < r->apps[i].n_args; j++) {
			app->arg[j] = strdup(r->apps[i].arg[j]);
			if (!app->arg[j])
				return -ENOMEM;
			app->n_args++;
		}
	}
	return 0;
}

int compose_contract(const struct compose_input *in, struct contract **out, struct problem *problem)
{
	const struct contract_request *r = in->request;
	struct contract *c = contract_new();
	struct contract_error error = {0};

	if (!c)
		return problem_set(problem, 503, "out-of-memory", "out of memory");
	c->id = in->id;
	c->revision = in->revision;
	memcpy(c->client, r->client, sizeof(c->client));
	memcpy(c->name, r->name, sizeof(c->name));
	memcpy(c->class_name, r->class_name, sizeof(c->class_name));
	snprintf(c->dns_name, sizeof(c->dns_name), "%s", in->dns_name);
	set_terms(in, c);
	c->n_services = r->n_services;
	memcpy(c->services, r->services, sizeof(c->services));
	if (in->n_access > PLAN_SUBNET_HOSTS || in->n_servers > PLAN_SUBNET_HOSTS) {
		contract_unref(c);
		return problem_set(problem, 422, "invalid", "an ICorp has at most %d servers", PLAN_SUBNET_HOSTS);
	}
	if (set_endpoints(in, c) < 0 || set_apps(r, c) < 0) {
		contract_unref(c);
		return problem_set(problem, 503, "out-of-memory", "out of memory");
	}
	if (contract_seal(c, &error) < 0) {
		contract_unref(c);
		return problem_where(problem, 400, "invalid", error.element, "%s", error.text); /* the line is not theirs */
	}
	*out = c;
	return 0;
}
