/* What the gatekeeper is told, as JSON (doc/gatekeeper-api.md). The caller owns what is returned. */
#ifndef ICORP_SIGNALD_REGISTRATION_H
#define ICORP_SIGNALD_REGISTRATION_H

#include <jansson.h>

struct core;
struct daemon;
struct session;

/* l2: the last answer of the layer-2 adaptor, or NULL. */
json_t *registration_json(const struct daemon *d, const json_t *l2);
json_t *report_json(const struct core *core, const struct session *s);
/* The same without a session: `element` cannot use the contract of this item of work, "create", for that reason. */
json_t *report_refused_json(const char *element, const json_t *work, const char *reason);

#endif
