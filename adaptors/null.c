/*
 * The null technology: it does nothing and remembers everything, so that the whole daemon runs without root and tests
 * can see what a controller decided. It serves every group of terms and honestly says enforcement `none`.
 *
 * With bridge=NAME it reports that bridge's ports, so that switches find their place on the layer-2 map.
 *
 * With record=DIR it writes each session's complete terms into DIR/ICORP-LEADER.json (a new file renamed over the old
 * one, so a reader never sees half), which is then "what is really there": an audit after a restart finds the files no
 * session wants, and one that somebody removed or changed is written again. Whoever stands in for an ISC reads there how to reach its controller (isc.host, isc.key, …).
 *
 * The other options inject faults for tests: fail.apply, fail.check, fail.revoke and fail.renew refuse one ICorp; again=N
 * lets the first N applies say -EAGAIN, again.revoke=N the first N revokes, again.inventory=N the first N
 * inventories; die.apply=ICORP kills the process in the
 * middle of an apply; delay_ms holds every apply.
 */
#include "config.h"

#include "adaptors/keymap.h"
#include "adaptors/null_files.h"
#include "adaptors/null_ports.h"
#include "adaptors/null_record.h"
#include "adaptors/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/writer.h"

struct null_session {
	struct keymap_entry entry;    /* first */
	unsigned applied, renewed;    /* times */
	unsigned wanted;              /* during an audit */
	uint8_t *terms;               /* as encoded */
	size_t len;
};

struct null_state {
	struct keymap sessions;       /* of struct null_session */
	char *record;                 /* the directory, or NULL */
	char *bridge;                 /* the bridge it plays the switch of, or NULL */
	uint32_t fail_apply, fail_check, fail_revoke, fail_renew, die_apply;
	unsigned again, again_revoke, again_inventory, delay_ms;
};

static struct null_session *find(const struct null_state *s, struct adaptor_key key)
{
	return (struct null_session *)keymap_find(&s->sessions, key);
}

static struct null_session *next(const struct null_state *s, const struct null_session *after)
{
	return (struct null_session *)keymap_next(&s->sessions, after ? &after->entry : NULL);
}

static void drop(struct null_state *s, struct null_session *session)
{
	keymap_remove(&s->sessions, &session->entry);
	free(session->terms);
	free(session);
}

static unsigned number(const struct adaptor_option *options, size_t n, const char *key)
{
	return (unsigned)strtoul(adaptor_option(options, n, key, "0"), NULL, 10);
}

static int null_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	const char *dir = adaptor_option(options, n, "record", NULL);

	if (dir && strlen(dir) > NULL_PATH - 64) {
		snprintf(why, room, "record: the path is too long");
		return -ENAMETOOLONG;
	}
	return 0;
}

static void null_close(void *state)
{
	struct null_state *s = state;
	struct null_session *session;

	while ((session = next(s, NULL)))
		drop(s, session);
	keymap_free(&s->sessions);
	free(s->record);
	free(s->bridge);
	free(s);
}

static int null_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	const char *dir = adaptor_option(options, n, "record", NULL);
	const char *bridge = adaptor_option(options, n, "bridge", NULL);
	struct null_state *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (dir && mkdir(dir, 0700) && errno != EEXIST) {
		int rc = -errno;

		snprintf(why, room, "record=%.60s: %s", dir, strerror(-rc));
		free(s);
		return rc;
	}
	s->record = dir ? strdup(dir) : NULL;
	s->bridge = bridge ? strdup(bridge) : NULL;
	s->fail_apply = number(options, n, "fail.apply");
	s->fail_check = number(options, n, "fail.check");
	s->fail_revoke = number(options, n, "fail.revoke");
	s->fail_renew = number(options, n, "fail.renew");
	s->die_apply = number(options, n, "die.apply");
	s->again = number(options, n, "again");
	s->again_revoke = number(options, n, "again.revoke");
	s->again_inventory = number(options, n, "again.inventory");
	s->delay_ms = number(options, n, "delay_ms");
	*state = s;
	return 0;
}

/* The terms as a document, which the caller frees. NULL: no memory. */
static char *document(const struct adaptor_terms *t)
{
	struct writer *w = writer_new();
	char *text;

	if (!w)
		return NULL;
	null_write_terms(w, t);
	text = writer_render(w, WRITER_JSON);
	writer_free(w);
	return text;
}

