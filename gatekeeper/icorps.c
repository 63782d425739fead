/*
 * The table of ICorps and the one function, change(), through which every change of state goes: it logs the old and the
 * new state, does what the change entails (DNS, work streams), saves, and tells listeners and waiting callers.
 *
 *     api.c POST   -> icorps_create -> admit_request, store -> work_create -> change(HANDED)
 *     work.c open  -> icorps_handed -> change(HANDED)
 *     registrar.c  -> icorps_report -> change(REPORT_*)
 *     api.c DELETE -> icorps_delete -> change(DELETE)
 *
 * What follows what is the table in lifecycle.c.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/admit.h"
#include "gatekeeper/dns.h"
#include "gatekeeper/events.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/waits.h"
#include "gatekeeper/work.h"
#include "lib/clock.h"
#include "lib/log.h"

struct icorps {
	struct gatekeeper *gk;
	struct icorp **icorp; /* by ascending id */
	size_t n, room;
	struct event *timer;
};

/* ---- the table ---- */

static size_t position(const struct icorps *icorps, uint32_t id)
{
	size_t low = 0, high = icorps->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (icorps->icorp[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct icorp *icorps_find(const struct icorps *icorps, uint32_t id)
{
	size_t at = position(icorps, id);

	return at < icorps->n && icorps->icorp[at]->id == id ? icorps->icorp[at] : NULL;
}

struct icorp *icorps_nth(const struct icorps *icorps, size_t n)
{
	return n < icorps->n ? icorps->icorp[n] : NULL;
}

size_t icorps_count(const struct icorps *icorps)
{
	return icorps->n;
}

static int make_room(struct icorps *icorps)
{
	size_t room = icorps->room ? icorps->room * 2 : 64;
	struct icorp **grown;

	if (icorps->n < icorps->room)
		return 0;
	grown = realloc(icorps->icorp, room * sizeof(struct icorp *));
	if (!grown)
		return -ENOMEM;
	icorps->icorp = grown;
	icorps->room = room;
	return 0;
}

/* Ids only grow, so this is at the end but for a strange store. Room has been made. */
static void insert(struct icorps *icorps, struct icorp *icorp)
{
	size_t at = position(icorps, icorp->id);

	memmove(&icorps->icorp[at + 1], &icorps->icorp[at], (icorps->n - at) * sizeof(struct icorp *));
	icorps->icorp[at] = icorp;
	icorps->n++;
}

static void destroy(struct icorp *icorp)
{
	if (!icorp)
		return;
	contract_unref(icorp->contract);
	contract_unref(icorp->next);
	json_decref(icorp->endpoints);
	json_decref(icorp->price);
	json_decref(icorp->grants);
	json_decref(icorp->error);
	free(icorp);
}

static void take_out(struct icorps *icorps, struct icorp *icorp)
{
	size_t at = position(icorps, icorp->id);

	memmove(&icorps->icorp[at], &icorps->icorp[at + 1], (icorps->n - at - 1) * sizeof(struct icorp *));
	icorps->n--;
	destroy(icorp);
}

/* ---- the store ---- */

static void set_new(json_t *object, const char *key, json_t *value)
{
	if (value)
		json_object_set(object, key, value);
}

static int save(struct icorps *icorps, const struct icorp *icorp)
{
	json_t *detail = json_pack("{s:b, s:i}", "named", icorp->named, "revision", icorp->revision);
	json_t *memory = revise_memory_json(&icorp->memory);
	struct store_icorp record = {.id = icorp->id, .state = life_name(icorp->state), .xml = icorp->contract->xml,
				     .posted_wall_us = icorp->posted_wall_us, .complete_us = icorp->complete_us};
	char *text;
	int err;

	if (icorp->next)
		json_object_set_new(detail, "next", json_string(icorp->next->xml));
	json_object_set_new(detail, "memory", memory);
	set_new(detail, "endpoints", icorp->endpoints);
	set_new(detail, "price", icorp->price);
	set_new(detail, "grants", icorp->grants);
	set_new(detail, "error", icorp->error);
	text = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	record.detail = text;
	err = text ? store_icorp_put(icorps->gk->store, &record) : -ENOMEM;
	free(text);
	return err;
}

static void save_or_retry(struct icorps *icorps, struct icorp *icorp)
{
	int err = icorp->state == LIFE_GONE ? store_icorp_remove(icorps->gk->store, icorp->id) : save(icorps, icorp);

	if (err < 0 && !icorp->unsaved)
		log_icorp(LOG_LEVEL_ERROR, icorp->id, "not saved: %s; trying again", strerror(-err));
	icorp->unsaved = err < 0;
}

static json_t *detail_part(json_t *detail, const char *key)
{
	json_t *part = json_object_get(detail, key);

	return part ? json_incref(part) : NULL;
}

static void load_next(struct icorp *icorp, json_t *detail)
{
	const char *xml = json_string_value(json_object_get(detail, "next"));
	struct contract_error error;

	icorp->revision = (uint16_t)json_integer_value(json_object_get(detail, "revision"));
	if (icorp->revision < icorp->contract->revision)
		icorp->revision = icorp->contract->revision;
	if (xml && contract_parse(xml, strlen(xml), &icorp->next, &error) < 0)
		log_icorp(LOG_LEVEL_ERROR, icorp->id, "the revision that was asked for does not parse");
}

static int load(void *ctx, const struct store_icorp *record)
{
	struct icorps *icorps = ctx;
	struct icorp *icorp = calloc(1, sizeof(*icorp));
	struct contract_error error;
	uint64_t wall = clock_wall_us(), now = clock_now_us(), age;
	json_t *detail;

	if (!icorp || make_room(icorps) < 0) {
		free(icorp);
		return -ENOMEM;
	}
	if (life_parse(record->state, &icorp->state) < 0 ||
	    contract_parse(record->xml, strlen(record->xml), &icorp->contract, &error) < 0) {
		log_icorp(LOG_LEVEL_ERROR, record->id, "stored record left out: it does not parse");
		free(icorp);
		return 0;
	}
	icorp->id = record->id;
	icorp->posted_wall_us = record->posted_wall_us;
	age = wall > record->posted_wall_us ? wall - record->posted_wall_us : 0;
	icorp->posted_us = now > age ? now - age : 0;
	icorp->complete_us = record->complete_us;
	detail = json_loads(record->detail, 0, NULL);
	load_next(icorp, detail);
	revise_memory_load(&icorp->memory, icorp->contract, json_object_get(detail, "memory"));
	icorp->named = json_is_true(json_object_get(detail, "named"));
	icorp->endpoints = detail_part(detail, "endpoints");
	icorp->price = detail_part(detail, "price");
	icorp->grants = detail_part(detail, "grants");
	icorp->error = detail_part(detail, "error");
	json_decref(detail);
	insert(icorps, icorp);
	return 0;
}

/* ---- changes ---- */

static void publish(struct icorps *icorps, struct icorp *icorp)
{
	struct in_addr addresses[CONTRACT_MAX_ENDPOINTS];
	unsigned n = 0;

	for (unsigned i = 0; i < icorp->contract->n_endpoints; i++)
		if (icorp->contract->endpoints[i].kind == ENDPOINT_ACCESS)
			addresses[n++] = icorp->contract->endpoints[i].public_addr;
	icorp->named = 1;
	dns_set(icorps->gk->dns, icorp->contract->dns_name, addresses, n);
}

static void withdraw(struct icorps *icorps, struct icorp *icorp)
{
	if (icorp->named)
		dns_unset(icorps->gk->dns, icorp->contract->dns_name);
	icorp->named = 0;
}

/* What does not stand any more is not revised. */
static void drop_next(struct icorp *icorp)
{
	contract_unref(icorp->next);
	icorp->next = NULL;
}

static void entail(struct icorps *icorps, struct icorp *icorp)
{
	struct gk_counts *counts = &icorps->gk->counts;

	switch (icorp->state) {
	case LIFE_COMPLETE:
		if (!icorp->complete_us) {
			icorp->complete_us = clock_now_us() - icorp->posted_us;
			counts->complete_n++;
			counts->complete_us += icorp->complete_us;
		}
		if (!icorp->named)
			publish(icorps, icorp);
		json_decref(icorp->error);
		icorp->error = NULL;
		break;
	case LIFE_FAILED:
	case LIFE_DELETING:
		drop_next(icorp);
		withdraw(icorps, icorp);
		work_delete(icorps->gk->work, icorp);
		break;
	case LIFE_GONE:
		withdraw(icorps, icorp);
		break;
	default:
		break;
	}
}

static void change(struct icorps *icorps, struct icorp *icorp, enum life_event event)
{
	enum life old = icorp->state, fresh = life_next(old, event);

	icorp->state = fresh;
	if (old != fresh) {
		int bad = fresh == LIFE_FAILED || fresh == LIFE_DEGRADED;
		const char *reason = bad ? json_string_value(json_object_get(icorp->error, "reason")) : NULL;
		const char *element = bad ? json_string_value(json_object_get(icorp->error, "element")) : NULL;

		log_icorp(bad ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, icorp->id, "%s -> %s (%s)%s%s%s%s", life_name(old),
			  life_name(fresh), life_event_name(event), element ? ": " : "", element ? element : "",
			  reason ? ": " : "", reason ? reason : "");
		entail(icorps, icorp);
	}
	save_or_retry(icorps, icorp);
	events_icorp(icorps->gk->events, icorp);
	if (life_settled(fresh))
		waits_wake(icorps->gk->waits, icorp->id);
	if (fresh == LIFE_GONE && !icorp->unsaved)
		take_out(icorps, icorp);
}

static int store_new(struct icorps *icorps, const struct contract_request *request, const struct store_key *key,
		     struct icorp *icorp, struct problem *problem)
{
	struct store *store = icorps->gk->store;
	struct store_key with_id;
	int err;

	if (store_next_icorp(store, &icorp->id) < 0)
		return problem_set(problem, 503, "store", "the ICorp could not be stored");
	if (admit_request(icorps->gk, icorp->id, request, &icorp->contract, problem) < 0)
		return -EINVAL;
	revise_remember(&icorp->memory, icorp->contract, &request->limits);
	err = save(icorps, icorp);
	if (!err && key) {
		with_id = *key;
		with_id.icorp = icorp->id;
		err = store_key_put(store, &with_id);
	}
	if (!err)
		err = store_commit(store);
	return err ? problem_set(problem, 503, "store", "the ICorp could not be stored") : 0;
}

int icorps_create(struct icorps *icorps, const struct contract_request *request, const struct store_key *key,
		  struct icorp **out, struct problem *problem)
{
	struct icorp *icorp = calloc(1, sizeof(*icorp));

	if (!icorp || make_room(icorps) < 0) {
		free(icorp);
		return problem_set(problem, 503, "out-of-memory", "out of memory");
	}
	icorp->state = LIFE_PLACED;
	icorp->posted_us = clock_now_us();
	icorp->posted_wall_us = clock_wall_us();
	if (store_begin(icorps->gk->store) < 0) {
		free(icorp);
		return problem_set(problem, 503, "store", "the ICorp could not be stored");
	}
	if (store_new(icorps, request, key, icorp, problem) < 0) {
		store_abort(icorps->gk->store);
		destroy(icorp);
		return -EINVAL;
	}
	icorp->revision = icorp->contract->revision;
	insert(icorps, icorp);
	log_icorp(LOG_LEVEL_INFO, icorp->id, "placed: %s (class %s) of %s, led by %s", icorp->contract->dns_name,
		  icorp->contract->class_name, icorp->contract->client, contract_leader(icorp->contract)->element);
	if (work_create(icorps->gk->work, icorp))
		change(icorps, icorp, LIFE_HANDED);
	else
		events_icorp(icorps->gk->events, icorp);
	*out = icorp;
	return 0;
}

void icorps_handed(struct icorps *icorps, const char *element)
{
	for (size_t i = 0; i < icorps->n; i++)
		if (icorps->icorp[i]->state == LIFE_PLACED &&
		    !strcmp(contract_leader(icorps->icorp[i]->contract)->element, element))
			change(icorps, icorps->icorp[i], LIFE_HANDED);
}

static void replace(json_t **what, json_t **with)
{
	if (!*with)
		return;
	json_decref(*what);
	*what = *with;
	*with = NULL;
}

static void take_report(struct icorp *icorp, struct report *report)
{
	replace(&icorp->endpoints, &report->endpoints);
	replace(&icorp->price, &report->price);
	replace(&icorp->grants, &report->grants);
	if (report->has_error) {
		json_decref(icorp->error);
		icorp->error = json_pack("{s:s, s:s, s:s}", "element", report->error.element, "code", report->error.code,
					 "reason", report->error.reason);
	} else if (report->state == REPORT_COMPLETE) {
		json_decref(icorp->error);
		icorp->error = NULL;
	}
}

int icorps_revise(struct icorps *icorps, struct icorp *icorp, json_t *change, struct problem *problem)
{
	struct contract *next, *former = icorp->next;
	struct revise_input in = {.was = icorp->contract, .next = former, .memory = &icorp->memory,
				  .revision = (uint16_t)(icorp->revision + 1)};

	if (!life_holds(icorp->state) || icorp->state == LIFE_DELETING)
		return problem_set(problem, 409, "not-standing", "ICorp %u is %s", icorp->id, life_name(icorp->state));
	if (!icorp->complete_us)
		return problem_set(problem, 409, "not-standing", "ICorp %u has not been complete yet: there is nothing to revise",
				   icorp->id);
	if (icorp->revision == UINT16_MAX)
		return problem_set(problem, 409, "no-revision", "ICorp %u has no revision left", icorp->id);
	if (revise_contract(icorps->gk, &in, change, &next, problem) < 0)
		return -EINVAL;
	icorp->next = next;
	icorp->revision++;
	if (save(icorps, icorp) < 0) {
		icorp->next = former;
		icorp->revision--;
		contract_unref(next);
		return problem_set(problem, 503, "store", "the revision could not be stored");
	}
	contract_unref(former);
	log_icorp(LOG_LEVEL_INFO, icorp->id, "revision %u asked for, revision %u stands", next->revision,
		  icorp->contract->revision);
	json_decref(icorp->error);
	icorp->error = NULL;
	work_revise(icorps->gk->work, icorp);
	events_icorp(icorps->gk->events, icorp);
	return 0;
}

/* About the revision that was asked for: it replaces the former, or is given up. Returns whether it stands now. */
static int take_next(struct icorps *icorps, struct icorp *icorp, struct report *report)
{
	struct contract *next = icorp->next;

	if (report->state != REPORT_FAILED && report->state != REPORT_COMPLETE && report->state != REPORT_DEGRADED)
		return 0;
	icorp->next = NULL;
	if (report->state != REPORT_FAILED) {
		log_icorp(LOG_LEVEL_INFO, icorp->id, "revision %u replaces revision %u", next->revision,
			  icorp->contract->revision);
		contract_unref(icorp->contract);
		icorp->contract = next;
		return 1;
	}
	log_icorp(LOG_LEVEL_WARN, icorp->id, "revision %u failed: %s: %s; revision %u stands", next->revision,
		  report->error.element, report->error.reason, icorp->contract->revision);
	json_decref(icorp->error);
	icorp->error = json_pack("{s:s, s:s, s:s, s:i}", "element", report->error.element, "code", report->error.code,
				 "reason", report->error.reason, "revision", next->revision);
	contract_unref(next);
	save_or_retry(icorps, icorp);
	events_icorp(icorps->gk->events, icorp);
	return 0;
}

/* Is it about the contract that stands, or stands from now on? "gone" is not asked: it is about the ICorp, whatever its revision. */
static int about_standing(struct icorps *icorps, struct icorp *icorp, struct report *report)
{
	if (icorp->next && report->revision == icorp->next->revision)
		return take_next(icorps, icorp, report);
	return !report->revision || report->revision == icorp->contract->revision; /* else given up, or replaced */
}

int icorps_report(struct icorps *icorps, const char *element, struct report *report, struct problem *problem)
{
	static const enum life_event events[] = {LIFE_REPORT_SIGNALING, LIFE_REPORT_COMPLETE, LIFE_REPORT_DEGRADED,
						 LIFE_REPORT_FAILED, LIFE_REPORT_GONE};
	struct icorp *icorp = icorps_find(icorps, report->icorp);

	if (!icorp && report->state == REPORT_GONE)
		return 0; /* said twice */
	if (!icorp)
		return problem_set(problem, 404, "no-such-icorp", "there is no ICorp %u (any more): tear it down",
				   report->icorp);
	if (strcmp(contract_leader(icorp->contract)->element, element))
		return problem_element(problem, 403, "not-leader", element, "ICorp %u is led by %s, not by %s",
				       report->icorp, contract_leader(icorp->contract)->element, element);
	if (report->revision > icorp->revision)
		return problem_set(problem, 400, "invalid", "ICorp %u is at revision %u", report->icorp, icorp->revision);
	if (report->state != REPORT_GONE && !about_standing(icorps, icorp, report))
		return 0;
	if (report->state == REPORT_GONE && icorp->state != LIFE_DELETING && !report->has_error) {
		report->has_error = 1;
		strcpy(report->error.code, "gone");
		strcpy(report->error.reason, "torn down by its leader");
		strncpy(report->error.element, element, sizeof(report->error.element) - 1);
	}
	if (icorp->state != LIFE_FAILED)
		take_report(icorp, report);
	change(icorps, icorp, events[report->state]);
	return 0;
}

void icorps_delete(struct icorps *icorps, struct icorp *icorp)
{
	if (icorp->state == LIFE_DELETING)
		return;
	change(icorps, icorp, LIFE_DELETE);
}

void icorps_tick(struct icorps *icorps, uint64_t now_us)
{
	for (size_t i = icorps->n; i-- > 0;) {
		struct icorp *icorp = icorps->icorp[i];

		if (icorp->unsaved) {
			save_or_retry(icorps, icorp);
			if (icorp->state == LIFE_GONE && !icorp->unsaved)
				take_out(icorps, icorp);
		} else if (icorp->contract->lifetime_s && life_holds(icorp->state) && icorp->state != LIFE_DELETING &&
			   icorp->posted_us + icorp->contract->lifetime_s * CLOCK_S <= now_us) {
			log_icorp(LOG_LEVEL_INFO, icorp->id, "its lifetime of %u s is over", icorp->contract->lifetime_s);
			change(icorps, icorp, LIFE_DELETE);
		}
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	icorps_tick(arg, clock_now_us());
}

int icorps_new(struct gatekeeper *gk, struct icorps **out)
{
	struct icorps *icorps = calloc(1, sizeof(*icorps));
	struct timeval second = {1, 0};
	int err;

	if (!icorps)
		return -ENOMEM;
	icorps->gk = gk;
	icorps->timer = event_new(gk->base, -1, EV_PERSIST, on_timer, icorps);
	err = icorps->timer ? store_icorp_each(gk->store, load, icorps) : -ENOMEM;
	if (err) {
		icorps_free(icorps);
		return err;
	}
	event_add(icorps->timer, &second);
	*out = icorps;
	return 0;
}

void icorps_free(struct icorps *icorps)
{
	if (!icorps)
		return;
	for (size_t i = 0; i < icorps->n; i++)
		destroy(icorps->icorp[i]);
	if (icorps->timer)
		event_free(icorps->timer);
	free(icorps->icorp);
	free(icorps);
}
