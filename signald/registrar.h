/*
 * The line to the gatekeeper: register and heartbeat, hold the stream of work open, report what we lead. Elements call
 * the gatekeeper, never the other way round (doc/gatekeeper-api.md).
 */
#ifndef ICORP_SIGNALD_REGISTRAR_H
#define ICORP_SIGNALD_REGISTRAR_H

#include <stddef.h>

struct daemon;
struct registrar;
struct session;

/* NULL when no gatekeeper is configured: every call below takes it. 0 or -errno with the reason. */
int registrar_new(struct daemon *d, struct registrar **out, char *why, size_t room);
void registrar_free(struct registrar *r);
/* Registers; before that nothing is said. */
void registrar_start(struct registrar *r);
/* Something of our registration changed (adaptors, ports): register again soon. */
void registrar_changed(struct registrar *r);
/* A switch's ports and FDB, as its adaptor wrote them. */
void registrar_ports(struct registrar *r, const char *json);
/* The state of an ICorp we lead. */
void registrar_report(struct registrar *r, const struct session *s);
/* Whether it answers, and why not. */
int registrar_connected(const struct registrar *r, const char **why);
size_t registrar_reports_waiting(const struct registrar *r);

#endif