static int record(const struct null_state *s, const struct adaptor_terms *t)
{
	char *text = document(t);
	int rc = text ? null_file_put(s->record, terms_key(t), text) : -ENOMEM;

	free(text);
	return rc;
}

/* Nothing is enforced, and every resource the terms speak of says so. */
static void grant(struct adaptor_result *r, uint8_t resource, uint64_t level)
{
	struct adaptor_grant *g = &r->grants[r->n_grants++];

	*g = (struct adaptor_grant){ .resource = resource, .outcome = OUTCOME_APPLIED,
				     .enforcement = ENFORCEMENT_NONE, .level = level };
}

static void grants(const struct adaptor_terms *t, struct adaptor_result *r)
{
	uint64_t rate = 0;

	for (unsigned i = 0; i < t->n_ports; i++)
		if (t->ports[i].rate_bps > rate)
			rate = t->ports[i].rate_bps;
	if (t->n_ports)
		grant(r, RESOURCE_BANDWIDTH, rate);
	if (t->isc.present) {
		grant(r, RESOURCE_CPU, t->isc.spec.cpu_shares);
		grant(r, RESOURCE_MEMORY, t->isc.spec.memory_kib);
		if (t->isc.spec.disk_mib)
			grant(r, RESOURCE_DISK, t->isc.spec.disk_mib);
	}
	if (!r->n_grants)
		grant(r, 0, 0);
}

static int refuse(struct adaptor_result *r, int error, const char *reason)
{
	r->error = error;
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	return error;
}

static int null_check(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct null_state *s = state;

	if (s->fail_check && terms->icorp == s->fail_check)
		return refuse(result, -ENOSPC, "refused by fail.check");
	return 0;
}

static struct null_session *obtain(struct null_state *s, struct adaptor_key key)
{
	return (struct null_session *)keymap_obtain(&s->sessions, key, sizeof(struct null_session));
}

static int null_apply(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct null_state *s = state;
	uint8_t *encoded;
	size_t len;

	if (s->delay_ms)
		usleep(s->delay_ms * 1000u);
	if (s->again) {
		s->again--;
		return refuse(result, -EAGAIN, "not yet, by again");
	}
	if (s->fail_apply && terms->icorp == s->fail_apply)
		return refuse(result, -ENOSPC, "refused by fail.apply");
	if (s->die_apply && terms->icorp == s->die_apply)
		_exit(1);
	int rc = terms_encode(terms, &encoded, &len);

	if (rc)
		return refuse(result, rc, "terms that no adaptor can be sent");
	struct null_session *session = obtain(s, terms_key(terms));
	int same = session && session->terms && session->len == len && !memcmp(session->terms, encoded, len);

	rc = !session ? -ENOMEM : s->record && !same ? record(s, terms) : 0;
	if (rc) {
		free(encoded);
		if (session && !session->terms)
			drop(s, session);
		return refuse(result, rc, session ? "its record cannot be written" : "out of memory");
	}
	free(session->terms);
	session->terms = encoded;
	session->len = len;
	session->applied++;
	grants(terms, result);
	return 0;
}

static int null_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	struct null_state *s = state;
	struct null_session *session = find(s, key);
	int rc;

	if (s->again_revoke) {
		s->again_revoke--;
		snprintf(why, room, "ICorp %u not yet, by again.revoke", key.icorp);
		return -EAGAIN;
	}
	if (s->fail_revoke && key.icorp == s->fail_revoke)
		return -EBUSY;
	rc = s->record ? null_file_remove(s->record, key) : 0;
	if (rc)
		return rc;
	if (session)
		drop(s, session);
	return 0;
}

static int null_renew(void *state, const struct adaptor_key *keys, size_t n, uint8_t *failed)
{
	struct null_state *s = state;

	for (size_t i = 0; i < n; i++) {
		struct null_session *session = find(s, keys[i]);

		failed[i] = !session || (s->fail_renew && keys[i].icorp == s->fail_renew);
		if (!failed[i])
			session->renewed++;
	}
	return 0;
}

/* Sessions in memory that no key wants. */
static void audit_sessions(struct null_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans)
{
	struct null_session *session, *after;

	for (session = NULL; (session = next(s, session));)
		session->wanted = 0;
	for (size_t i = 0; i < n; i++)
		if ((session = find(s, keys[i])))
			session->wanted = 1;
	for (session = next(s, NULL); session; session = after) {
		after = next(s, session);
		if (session->wanted)
			continue;
		null_revoke(s, session->entry.key, NULL, 0);
		++*orphans;
	}
}

