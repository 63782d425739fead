/* Strings and padding. See wire.h. */
#include "lib/wire.h"

void wire_str(struct wire *w, char *out, size_t room)
{
	size_t len = wire_u8(w);
	const uint8_t *p = wire_take(w, len);

	*out = 0;
	if (!p)
		return;
	if (len >= room || memchr(p, 0, len)) {
		w->error = -EBADMSG;
		return;
	}
	memcpy(out, p, len);
	out[len] = 0;
}

void wire_put_str(struct wire *w, const char *s)
{
	size_t len = strlen(s);

	if (len > 255) {
		w->error = w->error ? w->error : -ENOBUFS;
		return;
	}
	wire_put_u8(w, (uint8_t)len);
	wire_put_bytes(w, s, len);
}

void wire_pad(struct wire *w, size_t align)
{
	while (!w->error && w->pos & (align - 1))
		wire_put_u8(w, 0);
}
