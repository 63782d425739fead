/*
 * The trunk adaptor: a port that is a set of permanent circuits, and which of them carries an ICorp. The layout is drawn in
 * trunk.h; this file is the table of operations and the options.
 */
#include "config.h"

#include "adaptors/trunk.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/nftables.h"
#include "lib/config.h"
#include "lib/writer.h"

#define CIRCUIT_OPTION "circuit."
#define IFNAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

static const char *const classes[] = { "best-effort", "controlled", "constant" };

static int is_ifname(const char *name)
{
	size_t len = strlen(name);

	return len && len < ADAPTOR_IFNAME && strspn(name, IFNAME_CHARACTERS) == len;
}

/* The words after the rate: "via ADDR", a class. 0 or -EINVAL. */
static int parse_word(struct trunk_circuit *c, const char *word, char **rest)
{
	if (!strcmp(word, "via")) {
		word = strtok_r(NULL, " ", rest);
		return word ? addr_parse(word, &c->via) : -EINVAL;
	}
	for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (!strcmp(word, classes[i])) {
			c->class = (int)i;
			return 0;
		}
	return -EINVAL;
}

/* RATE [via ADDR] [CLASS] */
static int parse_circuit(struct trunk_state *s, const char *ifname, const char *value)
{
	struct trunk_circuit *c = &s->circuits[s->n_circuits];
	char text[64], *rest, *word;

	if (s->n_circuits == TRUNK_MAX_CIRCUITS)
		return -ENOSPC;
	if (!is_ifname(ifname) || strlen(value) >= sizeof(text))
		return -EINVAL;
	memset(c, 0, sizeof(*c));
	strcpy(c->ifname, ifname);
	strcpy(text, value);
	c->class = TRUNK_ANY_CLASS;
	c->mark = trunk_mark(ifname);
	word = strtok_r(text, " ", &rest);
	int rc = word && !parse_rate(word, &c->rate_bps) && c->rate_bps ? 0 : -EINVAL;

	while (!rc && (word = strtok_r(NULL, " ", &rest)))
		rc = parse_word(c, word, &rest);
	if (!rc && trunk_circuit_of(s, c->mark) >= 0)
		rc = -EEXIST;
	s->n_circuits += !rc;
	return rc;
}

static const char *fault(int rc)
{
	switch (rc) {
	case -EEXIST: return "given twice, or its name has the number of another's";
	case -ENOSPC: return "one too many";
	default: return "wanted: circuit.eth2=16M via 10.200.4.2 constant (next hop and class may be left out)";
	}
}

static int parse(struct trunk_state *s, const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	const char *port = adaptor_option(options, n, "port", "");

	if (!is_ifname(port) || strchr(port, '-')) {
		snprintf(why, room, "port=%.20s: the port whose ICorps the circuits carry is wanted (letters, digits, _ and .)", port);
		return -EINVAL;
	}
	strcpy(s->port, port);
	snprintf(s->table, sizeof(s->table), "ip " TRUNK_TABLE "%s", port);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(options[i].key, CIRCUIT_OPTION, strlen(CIRCUIT_OPTION)))
			continue;
		int rc = parse_circuit(s, options[i].key + strlen(CIRCUIT_OPTION), options[i].value);

		if (rc) {
			snprintf(why, room, "%.24s=%.30s: %s", options[i].key, options[i].value, fault(rc));
			return rc;
		}
	}
	if (s->n_circuits)
		return 0;
	snprintf(why, room, "no circuit: at least one option circuit.IFNAME=RATE is wanted");
	return -EINVAL;
}

static int reverse_path(const char *ifname)
{
	char path[64];
	int value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", ifname);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

/*
 * What comes by a circuit whose way back is the port's would be dropped by a strict check of reverse paths. The larger of the
 * interface's own setting and that of `all` counts; 1 is strict, 2 loose.
 */
static int check_reverse_path(const struct trunk_state *s, char *why, size_t room)
{
	int all = reverse_path("all");

	for (unsigned i = 0; i < s->n_circuits; i++) {
		const char *ifname = s->circuits[i].ifname;
		int own = reverse_path(ifname);

		if ((own > all ? own : all) != 1)
			continue;
		snprintf(why, room, "net.ipv4.conf.%s.rp_filter=1 drops what comes by a circuit: 0 or 2 is wanted",
			 own ? ifname : "all");
		return -EPERM;
	}
	return 0;
}

static void trunk_close(void *state)
{
	struct trunk_state *s = state;
	struct trunk_session *session;

	while ((session = trunk_next(s, NULL)))
		trunk_drop(s, session);
	keymap_free(&s->sessions);
	if (s->nl)
		mnl_socket_close(s->nl);
	if (s->nft)
		nft_ctx_free(s->nft);
	free(s->rules);
	free(s);
}

/* Options, and a kernel to talk to: what probe and open share. NULL with *rc and why. */
static struct trunk_state *prepare(const struct adaptor_option *options, size_t n, int *rc, char *why, size_t room)
{
	struct trunk_state *s = calloc(1, sizeof(*s));

	*rc = -ENOMEM;
	if (!s)
		return NULL;
	TAILQ_INIT(&s->staged);
	*rc = parse(s, options, n, why, room);
	if (!*rc && !(s->nft = nftables_open()))
		*rc = -ENOMEM;
	*rc = *rc ? *rc : check_reverse_path(s, why, room);
	*rc = *rc ? *rc : trunk_table_try(s, why, room);
	if (!*rc) {
		*rc = trunk_circuits_open(s);
		*rc = *rc ? *rc : trunk_circuits_read(s);
		if (*rc)
			snprintf(why, room, "rtnetlink rules: %s", strerror(-*rc));
	}
	if (!*rc)
		return s;
	trunk_close(s);
	return NULL;
}

static int trunk_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	int rc;
	struct trunk_state *s = prepare(options, n, &rc, why, room);

	if (s)
		trunk_close(s);
	return rc;
}

