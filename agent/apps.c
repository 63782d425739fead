/*
 * The supervisor's states:
 *
 *     WAITING --due--> STARTING --exec--> RUNNING --dies--> WAITING (backoff 100 ms, doubling to 30 s)
 *                         |--wrong digest--> REFUSED
 *     any with a process --apps_stop--> STOPPING --dies--> STOPPED (killed after a grace)
 *
 * The backoff is forgotten once an application has run for 10 s. An application that ends by itself, with whatever
 * status, is started again: an ICorp's service is not supposed to end.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/apps.h"
#include "lib/clock.h"
#include "lib/log.h"

#define BACKOFF_FIRST_US (100 * CLOCK_MS)
#define BACKOFF_MAX_US (30 * CLOCK_S)
#define STEADY_US (10 * CLOCK_S)
#define GRACE_US (5 * CLOCK_S)

const char *app_state_name(enum app_state state)
{
	static const char *const names[] = { "waiting", "starting", "running", "refused", "stopping", "stopped" };

	return state <= APP_STOPPED ? names[state] : "?";
}

static void set_state(struct apps *apps, struct app *app, enum app_state state, uint64_t now_us)
{
	if (app->state != state)
		log_icorp(LOG_LEVEL_INFO, apps->icorp, "application %s: %s -> %s%s%s", app->spec->name,
			  app_state_name(app->state), app_state_name(state), *app->why ? ": " : "", app->why);
	app->state = state;
	app->since_us = now_us;
	app->next_us = 0;
}

void apps_init(struct apps *apps, const struct boot *boot, uint64_t now_us)
{
	memset(apps, 0, sizeof(*apps));
	apps->icorp = boot->icorp;
	apps->n = boot->n_apps;
	for (unsigned i = 0; i < apps->n; i++) {
		apps->app[i].spec = &boot->app[i];
		apps->app[i].since_us = apps->app[i].next_us = now_us;
	}
}

static uint64_t backoff(const struct app *app)
{
	uint64_t us = BACKOFF_FIRST_US;

	for (unsigned i = 1; i < app->failures && us < BACKOFF_MAX_US; i++)
		us *= 2;
	return us < BACKOFF_MAX_US ? us : BACKOFF_MAX_US;
}

static void retry(struct apps *apps, struct app *app, uint64_t now_us)
{
	if (app->state == APP_RUNNING && now_us - app->since_us >= STEADY_US)
		app->failures = 0;
	app->failures++;
	set_state(apps, app, APP_WAITING, now_us);
	app->next_us = now_us + backoff(app);
}

void apps_tick(struct apps *apps, uint64_t now_us, struct apps_actions *actions)
{
	for (unsigned i = 0; i < apps->n; i++) {
		struct app *app = &apps->app[i];

		if (app->state == APP_WAITING && !apps->stopping && app->next_us <= now_us) {
			actions->start |= 1u << i;
		} else if (app->state == APP_STOPPING && app->next_us <= now_us) {
			actions->kill |= 1u << i;
			app->next_us = now_us + GRACE_US;
		}
	}
}

uint64_t apps_deadline(const struct apps *apps)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < apps->n; i++)
		if (apps->app[i].next_us && apps->app[i].next_us < next)
			next = apps->app[i].next_us;
	return next;
}

void apps_started(struct apps *apps, unsigned i, pid_t pid, uint64_t now_us)
{
	struct app *app = &apps->app[i];

	app->pid = pid;
	app->starts++;
	app->why[0] = '\0';
	set_state(apps, app, APP_STARTING, now_us);
}

void apps_failed(struct apps *apps, unsigned i, const char *why, uint64_t now_us)
{
	snprintf(apps->app[i].why, sizeof(apps->app[i].why), "%s", why);
	retry(apps, &apps->app[i], now_us);
}

void apps_running(struct apps *apps, unsigned i, uint64_t now_us)
{
	if (apps->app[i].state == APP_STARTING)
		set_state(apps, &apps->app[i], APP_RUNNING, now_us);
}

void apps_gave_up(struct apps *apps, unsigned i, int refused, const char *why)
{
	struct app *app = &apps->app[i];

	snprintf(app->why, sizeof(app->why), "%s", why);
	if (refused && app->state == APP_STARTING) {
		log_icorp(LOG_LEVEL_ERROR, apps->icorp, "application %s: not run: %s", app->spec->name, why);
		app->state = APP_REFUSED;
		app->next_us = 0;
	}
}

static void how_it_ended(struct app *app, int status)
{
	if (WIFSIGNALED(status))
		snprintf(app->why, sizeof(app->why), "killed by signal %d", WTERMSIG(status));
	else if (!*app->why)
		snprintf(app->why, sizeof(app->why), "exited with status %d", WEXITSTATUS(status));
}

int apps_exited(struct apps *apps, pid_t pid, int status, uint64_t now_us)
{
	for (unsigned i = 0; i < apps->n; i++) {
		struct app *app = &apps->app[i];

		if (app->pid != pid)
			continue;
		app->pid = 0;
		how_it_ended(app, status);
		if (app->state == APP_STOPPING)
			set_state(apps, app, APP_STOPPED, now_us);
		else if (app->state != APP_REFUSED)
			retry(apps, app, now_us);
		return (int)i;
	}
	return -1;
}

void apps_stop(struct apps *apps, uint64_t now_us, struct apps_actions *actions)
{
	apps->stopping = 1;
	for (unsigned i = 0; i < apps->n; i++) {
		struct app *app = &apps->app[i];

		if (app->state == APP_STOPPING)
			continue;
		app->why[0] = '\0';
		if (app->pid) {
			set_state(apps, app, APP_STOPPING, now_us);
			app->next_us = now_us + GRACE_US;
			actions->terminate |= 1u << i;
		} else if (app->state != APP_REFUSED) {
			set_state(apps, app, APP_STOPPED, now_us);
		}
	}
}

int apps_gone(const struct apps *apps)
{
	for (unsigned i = 0; i < apps->n; i++)
		if (apps->app[i].pid)
			return 0;
	return 1;
}

int apps_up(const struct apps *apps)
{
	for (unsigned i = 0; i < apps->n; i++)
		if (apps->app[i].state != APP_RUNNING)
			return 0;
	return 1;
}
