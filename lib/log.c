/*
 * Logging: one line per decision. The line is formatted into a buffer, made harmless (text.h) and written with one
 * call, so that lines of several processes on one stderr do not mix. What is too long is cut.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/text.h"

#define LINE 1024

static struct {
	char program[48], element[64];
	enum log_sink sink;
	enum log_level max;
} to = { .program = "icorp", .max = LOG_LEVEL_INFO };

static const char *const names[] = { "error", "warn", "info", "debug" };

void log_open(const char *program, const char *element, enum log_sink sink, enum log_level max)
{
	log_close();
	snprintf(to.program, sizeof(to.program), "%s", program);
	snprintf(to.element, sizeof(to.element), "%s", element ? element : "");
	to.sink = sink;
	to.max = max;
	if (sink == LOG_SINK_SYSLOG)
		openlog(to.program, LOG_PID, LOG_DAEMON);
}

void log_close(void)
{
	if (to.sink == LOG_SINK_SYSLOG)
		closelog();
	to.sink = LOG_SINK_STDERR;
}

int log_level_parse(const char *text, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i]))
			return *level = (enum log_level)i, 0;
	return -EINVAL;
}

int log_enabled(enum log_level level)
{
	return level <= to.max;
}

static void emit(enum log_level level, const char *text)
{
	static const int priority[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
	char clean[LINE], when[32], line[LINE + 256];
	uint64_t wall;
	time_t seconds;
	struct tm tm;

	text_escape(text, clean, sizeof(clean)); /* input is hostile: no lines of its own, nothing for the terminal */
	if (to.sink == LOG_SINK_SYSLOG) {
		syslog(priority[level], "%s%s%s", to.element, *to.element ? " " : "", clean);
		return;
	}
	wall = clock_wall_us();
	seconds = (time_t)(wall / CLOCK_S);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	snprintf(line, sizeof(line), "%s.%03uZ %s[%d] %s%s%s: %s\n", when, (unsigned)(wall / 1000 % 1000), to.program,
		 (int)getpid(), to.element, *to.element ? " " : "", names[level], clean);
	fputs(line, stderr);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	char text[LINE];
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	emit(level, text);
}

void log_icorp(enum log_level level, uint32_t icorp, const char *fmt, ...)
{
	char text[LINE];
	int at;
	va_list args;

	if (!log_enabled(level))
		return;
	at = snprintf(text, sizeof(text), "icorp %u: ", icorp);
	va_start(args, fmt);
	vsnprintf(text + at, sizeof(text) - (size_t)at, fmt, args);
	va_end(args);
	emit(level, text);
}

int log_burst_ok(struct log_burst *burst, uint64_t now_us, uint64_t interval_us, unsigned *suppressed)
{
	if (now_us < burst->next_us) {
		burst->held++;
		return 0;
	}
	burst->next_us = now_us + interval_us;
	*suppressed = burst->held;
	burst->held = 0;
	return 1;
}
