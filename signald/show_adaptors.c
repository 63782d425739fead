/* `show adaptors` and `show measure`: asked of the adaptors, and answered when all of them have answered. */
#include <errno.h>
#include <stdlib.h>

#include "signald/show.h"

/* A show that waits for the adaptors' answers. */
struct show_wait {
	struct show_wait *next;
	uint64_t cookie;
	unsigned left;
	struct writer *w;
	struct control_reply *reply;
};

static int ask_adaptors(struct daemon *d, enum adaptor_request request, struct writer *w, struct control_reply *reply)
{
	static uint64_t cookie;
	struct show_wait *wait = calloc(1, sizeof(*wait));

	if (!wait)
		return -ENOMEM;
	wait->cookie = ++cookie;
	wait->w = w;
	wait->reply = reply;
	wait->left = dispatch_query(d->dispatch, request, wait->cookie);
	if (!wait->left) {
		free(wait);
		return 0;
	}
	wait->next = d->shows;
	d->shows = wait;
	return CONTROL_LATER;
}

int show_adaptors(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	return ask_adaptors(ctx, ADAPTOR_SHOW, w, reply);
}

int show_measure(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	return ask_adaptors(ctx, ADAPTOR_MEASURE, w, reply);
}

void show_shown(struct daemon *d, uint64_t cookie, const char *instance, const char *json, const char *error)
{
	for (struct show_wait **at = &d->shows; *at; at = &(*at)->next) {
		struct show_wait *wait = *at;

		if (wait->cookie != cookie)
			continue;
		if (json && !error)
			writer_json(wait->w, instance, json);
		else
			writer_fmt(wait->w, instance, "not available: %s", error ? error : "no answer");
		if (--wait->left)
			return;
		*at = wait->next;
		control_done(wait->reply, NULL);
		free(wait);
		return;
	}
}

void show_adaptors_close(struct daemon *d)
{
	while (d->shows) {
		struct show_wait *wait = d->shows;

		d->shows = wait->next;
		control_done(wait->reply, "shutting down");
		free(wait);
	}
}
