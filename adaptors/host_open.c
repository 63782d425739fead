/* The first frame: the technology is found, its options are known, it is probed and opened (host.c). */
#include "adaptors/host_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/registry.h"

struct opening { struct adaptor_option *options; char (*text)[PROTOCOL_MAX_STRING]; size_t n; };

static void send_ready(struct host *h, uint64_t serial, int error, const char *why)
{
	uint8_t body[16 + ADAPTOR_REASON];
	struct wire w = wire_writer(body, sizeof(body));

	wire_put_u32(&w, (uint32_t)-error);
	protocol_put_str(&w, why);
	wire_put_u32(&w, error ? 0 : h->ops->terms);
	wire_put_u8(&w, !error && h->ops->renew);
	host_put_frame(h, PROTOCOL_READY, serial, body, w.pos);
}

static int read_opening(const struct protocol_frame *f, const char *type, struct opening *o)
{
	struct wire w = wire_reader(f->body, f->len);
	char instance[CONTRACT_NAME], asked[CONTRACT_NAME];

	protocol_str(&w, instance, sizeof(instance));
	protocol_str(&w, asked, sizeof(asked));
	o->n = wire_u16(&w);
	if (w.error || f->type != PROTOCOL_OPEN || o->n > PROTOCOL_MAX_OPTIONS || strcmp(asked, type))
		return -EBADMSG;
	o->options = calloc(o->n + 1, sizeof(*o->options));
	o->text = calloc(2 * o->n + 1, sizeof(*o->text));
	if (!o->options || !o->text)
		return -ENOMEM;
	for (size_t i = 0; i < o->n; i++) {
		protocol_str(&w, o->text[2 * i], PROTOCOL_MAX_STRING);
		protocol_str(&w, o->text[2 * i + 1], PROTOCOL_MAX_STRING);
		o->options[i] = (struct adaptor_option){ .key = o->text[2 * i], .value = o->text[2 * i + 1] };
	}
	return w.error;
}

/* An option's help begins with its key; a key that ends in a dot stands for all that begin with it. */
static int known_option(const struct adaptor_ops *ops, const char *key)
{
	for (size_t i = 0; ops->options && ops->options[i]; i++) {
		const char *help = ops->options[i];
		size_t len = strcspn(help, "=");
		const char *dot = memchr(help, '.', len);

		if (dot && !strncmp(key, help, (size_t)(dot - help) + 1) && key[dot - help + 1])
			return 1;
		if (strlen(key) == len && !strncmp(key, help, len))
			return 1;
	}
	return 0;
}

static int open_adaptor(struct host *h, const struct opening *o, char *why, size_t room)
{
	for (size_t i = 0; i < o->n; i++)
		if (!known_option(h->ops, o->options[i].key)) {
			snprintf(why, room, "unknown option %.60s; icorp-adaptor --list names them", o->options[i].key);
			return -EINVAL;
		}
	int rc = h->ops->probe ? h->ops->probe(o->options, o->n, why, room) : 0;

	return rc ? rc : h->ops->open(o->options, o->n, &h->state, why, room);
}

int host_open(struct host *h, const struct protocol_frame *f, const char *type)
{
	struct opening o = { 0 };
	char why[ADAPTOR_REASON] = "";
	int rc = read_opening(f, type, &o);

	if (!rc) {
		h->ops = adaptor_find(type);
		if (h->ops) {
			rc = open_adaptor(h, &o, why, sizeof(why));
		} else {
			rc = -ENOENT;
			snprintf(why, sizeof(why), "no adaptor of type %.40s in this program", type);
		}
		if (rc && !why[0])
			snprintf(why, sizeof(why), "%s", strerror(-rc));
		send_ready(h, f->serial, rc, why);
	}
	if (rc)
		h->ops = NULL;
	free(o.options);
	free(o.text);
	return rc;
}
