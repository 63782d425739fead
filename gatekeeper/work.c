/*
 * Work streams (work.h). The streams carry state, not commands: whatever is lost with a connection is said again at the
 * beginning of the next one, so nothing is acknowledged here; what the elements made of it comes back as reports.
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/elements.h"
#include "gatekeeper/events.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/l2map.h"
#include "gatekeeper/stream.h"
#include "gatekeeper/work.h"
#include "lib/clock.h"
#include "lib/log.h"

#define MAX_QUEUE (8u << 20) /* the present state of a leader of many ICorps goes out at once */

struct worker {
	struct work *work;
	struct stream *stream;
	char element[CONTRACT_NAME];
	json_t *l2;           /* as last sent */
	int waits;            /* for the map that is being made: nothing has been said yet */
	uint64_t since_us;
	struct worker *next;
};

struct work {
	struct gatekeeper *gk;
	struct worker *first;
	struct event *keepalive;
};

static struct worker *find(const struct work *work, const char *element)
{
	struct worker *w;

	for (w = work->first; w; w = w->next)
		if (!strcmp(w->element, element))
			return w;
	return NULL;
}

static void forget(struct worker *worker)
{
	struct worker **at = &worker->work->first;

	while (*at != worker)
		at = &(*at)->next;
	*at = worker->next;
	json_decref(worker->l2);
	free(worker);
}

static void show_element(struct work *work, const char *name)
{
	const struct element *e = elements_find(work->gk->elements, name);

	if (e)
		events_element(work->gk->events, e);
}

static void on_ended(void *ctx, struct stream *stream, int dropped)
{
	struct worker *worker = ctx;
	struct work *work = worker->work;
	char name[CONTRACT_NAME];

	strcpy(name, worker->element);
	work->gk->counts.streams_dropped += (uint64_t)dropped;
	log_msg(LOG_LEVEL_WARN, "element %s: work stream %s", name, dropped ? "dropped: it does not read" : "lost");
	forget(worker);
	show_element(work, name);
}

static void on_keepalive(evutil_socket_t fd, short what, void *arg)
{
	struct work *work = arg;

	for (struct worker *w = work->first; w; w = w->next)
		stream_keepalive(w->stream);
}

int work_new(struct gatekeeper *gk, struct work **out)
{
	struct work *work = calloc(1, sizeof(*work));
	struct timeval every = {STREAM_KEEPALIVE_S, 0};

	if (!work)
		return -ENOMEM;
	work->gk = gk;
	work->keepalive = event_new(gk->base, -1, EV_PERSIST, on_keepalive, work);
	if (!work->keepalive || event_add(work->keepalive, &every) < 0) {
		free(work);
		return -ENOMEM;
	}
	*out = work;
	return 0;
}

void work_free(struct work *work)
{
	if (!work)
		return;
	while (work->first) {
		stream_close(work->first->stream);
		forget(work->first);
	}
	event_free(work->keepalive);
	free(work);
}

int work_connected(const struct work *work, const char *element)
{
	return work && find(work, element) != NULL;
}

static void send_create(struct worker *worker, const struct icorp *icorp, const struct contract *contract)
{
	json_t *data = json_pack("{s:I, s:s, s:i}", "icorp", (json_int_t)icorp->id, "contract", contract->xml, "revision",
				 contract->revision);

	if (data)
		stream_send_json(worker->stream, "create", data);
	json_decref(data);
}

static void send_delete(struct worker *worker, uint32_t id)
{
	json_t *data = json_pack("{s:I}", "icorp", (json_int_t)id);

	stream_send_json(worker->stream, "delete", data);
	json_decref(data);
}

static void send_l2map(struct worker *worker)
{
	json_t *view;

	if (!l2map_ready(worker->work->gk->l2map))
		return;
	view = l2map_view(worker->work->gk->l2map, worker->element);
	if (!worker->l2 || !json_equal(view, worker->l2)) {
		stream_send_json(worker->stream, "l2map", view);
		json_decref(worker->l2);
		worker->l2 = view;
	} else {
		json_decref(view);
	}
}

static void send_present_state(struct worker *worker)
{
	struct icorps *icorps = worker->work->gk->icorps;
	json_t *leads = json_array(), *synced;
	struct icorp *icorp;

	send_l2map(worker);
	for (size_t i = 0; (icorp = icorps_nth(icorps, i)); i++) {
		if (strcmp(contract_leader(icorp->contract)->element, worker->element))
			continue;
		if (icorp->state == LIFE_DELETING) {
			send_delete(worker, icorp->id);
		} else if (life_holds(icorp->state)) {
			send_create(worker, icorp, icorp->contract);
			if (icorp->next)
				send_create(worker, icorp, icorp->next);
			json_array_append_new(leads, json_integer(icorp->id));
		}
	}
	synced = json_pack("{s:o}", "icorps", leads);
	stream_send_json(worker->stream, "synced", synced);
	json_decref(synced);
	icorps_handed(icorps, worker->element);
}

void work_open(struct work *work, struct evhttp_request *request, const char *element)
{
	struct worker *worker = find(work, element);
	struct stream *stream;

	if (worker) {
		log_msg(LOG_LEVEL_INFO, "element %s: a new work stream takes over", element);
		stream_close(worker->stream);
		forget(worker);
	}
	worker = calloc(1, sizeof(*worker));
	if (!worker) {
		evhttp_send_error(request, 503, NULL);
		return;
	}
	worker->work = work;
	worker->since_us = clock_now_us();
	strncpy(worker->element, element, sizeof(worker->element) - 1);
	stream = stream_open(work->gk->base, request, MAX_QUEUE, on_ended, worker);
	if (!stream) {
		free(worker);
		return;
	}
	worker->stream = stream;
	worker->next = work->first;
	work->first = worker;
	work->gk->counts.streams_opened++;
	log_msg(LOG_LEVEL_INFO, "element %s: work stream open", element);
	worker->waits = l2map_pending(work->gk->l2map); /* a leader is not to send Paths before it knows the way */
	if (!worker->waits)
		send_present_state(worker);
	show_element(work, element);
}

int work_create(struct work *work, const struct icorp *icorp)
{
	struct worker *worker = find(work, contract_leader(icorp->contract)->element);

	if (!worker || worker->waits)
		return 0;
	send_create(worker, icorp, icorp->contract);
	return 1;
}

void work_revise(struct work *work, const struct icorp *icorp)
{
	struct worker *worker = find(work, contract_leader(icorp->next)->element);

	if (worker && !worker->waits)
		send_create(worker, icorp, icorp->next);
}

int work_delete(struct work *work, const struct icorp *icorp)
{
	struct worker *worker = find(work, contract_leader(icorp->contract)->element);

	if (!worker || worker->waits)
		return 0;
	send_delete(worker, icorp->id);
	return 1;
}

void work_push_l2map(struct work *work)
{
	for (struct worker *w = work->first; w; w = w->next) {
		if (w->waits)
			send_present_state(w);
		else
			send_l2map(w);
		w->waits = 0;
	}
}

json_t *work_json(const struct work *work)
{
	json_t *list = json_array();

	for (struct worker *w = work->first; w; w = w->next)
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "kind", "work", "who", w->element, "age_ms",
						      (json_int_t)((clock_now_us() - w->since_us) / CLOCK_MS), "queued_bytes",
						      (json_int_t)stream_queued(w->stream)));
	return list;
}
