/*
 * The elements' work streams: at most one per element, a newer one takes the place of an older one.
 */
#ifndef ICORP_GATEKEEPER_WORK_H
#define ICORP_GATEKEEPER_WORK_H

#include <jansson.h>

#include "gatekeeper/gatekeeper.h"

struct evhttp_request;
struct icorp;
struct work;

int work_new(struct gatekeeper *gk, struct work **out);
void work_free(struct work *work);
/* Opens the element's stream and sends the present state: l2map, create and delete for what it leads, synced. */
void work_open(struct work *work, struct evhttp_request *request, const char *element);
int work_connected(const struct work *work, const char *element);
/* Sends the revision that was asked for; a leader without a stream gets it when it opens one. */
void work_revise(struct work *work, const struct icorp *icorp);
/* 1 when it went out, 0 when the leader holds no stream, or has not been told anything by it yet (it will get it then). */
int work_create(struct work *work, const struct icorp *icorp);
int work_delete(struct work *work, const struct icorp *icorp);
/* Sends `l2map` to every stream whose view differs from what it was sent last. */
void work_push_l2map(struct work *work);
/* For show streams. New reference. */
json_t *work_json(const struct work *work);

#endif
