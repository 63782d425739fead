/*
 * Measured use: every `measure` of the configuration the adaptors are asked what they counted, and what was used since is told the
 * core, which reports it with its grants when it has changed enough (use.c).
 */
#ifndef ICORP_SIGNALD_METER_H
#define ICORP_SIGNALD_METER_H

#include <stdint.h>

struct daemon;
struct meter;

/* The cookie of the queries (dispatch_hooks.shown) whose answers belong here. */
#define METER_COOKIE UINT64_MAX

/* 0 or -ENOMEM. It begins when meter_reconfigured is called first. */
int meter_new(struct daemon *d, struct meter **out);
void meter_free(struct meter *m); /* NULL is fine */
/* The configuration's interval may be another. */
void meter_reconfigured(struct meter *m);
/* An adaptor's answer; json NULL: it could not say. */
void meter_answered(struct meter *m, const char *instance, const char *json);

#endif
