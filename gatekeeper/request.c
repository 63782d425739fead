/*
 * The three readers of request.h. XML goes to the contract library; the others check each field here, and the composed
 * contract is checked as a whole by contract_seal() anyway.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/input.h"
#include "gatekeeper/request.h"
#include "lib/mac.h"

int request_from_xml(const char *text, size_t len, struct contract_request *out, struct problem *problem)
{
	struct contract_error error = {0};
	int err;

	memset(out, 0, sizeof(*out));
	err = contract_request_parse(text, len, out, &error);
	if (!err)
		return 0;
	problem_where(problem, err == -E2BIG ? 413 : err == -ENOMEM ? 503 : 400, err == -E2BIG ? "too-large" : "invalid",
		      error.element, "%s", error.text[0] ? error.text : "not a request");
	problem->line = error.line;
	return -EINVAL;
}

static int json_service(json_t *item, struct contract_request *out, struct problem *problem)
{
	struct contract_service *service = &out->services[out->n_services];
	uint64_t port = 0, target;
	char protocol[8];

	if (input_name(item, "name", service->name, sizeof(service->name), 1, problem) < 0 ||
	    input_string(item, "protocol", protocol, sizeof(protocol), 0, problem) < 0 ||
	    input_uint(item, "port", 65535, &port, problem) < 0)
		return -EINVAL;
	target = port;
	if (input_uint(item, "target_port", 65535, &target, problem) < 0)
		return -EINVAL;
	if (!port || !target)
		return problem_where(problem, 400, "invalid", "port", "a service needs a port from 1 to 65535");
	if (protocol[0] && strcmp(protocol, "tcp") && strcmp(protocol, "udp"))
		return problem_where(problem, 400, "invalid", "protocol", "protocol is tcp or udp");
	service->protocol = strcmp(protocol, "udp") ? SERVICE_TCP : SERVICE_UDP;
	service->port = (uint16_t)port;
	service->target_port = (uint16_t)target;
	out->n_services++;
	return 0;
}

static int set_source(struct contract_app *app, const char *digest, struct problem *problem)
{
	if (!app->url[0] && !digest[0])
		return 0;
	if (strncmp(app->url, "http://", 7) && strncmp(app->url, "https://", 8))
		return problem_where(problem, 400, "invalid", "url", "the application's url is to be http:// or https://");
	if (hex_decode(digest, app->sha256, SHA256_SIZE) < 0)
		return problem_where(problem, 400, "invalid", "sha256",
				     "the url needs the sha256 of what it yields, 64 hex digits");
	return 0;
}

static int json_app(json_t *item, struct contract_request *out, struct problem *problem)
{
	struct contract_app *app = &out->apps[out->n_apps];
	char digest[2 * SHA256_SIZE + 1];
	json_t *args, *arg;
	size_t i;

	if (input_name(item, "name", app->name, sizeof(app->name), 1, problem) < 0 ||
	    input_string(item, "url", app->url, sizeof(app->url), 0, problem) < 0 ||
	    input_string(item, "sha256", digest, sizeof(digest), 0, problem) < 0 ||
	    set_source(app, digest, problem) < 0 ||
	    input_array(item, "args", CONTRACT_MAX_ARGS, &args, problem) < 0)
		return -EINVAL;
	out->n_apps++;
	json_array_foreach(args, i, arg) {
		char text[256];

		if (!json_is_string(arg) || strlen(json_string_value(arg)) != json_string_length(arg) ||
		    input_text(json_string_value(arg), text, sizeof(text)) < 0)
			return problem_where(problem, 400, "invalid", "args", "args are strings of at most 255 characters");
		app->arg[app->n_args] = strdup(text);
		if (!app->arg[app->n_args])
			return problem_set(problem, 503, "out-of-memory", "out of memory");
		app->n_args++;
	}
	return 0;
}

static int json_names(json_t *root, const char *key, char names[16][CONTRACT_NAME], unsigned *n,
		      struct problem *problem)
{
	json_t *list, *item;
	size_t i;

	if (input_array(root, key, 16, &list, problem) < 0)
		return -EINVAL;
	json_array_foreach(list, i, item) {
		const char *text = json_string_value(item);

		if (!text || !input_is_name(text, CONTRACT_NAME))
			return problem_where(problem, 400, "invalid", key, "\"%s\" is a list of names", key);
		strcpy(names[(*n)++], text);
	}
	return 0;
}

static int json_limits(json_t *root, struct contract_limits *limits, struct problem *problem)
{
	json_t *object;

	if (input_object(root, "limits", &object, problem) < 0)
		return -EINVAL;
	for (unsigned r = 1; object && r <= RESOURCE_MAX; r++)
		if (input_uint(object, resource_name((enum resource)r), INT64_MAX, &limits->max[r], problem) < 0)
			return -EINVAL;
	return object ? input_uint(object, "budget_micro", INT64_MAX, &limits->budget_micro, problem) : 0;
}

static int json_lists(json_t *root, struct contract_request *out, struct problem *problem)
{
	json_t *list, *item;
	size_t i;

	if (input_array(root, "services", CONTRACT_MAX_SERVICES, &list, problem) < 0)
		return -EINVAL;
	json_array_foreach(list, i, item) {
		if (json_service(item, out, problem) < 0)
			return -EINVAL;
	}
	if (input_array(root, "apps", CONTRACT_MAX_APPS, &list, problem) < 0)
		return -EINVAL;
	json_array_foreach(list, i, item) {
		if (json_app(item, out, problem) < 0)
			return -EINVAL;
	}
	return json_names(root, "named_servers", out->named_server, &out->n_named_servers, problem) < 0 ||
	       json_names(root, "access", out->access, &out->n_access, problem) < 0 ? -EINVAL : 0;
}

static int json_root(json_t *root, struct contract_request *out, struct problem *problem)
{
	uint64_t servers = 0, lifetime = 0;

	if (input_name(root, "name", out->name, sizeof(out->name), 1, problem) < 0 ||
	    input_name(root, "class", out->class_name, sizeof(out->class_name), 1, problem) < 0 ||
	    input_name(root, "client", out->client, sizeof(out->client), 0, problem) < 0 ||
	    input_name(root, "image", out->image, sizeof(out->image), 0, problem) < 0 ||
	    input_string(root, "dns_name", out->dns_name, sizeof(out->dns_name), 0, problem) < 0 ||
	    input_uint(root, "servers", CONTRACT_MAX_ENDPOINTS, &servers, problem) < 0 ||
	    input_uint(root, "lifetime_s", UINT32_MAX, &lifetime, problem) < 0 ||
	    json_limits(root, &out->limits, problem) < 0 || json_lists(root, out, problem) < 0)
		return -EINVAL;
	if (!out->n_services)
		return problem_where(problem, 400, "invalid", "services", "at least one service is needed");
	out->servers = (unsigned)servers;
	out->lifetime_s = (uint32_t)lifetime;
	return 0;
}

int request_from_json(const char *text, size_t len, struct contract_request *out, struct problem *problem)
{
	json_t *root;
	int err;

	memset(out, 0, sizeof(*out));
	root = input_json(text, len, problem);
	if (!root)
		return -EINVAL;
	err = json_root(root, out, problem);
	json_decref(root);
	if (err < 0)
		contract_request_clear(out);
	return err;
}

static int form_text(const struct form *form, const char *field, char *out, size_t room, int is_name,
		     struct problem *problem)
{
	const char *value = form_value(form, field, 0);

	if (!value || !*value)
		return 0;
	if (input_text(value, out, room) < 0 || (is_name && !input_is_name(value, room)))
		return problem_where(problem, 400, "invalid", field, "\"%s\" is not a name of a-z, 0-9 and -", field);
	return 0;
}

static int form_number(const struct form *form, const char *field, uint64_t max, uint64_t *out,
		       struct problem *problem)
{
	const char *value = form_value(form, field, 0);

	if (!value || !*value)
		return 0;
	if (input_number(value, max, out) < 0)
		return problem_where(problem, 400, "invalid", field, "\"%s\" must be a whole number up to %llu", field,
				     (unsigned long long)max);
	return 0;
}

static int form_names(const struct form *form, const char *field, char names[16][CONTRACT_NAME], unsigned *n,
		      struct problem *problem)
{
	const char *value;

	for (unsigned i = 0; (value = form_value(form, field, i)); i++) {
		if (!*value)
			continue;
		if (*n == 16 || !input_is_name(value, CONTRACT_NAME))
			return problem_where(problem, 400, "invalid", field, "\"%s\" takes at most 16 names", field);
		strcpy(names[(*n)++], value);
	}
	return 0;
}

static int form_service(const struct form *form, struct contract_request *out, struct problem *problem)
{
	struct contract_service *service = &out->services[0];
	const char *protocol = form_value(form, "protocol", 0);
	uint64_t port = 80, target;

	strcpy(service->name, "web");
	if (form_text(form, "service", service->name, sizeof(service->name), 1, problem) < 0 ||
	    form_number(form, "port", 65535, &port, problem) < 0)
		return -EINVAL;
	target = port;
	if (form_number(form, "target", 65535, &target, problem) < 0)
		return -EINVAL;
	if (!port || !target)
		return problem_where(problem, 400, "invalid", "port", "a port is 1 to 65535");
	service->protocol = protocol && !strcmp(protocol, "udp") ? SERVICE_UDP : SERVICE_TCP;
	service->port = (uint16_t)port;
	service->target_port = (uint16_t)target;
	out->n_services = 1;
	return 0;
}

static int form_app(const struct form *form, struct contract_request *out, struct problem *problem)
{
	struct contract_app *app = &out->apps[0];
	char digest[2 * SHA256_SIZE + 1] = "";

	if (form_text(form, "app", app->name, sizeof(app->name), 1, problem) < 0 ||
	    form_text(form, "url", app->url, sizeof(app->url), 0, problem) < 0 ||
	    form_text(form, "sha256", digest, sizeof(digest), 0, problem) < 0)
		return -EINVAL;
	if (!app->name[0] && !app->url[0])
		return 0;
	if (!app->name[0])
		strcpy(app->name, "own");
	out->n_apps = 1;
	return set_source(app, digest, problem);
}

static int form_root(const struct form *form, struct contract_request *out, struct problem *problem)
{
	uint64_t servers = 1, lifetime = 0;

	if (form_text(form, "name", out->name, sizeof(out->name), 1, problem) < 0 ||
	    form_text(form, "class", out->class_name, sizeof(out->class_name), 1, problem) < 0 ||
	    form_text(form, "client", out->client, sizeof(out->client), 1, problem) < 0 ||
	    form_text(form, "image", out->image, sizeof(out->image), 1, problem) < 0 ||
	    form_text(form, "dns", out->dns_name, sizeof(out->dns_name), 0, problem) < 0 ||
	    form_number(form, "servers", CONTRACT_MAX_ENDPOINTS, &servers, problem) < 0 ||
	    form_number(form, "lifetime", UINT32_MAX, &lifetime, problem) < 0 ||
	    form_names(form, "server", out->named_server, &out->n_named_servers, problem) < 0 ||
	    form_names(form, "access", out->access, &out->n_access, problem) < 0 ||
	    form_service(form, out, problem) < 0 || form_app(form, out, problem) < 0)
		return -EINVAL;
	if (!out->name[0])
		return problem_where(problem, 400, "invalid", "name", "the ICorp needs a name");
	if (!out->class_name[0])
		return problem_where(problem, 400, "invalid", "class", "choose a class");
	out->servers = (unsigned)servers;
	out->lifetime_s = (uint32_t)lifetime;
	return 0;
}

int request_from_form(const struct form *form, struct contract_request *out, struct problem *problem)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = form_root(form, out, problem);
	if (err < 0)
		contract_request_clear(out);
	return err;
}