struct walk { struct null_state *s; const struct adaptor_key *keys; size_t n; unsigned *orphans; };

/* Records that outlived a former process. */
static void audit_record(void *ctx, struct adaptor_key key)
{
	struct walk *w = ctx;

	for (size_t i = 0; i < w->n; i++)
		if (adaptor_key_equal(w->keys[i], key))
			return;
	*w->orphans += !null_file_remove(w->s->record, key);
}

/* A record that is not what its session wants is put right. 1: it was not. */
static int repair(const struct null_state *s, const struct null_session *session)
{
	struct adaptor_terms terms;
	char *text;
	int wrong;

	if (terms_decode(session->terms, session->len, &terms))
		return 0;
	text = document(&terms);
	wrong = text && !null_file_says(s->record, session->entry.key, text) &&
		!null_file_put(s->record, session->entry.key, text);
	free(text);
	terms_clear(&terms);
	return wrong;
}

static int null_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	struct null_state *s = state;
	struct walk w = { s, keys, n, orphans };
	int rc;

	*orphans = *repaired = 0;
	audit_sessions(s, keys, n, orphans);
	if (!s->record)
		return 0;
	rc = null_files_each(s->record, audit_record, &w);
	for (struct null_session *session = NULL; !rc && (session = next(s, session));)
		*repaired += (unsigned)repair(s, session);
	return rc;
}

static int null_inventory(void *state, struct writer *w)
{
	struct null_state *s = state;

	if (s->again_inventory) {
		s->again_inventory--;
		return -EAGAIN;
	}
	return null_found(w, s->record);
}

static int null_measure(void *state, struct writer *w)
{
	struct null_state *s = state;

	writer_array(w, "sessions");
	for (const struct null_session *session = NULL; (session = next(s, session));) {
		writer_object(w, NULL);
		writer_uint(w, "icorp", session->entry.key.icorp);
		null_write_addr(w, "leader", session->entry.key.leader);
		writer_uint(w, "applied", session->applied);
		writer_uint(w, "renewed", session->renewed);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static int null_ports(void *state, struct writer *w)
{
	const struct null_state *s = state;

	return null_ports_write(s->bridge ? s->bridge : "", w);
}

static void show_session(struct writer *w, const struct null_session *session)
{
	struct adaptor_terms terms;

	if (terms_decode(session->terms, session->len, &terms))
		return;
	memset(terms.isc.key, 0, sizeof(terms.isc.key));   /* not for eyes */
	writer_object(w, NULL);
	null_write_terms(w, &terms);
	writer_end(w);
	terms_clear(&terms);
}

static int null_show(void *state, struct writer *w)
{
	struct null_state *s = state;

	writer_str(w, "record", s->record);
	writer_array(w, "sessions");
	for (const struct null_session *session = NULL; (session = next(s, session));)
		show_session(w, session);
	writer_end(w);
	return 0;
}

static const char *const null_options[] = {
	"record=DIR: write each session's terms into DIR/ICORP-LEADER.json",
	"bridge=NAME: report this bridge's ports and what it learnt, for the layer-2 map",
	"fail.apply=ICORP: refuse to apply it",
	"fail.check=ICORP: say it does not fit",
	"fail.revoke=ICORP: refuse to revoke it",
	"fail.renew=ICORP: refuse to renew it",
	"again=N: the first N applies are put off",
	"again.revoke=N: the first N revokes are put off",
	"again.inventory=N: the first N inventories are put off",
	"die.apply=ICORP: end the process while applying it",
	"delay_ms=N: take that long for every apply",
	NULL,
};

const struct adaptor_ops adaptor_null = {
	.type = "null",
	.help = "does nothing and records everything (runs without root)",
	.terms = TERM_RATE | TERM_VLAN | TERM_ROUTE | TERM_ISC | TERM_PROXY,
	.options = null_options,
	.probe = null_probe,
	.open = null_open,
	.check = null_check,
	.apply = null_apply,
	.revoke = null_revoke,
	.renew = null_renew,
	.audit = null_audit,
	.inventory = null_inventory,
	.measure = null_measure,
	.ports = null_ports,
	.show = null_show,
	.close = null_close,
};
