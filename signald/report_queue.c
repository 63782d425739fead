/*
 * See report_queue.h. What was queued first goes first, so that a report keeps its turn when it is replaced.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signald/report_queue.h"

static void take_out(struct report **at)
{
	struct report *one = *at;

	*at = one->next;
	free(one->text);
	free(one);
}

static int queue(struct report_queue *q, uint32_t icorp, uint16_t revision, int gone, char *text)
{
	struct report **at = &q->first;

	while (*at && ((*at)->icorp != icorp || (!gone && (*at)->revision != revision)))
		at = &(*at)->next;
	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at)
		return -ENOMEM;
	free((*at)->text);
	(*at)->icorp = icorp;
	(*at)->revision = revision;
	(*at)->text = text;
	for (at = &(*at)->next; gone && *at;) {
		if ((*at)->icorp == icorp)
			take_out(at);
		else
			at = &(*at)->next;
	}
	return 0;
}

int report_queue_put(struct report_queue *q, json_t *report)
{
	const char *state = json_string_value(json_object_get(report, "state"));
	uint32_t icorp = (uint32_t)json_integer_value(json_object_get(report, "icorp"));
	uint16_t revision = (uint16_t)json_integer_value(json_object_get(report, "revision"));
	char *text = report ? json_dumps(report, JSON_COMPACT) : NULL;
	int err = text ? queue(q, icorp, revision, state && !strcmp(state, "gone"), text) : -ENOMEM;

	json_decref(report);
	if (err)
		free(text);
	return err;
}

void report_queue_taken(struct report_queue *q, const char *text)
{
	for (struct report **at = &q->first; *at; at = &(*at)->next) {
		if (!strcmp((*at)->text, text)) {
			take_out(at);
			return;
		}
	}
}

size_t report_queue_count(const struct report_queue *q)
{
	size_t n = 0;

	for (const struct report *one = q->first; one; one = one->next)
		n++;
	return n;
}

void report_queue_clear(struct report_queue *q)
{
	while (q->first)
		take_out(&q->first);
}