static int trunk_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	uint32_t former[TRUNK_MAX_CIRCUITS];
	int rc;
	struct trunk_state *s = prepare(options, n, &rc, why, room);

	if (!s)
		return rc;
	s->renews = nftables_renews(s->nft);
	n = trunk_table_former(s, former, sizeof(former) / sizeof(former[0]));
	rc = trunk_adopt(s);
	rc = rc ? rc : trunk_circuits_forget(s, former, n);
	rc = rc ? rc : trunk_circuits_setup(s);
	if (rc)
		snprintf(why, room, "%s", strerror(-rc));
	if (!rc && (n || trunk_table_setup(s, why, room)))  /* elements of former circuits go with the old table */
		rc = trunk_table_write(s, why, room);
	if (rc) {
		trunk_close(s);
		return rc;
	}
	*state = s;
	return 0;
}

static void write_key(struct writer *w, struct adaptor_key key)
{
	char leader[ADDR_TEXT];

	writer_uint(w, "icorp", key.icorp);
	writer_str(w, "leader", addr_text(key.leader, leader));
}

/* As adopted when we started. */
static int trunk_inventory(void *state, struct writer *w)
{
	const struct trunk_state *s = state;

	writer_array(w, "sessions");
	for (const struct trunk_session *session = NULL; (session = trunk_next(s, session));) {
		if (!session->now.prefix.len)
			continue;
		writer_object(w, NULL);
		write_key(w, session->entry.key);
		writer_array(w, "ports");
		writer_object(w, NULL);
		writer_str(w, "name", s->port);
		writer_uint(w, "rate", session->now.rate_bps);
		writer_end(w);
		writer_end(w);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static void show_circuit(struct writer *w, const struct trunk_circuit *c)
{
	char via[ADDR_TEXT];

	writer_object(w, NULL);
	writer_str(w, "circuit", c->ifname);
	writer_uint(w, "rate_bps", c->rate_bps);
	writer_uint(w, "promised_bps", c->promised_bps);
	writer_str(w, "class", c->class == TRUNK_ANY_CLASS ? "any" : classes[c->class]);
	writer_str(w, "via", c->via.s_addr ? addr_text(c->via, via) : NULL);
	writer_fmt(w, "mark", "0x%x", c->mark);
	writer_str(w, "state", c->up ? "up" : c->reason);
	writer_bool(w, "rule", c->has_rule);
	writer_bool(w, "route", c->has_route);
	writer_end(w);
}

static int trunk_show(void *state, struct writer *w)
{
	struct trunk_element *elements = NULL;
	struct trunk_state *s = state;
	char prefix[PREFIX_TEXT];
	size_t n = 0;
	int rc = trunk_circuits_read(s);

	rc = rc ? rc : trunk_table_read(s, &elements, &n);
	writer_str(w, "port", s->port);
	writer_array(w, "circuits");
	for (unsigned i = 0; i < s->n_circuits; i++)
		show_circuit(w, &s->circuits[i]);
	writer_end(w);
	writer_array(w, "icorps");
	for (size_t i = 0; i < n; i++) {
		int circuit = trunk_circuit_of(s, elements[i].mark);

		writer_object(w, NULL);
		write_key(w, elements[i].key);
		writer_str(w, "prefix", prefix_text(elements[i].prefix, prefix));
		writer_str(w, "circuit", circuit < 0 ? "?" : s->circuits[circuit].ifname);
		writer_uint(w, "rate_bps", elements[i].rate_bps);
		writer_uint(w, "expires_s", elements[i].expires_s);
		writer_end(w);
	}
	writer_end(w);
	free(elements);
	return rc;
}

static const char *const trunk_options[] = {
	"port=IFNAME: the controller's port that is a set of circuits",
	"circuit.IFNAME=RATE [via ADDRESS] [CLASS]: one of them, its next hop (unless it has two ends) and whose it is first",
	NULL,
};

const struct adaptor_ops adaptor_trunk = {
	.type = "trunk",
	.help = "a port that is a set of circuits: each ICorp over the one that fits its level (nftables marks, policy routing)",
	.terms = TERM_RATE,
	.options = trunk_options,
	.probe = trunk_probe,
	.open = trunk_open,
	.check = trunk_check,
	.apply = trunk_apply,
	.flush = trunk_flush,
	.revoke = trunk_revoke,
	.renew = trunk_renew,
	.audit = trunk_audit,
	.inventory = trunk_inventory,
	.show = trunk_show,
	.close = trunk_close,
};
