/*
 * The agent's control socket (RUNDIR/agent.sock): what libicorp and icorpctl ask. `more` and `less` answer when the
 * demand is closed; `watch SERIAL` answers when something differs from SERIAL, or after WATCH_US with the same, so that
 * neither end has to guess whether the other is alive.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/daemon_parts.h"
#include "agent/show.h"
#include "lib/clock.h"
#include "lib/control.h"
#include "lib/loop.h"
#include "lib/writer.h"

#define WATCH_US (20 * CLOCK_S)

static void write_answer(struct agentd *d, enum icorp_resource resource, struct writer *w)
{
	show_demand(w, &d->agent.demand[resource]);
	show_price(w, &d->agent.price);
}

static int parse_steps(const char *text, unsigned *steps)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !n || n > DEMAND_MAX_STEPS)
		return -EINVAL;
	*steps = (unsigned)n;
	return 0;
}

/* The words before the colon are libicorp's (client_parse.c). */
static int fail_demand(struct control_reply *reply, int r, const char *resource)
{
	if (r == -EBUSY)
		control_fail(reply, "busy: a demand for %s is under way; wait for its answer", resource);
	else if (r == -ENOTCONN)
		control_fail(reply, "not reserved: no Path from the host's controller, or the application is not up yet");
	else
		control_fail(reply, "%s: can't be asked for", resource);
	return r;
}

static int demand(struct agentd *d, int direction, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct agent_actions actions = { 0 };
	enum icorp_resource resource;
	unsigned steps = 1;
	int r;

	if (icorp_resource_parse(argv[0], &resource)) {
		control_fail(reply, "%s: no such resource; must be cpu, memory, bandwidth or disk", argv[0]);
		return -EINVAL;
	}
	if (argc > 1 && parse_steps(argv[1], &steps)) {
		control_fail(reply, "%s: must be a number of steps from 1 to %d", argv[1], DEMAND_MAX_STEPS);
		return -EINVAL;
	}
	r = agent_demand(&d->agent, resource, direction, steps, clock_now_us(), clock_wall_us() / CLOCK_S, &actions);
	if (r)
		return fail_demand(reply, r, argv[0]);
	d->demand_wait[resource] = (struct agentd_wait){ reply, w, 0 };
	agentd_demand(d, &actions);
	return CONTROL_LATER;
}

static int command_more(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	return demand(ctx, +1, argc, argv, w, reply);
}

static int command_less(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	return demand(ctx, -1, argc, argv, w, reply);
}

static int command_status(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct agentd *d = ctx;

	show_status(w, &d->agent);
	return 0;
}

static int command_price(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct agentd *d = ctx;

	show_price(w, &d->agent.price);
	return 0;
}

static int command_apps(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct agentd *d = ctx;

	show_apps(w, &d->apps, clock_now_us());
	return 0;
}

static int command_policy(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct agentd *d = ctx;

	show_policy(w, &d->agent.policy, clock_now_us());
	return 0;
}

static int command_counters(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct agentd *d = ctx;

	show_counters(w, &d->agent, &d->link, &d->measure);
	return 0;
}

static int command_watch(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct agentd *d = ctx;
	struct agent_actions nothing = { 0 };

	if (!argc || strtoull(argv[0], NULL, 10) != d->agent.serial) {
		show_status(w, &d->agent);
		return 0;
	}
	for (unsigned i = 0; i < AGENTD_WATCHERS; i++) {
		if (d->watch[i].reply)
			continue;
		d->watch[i] = (struct agentd_wait){ reply, w, clock_now_us() + WATCH_US };
		agentd_demand(d, &nothing); /* the timer has one more deadline */
		return CONTROL_LATER;
	}
	control_fail(reply, "more than %d watch already", AGENTD_WATCHERS);
	return -EMFILE;
}

static const struct control_command commands[] = {
	{ "status", "", "how this ISC stands: levels, price, last grants", 0, 0, command_status },
	{ "more", "cpu|memory|bandwidth|disk [STEPS]", "ask for more of a resource", 1, 2, command_more },
	{ "less", "cpu|memory|bandwidth|disk [STEPS]", "ask for less of a resource", 1, 2, command_less },
	{ "price", "", "what this ICorp costs now", 0, 0, command_price },
	{ "watch", "[SERIAL]", "the status, once its serial is another than SERIAL", 0, 1, command_watch },
	{ "show apps", "", "the applications and how they are", 0, 0, command_apps },
	{ "show policy", "", "what the thermostat sees and waits for", 0, 0, command_policy },
	{ "show counters", "", "messages and demands so far", 0, 0, command_counters },
	{ .words = NULL },
};

static void finish(struct agentd_wait *wait, const char *error)
{
	struct control_reply *reply = wait->reply;

	memset(wait, 0, sizeof(*wait));
	control_done(reply, error);
}

void commands_answered(struct agentd *d, enum icorp_resource resource)
{
	struct agentd_wait *wait = &d->demand_wait[resource];

	if (!wait->reply)
		return; /* the thermostat's own */
	write_answer(d, resource, wait->w);
	finish(wait, NULL);
}

static void answer_watch(struct agentd *d, struct agentd_wait *wait)
{
	show_status(wait->w, &d->agent);
	finish(wait, NULL);
}

void commands_changed(struct agentd *d)
{
	for (unsigned i = 0; i < AGENTD_WATCHERS; i++)
		if (d->watch[i].reply)
			answer_watch(d, &d->watch[i]);
}

void commands_tick(struct agentd *d, uint64_t now_us)
{
	for (unsigned i = 0; i < AGENTD_WATCHERS; i++)
		if (d->watch[i].reply && d->watch[i].until_us <= now_us)
			answer_watch(d, &d->watch[i]);
}

uint64_t commands_deadline(const struct agentd *d)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < AGENTD_WATCHERS; i++)
		if (d->watch[i].reply && d->watch[i].until_us < next)
			next = d->watch[i].until_us;
	return next;
}

int commands_open(struct agentd *d)
{
	char path[300];
	int r;

	snprintf(path, sizeof(path), "%s/agent.sock", d->options->run_dir);
	r = control_listen(loop_base(d->loop), path, commands, d, 0, &d->control);
	if (r) {
		log_icorp(LOG_LEVEL_ERROR, d->boot->icorp, "%s: %s", path, strerror(-r));
		return r;
	}
	/* every user of this ISC may ask: it is the client's own machine */
	if (chmod(path, 0666))
		log_icorp(LOG_LEVEL_WARN, d->boot->icorp, "%s: %s", path, strerror(errno));
	return 0;
}

void commands_end(struct agentd *d)
{
	for (unsigned r = 0; r <= ICORP_RESOURCES; r++)
		if (d->demand_wait[r].reply)
			finish(&d->demand_wait[r], "the ISC's controller ends");
	for (unsigned i = 0; i < AGENTD_WATCHERS; i++)
		if (d->watch[i].reply)
			finish(&d->watch[i], "the ISC's controller ends");
}

void commands_close(struct agentd *d)
{
	commands_end(d);
	if (d->control)
		control_close(d->control);
}
