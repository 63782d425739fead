/*
 * Matching of methods and paths (route.h), segment by segment.
 */
#include <stdio.h>
#include <string.h>

#include "gatekeeper/form.h"
#include "gatekeeper/route.h"

static int match(const char *pattern, const char *path, char args[ROUTE_ARGS][ROUTE_ARG])
{
	unsigned n_args = 0;

	while (*pattern == '/' && *path == '/') {
		size_t want = strcspn(++pattern, "/"), have = strcspn(++path, "/");

		if (want == 1 && *pattern == ':') {
			if (!have || n_args == ROUTE_ARGS ||
			    form_decode(path, have, args[n_args], ROUTE_ARG, 0) < 0 || strchr(args[n_args], '/'))
				return 0;
			n_args++;
		} else if (want != have || strncmp(pattern, path, want)) {
			return 0;
		}
		pattern += want;
		path += have;
	}
	return !*pattern && !*path;
}

static void add_method(char *allow, size_t room, const char *method)
{
	size_t used = strlen(allow);

	snprintf(allow + used, room - used, "%s%s%s", used ? ", " : "", method, strcmp(method, "GET") ? "" : ", HEAD");
}

enum route_result route_find(const struct route *routes, const char *method, const char *path,
			     const struct route **out, char args[ROUTE_ARGS][ROUTE_ARG], char *allow, size_t room)
{
	const char *wanted = strcmp(method, "HEAD") ? method : "GET";

	allow[0] = '\0';
	for (const struct route *r = routes; r->method; r++) {
		memset(args, 0, ROUTE_ARGS * ROUTE_ARG);
		if (!match(r->pattern, path, args))
			continue;
		if (!strcmp(r->method, wanted)) {
			*out = r;
			return ROUTE_FOUND;
		}
		add_method(allow, room, r->method);
	}
	return allow[0] ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}
