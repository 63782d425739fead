/*
 * Logging. One line per decision, made by the layer that decides; libraries below it return
 * -errno and stay silent. Text goes to stderr (systemd and the testbed collect it) or syslog.
 * A line names the ICorp, the element and the reason when there is one:
 *
 *     2026-11-21T08:00:00.123Z icorp-signald[12] r1 warn: icorp 7: path refused: no capacity on eth1
 */
#ifndef ICORP_LIB_LOG_H
#define ICORP_LIB_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_sink { LOG_SINK_STDERR, LOG_SINK_SYSLOG };

/* Opens the log. program and element are copied; element may be NULL. Safe to call again (reload). */
void log_open(const char *program, const char *element, enum log_sink sink, enum log_level max);
void log_close(void);

/* Parses "error", "warn", "info", "debug". 0, or -EINVAL and *level untouched. */
int log_level_parse(const char *text, enum log_level *level);

/* True when a line of this level would be written: guard costly arguments with it. */
int log_enabled(enum log_level level);

/* Writes one line. Newlines and control characters in the result are escaped: input is hostile. */
void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same about one ICorp (its id). */
void log_icorp(enum log_level level, uint32_t icorp, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * A burst limiter for lines an attacker can provoke: returns 1 when the line should be written now,
 * at most once per interval_us; *suppressed is set to the number left out since the last one.
 */
struct log_burst { uint64_t next_us; unsigned held; };
int log_burst_ok(struct log_burst *burst, uint64_t now_us, uint64_t interval_us, unsigned *suppressed);

#endif
