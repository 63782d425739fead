/* See capture.h. There is one at a time. */
#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "signald/capture.h"
#include "signald/show.h"
#include "signald/transport.h"

struct capture { struct daemon *d; struct control_reply *reply; uint64_t lost; };

static char *hex(const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * len + 1);

	for (size_t i = 0; text && i < len; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	if (text)
		text[2 * len] = 0;
	return text;
}

static void on_packet(void *ctx, const uint8_t *packet, size_t len)
{
	struct capture *c = ctx;
	struct writer *w = writer_new();
	char *text = hex(packet, len);

	if (w) {
		writer_uint(w, "wall_us", clock_wall_us());
		writer_str(w, "packet", text);
		if (c->lost)
			writer_uint(w, "lost", c->lost);
	}
	if (!w || !text || control_event(c->reply, w))
		c->lost++;
	else
		c->lost = 0;
	free(text);
	writer_free(w);
}

static void finish(struct capture *c, const char *why)
{
	transport_tap(c->d->transport, NULL, NULL);
	c->d->capture = NULL;
	control_done(c->reply, why);
	free(c);
}

static void gone(void *ctx)
{
	finish(ctx, NULL);
}

void capture_close(struct daemon *d)
{
	if (d->capture)
		finish(d->capture, "shutting down");
}

int show_pcap(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct daemon *d = ctx;

	if (d->capture) {
		control_fail(reply, "someone else captures already");
		return -EBUSY;
	}
	d->capture = malloc(sizeof(*d->capture));
	if (!d->capture)
		return -ENOMEM;
	*d->capture = (struct capture){ .d = d, .reply = reply };
	control_stream(reply, gone, d->capture);
	transport_tap(d->transport, on_packet, d->capture);
	return CONTROL_LATER;
}
