/*
 * agent.conf as data: a row per setting.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/settings.h"

struct settings {
	int thermostat;
	int64_t high, low, band, steps, budget;
	uint64_t high_time, low_time, cooldown;
};

#define ROW(field) offsetof(struct settings, field)

static const struct config_row rows[] = {
	{ "thermostat", CONFIG_BOOL, ROW(thermostat), "true", 0, 0, NULL, "ask for more or less cpu by itself", 0, 0, 0 },
	{ "high", CONFIG_INT, ROW(high), "80", 1, 100, NULL, "ask for more at this use and above, percent", 0, 0, 0 },
	{ "low", CONFIG_INT, ROW(low), "20", 0, 99, NULL, "ask for less at this use and below, percent", 0, 0, 0 },
	{ "band", CONFIG_INT, ROW(band), "5", 0, 50, NULL, "hysteresis around both, percent", 0, 0, 0 },
	{ "high_time", CONFIG_TIME, ROW(high_time), "3s", 1e5, 86400e6, NULL, "how long before asking for more", 0, 0, 0 },
	{ "low_time", CONFIG_TIME, ROW(low_time), "60s", 1e5, 86400e6, NULL, "how long before asking for less", 0, 0, 0 },
	{ "cooldown", CONFIG_TIME, ROW(cooldown), "10s", 1e5, 86400e6, NULL, "least time between two demands", 0, 0, 0 },
	{ "steps", CONFIG_INT, ROW(steps), "1", 1, 1000, NULL, "how many steps each demand asks for", 0, 0, 0 },
	{ "budget", CONFIG_INT, ROW(budget), "0", 0, 9e18, NULL,
	  "the highest price to agree to, in millionths of the currency per interval; 0: any", 0, 0, 0 },
	{ .name = NULL },
};

int settings_load(const char *file, struct policy_config *policy, struct config_error *error)
{
	struct settings s = { 0 };
	int r;

	if (access(file, F_OK)) {
		r = -errno;
		snprintf(error->text, sizeof(error->text), "%s: %s", file, strerror(errno));
		return r;
	}
	r = config_load(file, rows, &s, error);
	if (r)
		return r;
	if (s.low >= s.high) {
		snprintf(error->text, sizeof(error->text), "%s: low: is %d; must be below high, which is %d", file,
			 (int)s.low, (int)s.high);
		return -EINVAL;
	}
	*policy = (struct policy_config){
		.enabled = s.thermostat, .high_permille = 10 * (unsigned)s.high, .low_permille = 10 * (unsigned)s.low,
		.band_permille = 10 * (unsigned)s.band, .high_us = s.high_time, .low_us = s.low_time,
		.cooldown_us = s.cooldown, .steps = (unsigned)s.steps, .budget_micro = (uint64_t)s.budget,
	};
	config_free(rows, &s);
	return 0;
}

void settings_describe(void (*line)(void *ctx, const char *text), void *ctx)
{
	config_describe(rows, line, ctx);
}
