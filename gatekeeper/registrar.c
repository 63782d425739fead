/*
 * The elements' calls: register, hold a work stream, report. An element's token is for its own name only.
 */
#include <string.h>

#include "gatekeeper/elements.h"
#include "gatekeeper/handlers.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/registration.h"
#include "gatekeeper/report.h"
#include "gatekeeper/server.h"
#include "gatekeeper/work.h"
#include "lib/clock.h"

static int is_itself(struct call *call, const char *name)
{
	if (!strcmp(call->who.name, name))
		return 1;
	call->gk->counts.refused_auth++;
	server_refuse(call, 403, "forbidden", "this token is %s's, not %.60s's", call->who.name, name);
	return 0;
}

static json_t *seconds_json(uint64_t us)
{
	return us % CLOCK_S ? json_real((double)us / (double)CLOCK_S) : json_integer((json_int_t)(us / CLOCK_S));
}

void registrar_register(struct call *call)
{
	struct registration reg;
	struct problem problem;
	int err;

	if (registration_parse(call->body, call->len, &reg, &problem) < 0) {
		server_answer_problem(call, &problem);
		return;
	}
	if (!is_itself(call, reg.name)) {
		registration_clear(&reg);
		return;
	}
	call->gk->counts.registrations++;
	err = elements_register(call->gk->elements, &reg, &problem);
	registration_clear(&reg);
	if (err < 0) {
		server_answer_problem(call, &problem);
		return;
	}
	server_answer_json(call, 200, json_pack("{s:o}", "heartbeat_s", seconds_json(call->gk->config->heartbeat)));
}

/* The element in the path, when it is the caller's own and has registered; else the call is answered. */
static const struct element *own_element(struct call *call)
{
	const struct element *e;

	if (!is_itself(call, call->arg[0]))
		return NULL;
	e = elements_find(call->gk->elements, call->arg[0]);
	if (!e)
		server_refuse(call, 404, "no-such-element", "%s has never registered: POST /v1/elements first",
			      call->arg[0]);
	return e;
}

void registrar_work(struct call *call)
{
	if (own_element(call))
		work_open(call->gk->work, call->request, call->arg[0]);
}

void registrar_report(struct call *call)
{
	struct problem problem;
	struct report report;
	int err;

	if (!own_element(call))
		return;
	if (report_parse(call->body, call->len, &report, &problem) < 0) {
		server_answer_problem(call, &problem);
		return;
	}
	call->gk->counts.reports++;
	err = icorps_report(call->gk->icorps, call->arg[0], &report, &problem);
	report_clear(&report);
	if (err < 0)
		server_answer_problem(call, &problem);
	else
		server_answer_json(call, 200, json_object());
}
