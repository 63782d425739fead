/*
 * The choice behind placement.h. Servers are spread: each ISC goes to the server that keeps the largest share of its
 * scarcest resource free afterwards, never two of one ICorp to the same server (an endpoint is an element). Named
 * servers and access routers are taken as named or refused; unnamed access routers are all that are alive.
 */
#include <errno.h>
#include <string.h>

#include "gatekeeper/placement.h"

/* What would be left of the scarcest resource, in millionths of its capacity; -1 when it does not fit. */
static int64_t left_after(const struct placement_input *in, const struct placement_server *s, enum resource *scarce)
{
	int64_t least = 1000000;

	for (unsigned r = 1; r <= RESOURCE_MAX; r++) {
		uint64_t free_level;
		int64_t left;

		if (!s->limited[r] || !in->need[r])
			continue;
		free_level = s->capacity[r] > s->used[r] ? s->capacity[r] - s->used[r] : 0;
		*scarce = (enum resource)r;
		if (free_level < in->need[r])
			return -1;
		left = (int64_t)((double)(free_level - in->need[r]) * 1e6 / (double)s->capacity[r]);
		if (left < least)
			least = left;
	}
	return least;
}

static int chosen(const struct placement *p, unsigned server)
{
	for (unsigned i = 0; i < p->n_servers; i++)
		if (p->server[i] == server)
			return 1;
	return 0;
}

static int choose_named(const struct placement_input *in, struct placement *out, struct problem *problem)
{
	for (unsigned i = 0; i < in->request->n_named_servers; i++) {
		const char *name = in->request->named_server[i];
		const struct placement_server *s = NULL;
		enum resource scarce = RESOURCE_CPU;
		unsigned at;

		for (at = 0; at < in->n_servers && !s; at++)
			if (!strcmp(in->servers[at].name, name))
				s = &in->servers[at--];
		if (!s)
			return problem_element(problem, 422, "no-such-server", name, "no server is called \"%s\"", name);
		if (chosen(out, at))
			return problem_element(problem, 422, "no-such-server", name, "server \"%s\" is named twice", name);
		if (!s->alive)
			return problem_element(problem, 503, "no-capacity", name, "server \"%s\" is not answering", name);
		if (!s->has_image)
			return problem_element(problem, 422, "no-such-image", name, "server \"%s\" has no image \"%s\"",
					       name, in->image);
		if (left_after(in, s, &scarce) < 0)
			return problem_element(problem, 503, "no-capacity", name, "server \"%s\" has not enough %s left",
					       name, resource_name(scarce));
		out->server[out->n_servers++] = at;
	}
	return 0;
}

/* Why nothing more could be chosen: the most telling of the reasons. */
static int no_room(const struct placement_input *in, const struct placement *out, unsigned want,
		   struct problem *problem)
{
	unsigned alive = 0, with_image = 0;
	enum resource scarce = RESOURCE_CPU;
	const char *full = "";

	for (unsigned i = 0; i < in->n_servers; i++) {
		const struct placement_server *s = &in->servers[i];
		enum resource r = RESOURCE_CPU;

		alive += !!s->alive;
		with_image += s->alive && s->has_image;
		if (s->alive && s->has_image && !chosen(out, i) && left_after(in, s, &r) < 0) {
			full = s->name;
			scarce = r;
		}
	}
	if (with_image < want)
		return problem_set(problem, 503, "no-capacity",
				   "%u servers are wanted; %u are alive, %u of them have the image \"%s\"", want, alive,
				   with_image, in->image);
	return problem_element(problem, 503, "no-capacity", full,
			       "%u servers are wanted, %u have room; server \"%s\" has not enough %s left", want,
			       out->n_servers, full, resource_name(scarce));
}

static int choose_spread(const struct placement_input *in, struct placement *out, struct problem *problem)
{
	unsigned want = in->request->servers ? in->request->servers : 1;

	if (want > CONTRACT_MAX_ENDPOINTS - 16)
		return problem_set(problem, 422, "invalid", "%u servers are too many; at most %d", want,
				   CONTRACT_MAX_ENDPOINTS - 16);
	while (out->n_servers < want) {
		int64_t best = -1;
		unsigned at = 0;

		for (unsigned i = 0; i < in->n_servers; i++) {
			enum resource scarce;
			int64_t left;

			if (!in->servers[i].alive || !in->servers[i].has_image || chosen(out, i))
				continue;
			left = left_after(in, &in->servers[i], &scarce);
			if (left > best) {
				best = left;
				at = i;
			}
		}
		if (best < 0)
			return no_room(in, out, want, problem);
		out->server[out->n_servers++] = at;
	}
	return 0;
}

static int add_access(const struct placement_input *in, unsigned at, struct placement *out, struct problem *problem)
{
	const struct placement_access *a = &in->access[at];

	for (unsigned i = 0; i < out->n_access; i++)
		if (out->access[i] == at)
			return problem_element(problem, 422, "no-such-access-router", a->name,
					       "access router \"%s\" is named twice", a->name);
	if (!a->alive)
		return problem_element(problem, 503, "no-capacity", a->name, "access router \"%s\" is not answering",
				       a->name);
	if (!a->has_address)
		return problem_element(problem, 503, "no-capacity", a->name,
				       "access router \"%s\" has no public address left", a->name);
	out->access[out->n_access++] = at;
	return 0;
}

static int choose_access(const struct placement_input *in, struct placement *out, struct problem *problem)
{
	const struct contract_request *request = in->request;

	for (unsigned i = 0; i < request->n_access; i++) {
		unsigned at;

		for (at = 0; at < in->n_access; at++)
			if (!strcmp(in->access[at].name, request->access[i]))
				break;
		if (at == in->n_access)
			return problem_element(problem, 422, "no-such-access-router", request->access[i],
					       "no access router is called \"%s\"", request->access[i]);
		if (add_access(in, at, out, problem) < 0)
			return -EINVAL;
	}
	if (request->n_access)
		return 0;
	for (int connected = 1; connected >= 0; connected--)
		for (unsigned i = 0; i < in->n_access && out->n_access < 16; i++)
			if (in->access[i].alive && in->access[i].has_address && in->access[i].connected == connected)
				out->access[out->n_access++] = i;
	if (!out->n_access)
		return problem_set(problem, 503, "no-capacity", "no access router is alive with a public address left");
	return 0;
}

int placement_choose(const struct placement_input *in, struct placement *out, struct problem *problem)
{
	memset(out, 0, sizeof(*out));
	if (choose_access(in, out, problem) < 0)
		return -EINVAL;
	return in->request->n_named_servers ? choose_named(in, out, problem) : choose_spread(in, out, problem);
}
