/* The parts of the proxy technology: proxy.c says what they do together. */
#ifndef ICORP_ADAPTOR_PROXY_H
#define ICORP_ADAPTOR_PROXY_H

#include "adaptors/keymap.h"
#include "adaptors/protocol.h"
#include "lib/writer.h"

struct proxy_session {
	struct keymap_entry entry;   /* first */
	char *text;                  /* as sent last; NULL: its terms want nothing here */
};

struct proxy_state {
	char *socket, *mode, *policy;
	struct keymap sessions;
};

/* proxy.c. The session of that key, or NULL; and forgets it, if there is one. */
struct proxy_session *proxy_find(const struct proxy_state *s, struct adaptor_key key);
void proxy_forget(struct proxy_state *s, struct adaptor_key key);
/* Asks icorp-proxy. 0 with the answer (which the caller frees) in *out; -EAGAIN when nobody answers, -EINVAL when it refused, with
 * the reason in why. */
int proxy_ask(struct proxy_state *s, int argc, char *const *argv, char **out, char *why, size_t room);
/* Describes an ICorp to it, or takes one away; as proxy_ask. */
int proxy_set(struct proxy_state *s, const char *text, char *why, size_t room);
int proxy_unset(struct proxy_state *s, struct adaptor_key key, char *why, size_t room);

/* proxy_text.c. The endpoint of this access router, or NULL: there is none. */
const struct terms_endpoint *proxy_local_access(const struct adaptor_terms *terms);
/* The description of the terms for that endpoint, which the caller frees; NULL when out of memory. */
char *proxy_describe(const struct proxy_state *s, const struct adaptor_terms *terms, const struct terms_endpoint *e);

/* proxy_audit.c: slots of adaptor_ops. */
int proxy_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired);
int proxy_measure(void *state, struct writer *w);
int proxy_show(void *state, struct writer *w);

#endif
