/*
 * The dscp technology: an ICorp's packets carry its priority in the IP header (RFC 2474, the class selectors CS0 to CS7), for
 * networks that look there. doc/writing-an-adaptor.md walks through this file.
 *
 *     table ip icorp_dscp
 *         map prefixes     10.64.7.0/24 comment "icorp 7 10.200.1.11" : goto cs5
 *         chain out        postrouting: the verdict of the destination, else of the source
 *         chains cs0…cs7   ip dscp set
 *
 * The table's name and the elements' comments are our mark. apply and revoke stage: they only change what a session is to
 * have next. flush writes the whole table as one nftables transaction, which the kernel does or does not do. Its time grows
 * with the number of ICorps; the tc technology (tc_text.c) shows what changing only the difference takes.
 */
#include "config.h"

#include "adaptors/protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/keymap.h"
#include "lib/writer.h"

#define TABLE "ip icorp_dscp"
#define PRIORITIES 8u

/* What a session has, or is to have. prefix.len 0: nothing. */
struct mark { struct prefix prefix; unsigned priority; };

struct dscp_session {
	struct keymap_entry entry;    /* first: its key */
	struct mark now, next;        /* in the kernel; after the next flush */
	int staged;                   /* next is not now yet */
	int adopted;                  /* found at open, and not applied since */
	int wanted;                   /* during an audit */
};

struct dscp_state { struct nft_ctx *nft; struct keymap sessions; };

static struct dscp_session *find(const struct dscp_state *s, struct adaptor_key key)
{
	return (struct dscp_session *)keymap_find(&s->sessions, key);
}

static struct dscp_session *next(const struct dscp_state *s, const struct dscp_session *after)
{
	return (struct dscp_session *)keymap_next(&s->sessions, after ? &after->entry : NULL);
}

static struct dscp_session *obtain(struct dscp_state *s, struct adaptor_key key)
{
	return (struct dscp_session *)keymap_obtain(&s->sessions, key, sizeof(struct dscp_session));
}

static void drop(struct dscp_state *s, struct dscp_session *session)
{
	keymap_remove(&s->sessions, &session->entry);
	free(session);
}

/* ---- the kernel ---- */

/* One transaction. 0, or -EIO with nftables' words. */
static int run(struct dscp_state *s, const char *commands, char *why, size_t room)
{
	if (!nft_run_cmd_from_buffer(s->nft, commands))
		return 0;
	const char *text = nft_ctx_get_error_buffer(s->nft);

	snprintf(why, room, "nftables: %.*s", (int)strcspn(text, "\n"), text);
	return -EIO;
}

/* The table as it is. The caller frees; NULL: there is none. */
static char *read_table(struct dscp_state *s)
{
	if (!nft_run_cmd_from_buffer(s->nft, "list table " TABLE))
		return strdup(nft_ctx_get_output_buffer(s->nft));
	nft_ctx_get_error_buffer(s->nft);
	return NULL;
}

static void write_element(FILE *out, const struct dscp_session *session)
{
	char prefix[PREFIX_TEXT], leader[ADDR_TEXT];

	if (session->next.prefix.len)
		fprintf(out, "add element " TABLE " prefixes { %s comment \"icorp %u %s\" : goto cs%u }\n",
			prefix_text(session->next.prefix, prefix), session->entry.key.icorp,
			addr_text(session->entry.key.leader, leader), session->next.priority);
}

/* The whole table as commands: the old one goes in the same transaction. The caller frees; NULL: no memory. */
static char *table_text(const struct dscp_state *s)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	fputs("add table " TABLE "\ndelete table " TABLE "\nadd table " TABLE "\n", out);
	for (unsigned i = 0; i < PRIORITIES; i++)
		fprintf(out, "add chain " TABLE " cs%u\nadd rule " TABLE " cs%u ip dscp set cs%u\n", i, i, i);
	fputs("add map " TABLE " prefixes { type ipv4_addr : verdict; flags interval; }\n"
	      "add chain " TABLE " out { type filter hook postrouting priority -150; }\n"
	      "add rule " TABLE " out ip daddr vmap @prefixes\nadd rule " TABLE " out ip saddr vmap @prefixes\n", out);
	for (const struct dscp_session *session = NULL; (session = next(s, session));)
		write_element(out, session);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

static int write_table(struct dscp_state *s, char *why, size_t room)
{
	char *text = table_text(s);
	int rc = text ? run(s, text, why, room) : -ENOMEM;

	if (!text)
		snprintf(why, room, "out of memory");
	free(text);
	return rc;
}

/* The prefix that stands before this point of the table's text. 0 or -EINVAL. */
static int prefix_before(const char *table, const char *at, struct prefix *out)
{
	char text[PREFIX_TEXT + 3] = "";
	const char *end = at, *begin;

	while (end > table && end[-1] == ' ')
		end--;
	for (begin = end; begin > table && strchr("0123456789./", begin[-1]); begin--)
		;
	if (end == begin || end - begin >= PREFIX_TEXT)
		return -EINVAL;
	memcpy(text, begin, (size_t)(end - begin));
	if (!strchr(text, '/'))
		strcat(text, "/32");            /* an address is written without */
	return prefix_parse(text, out, 0);
}

/* Takes over the sessions whose elements a former process left. 0 or -ENOMEM. */
static int adopt(struct dscp_state *s)
{
	char *table = read_table(s), leader[ADDR_TEXT];
	struct dscp_session *session;
	struct adaptor_key key;
	struct mark mark;
	int rc = 0;

	for (const char *at = table; !rc && at && (at = strstr(at, "comment \"icorp ")); at++) {
		if (sscanf(at, "comment \"icorp %u %15[0-9.]\" : goto cs%u", &key.icorp, leader, &mark.priority) != 3 ||
		    addr_parse(leader, &key.leader) || prefix_before(table, at, &mark.prefix))
			continue;               /* not as we write them: the next flush removes it */
		session = obtain(s, key);
		rc = session ? 0 : -ENOMEM;
		if (session) {
			session->now = session->next = mark;
			session->adopted = 1;
		}
	}
	free(table);
	return rc;
}

/* ---- the slots ---- */

static int dscp_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	struct dscp_state s = { .nft = nft_ctx_new(NFT_CTX_DEFAULT) };
	int rc = -ENOMEM;

	if (s.nft) {
		nft_ctx_buffer_error(s.nft);
		nft_ctx_set_dry_run(s.nft, true);
		rc = write_table(&s, why, room);
		nft_ctx_free(s.nft);
	}
	return rc;
}

static void dscp_close(void *state)
{
	struct dscp_state *s = state;
	struct dscp_session *session;

	while ((session = next(s, NULL)))
		drop(s, session);
	keymap_free(&s->sessions);
	if (s->nft)
		nft_ctx_free(s->nft);
	free(s);
}

static int dscp_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	struct dscp_state *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (s && (s->nft = nft_ctx_new(NFT_CTX_DEFAULT))) {
		nft_ctx_buffer_output(s->nft);
		nft_ctx_buffer_error(s->nft);
		rc = adopt(s);
	}
	if (rc) {
		snprintf(why, room, "%s", strerror(-rc));
		if (s)
			dscp_close(s);
		return rc;
	}
	*state = s;
	return 0;
}

static int refuse(struct adaptor_result *result, int error, const char *reason)
{
	result->error = error;
	snprintf(result->reason, sizeof(result->reason), "%s", reason);
	return error;
}

static int dscp_check(void *state, const struct adaptor_terms *t, struct adaptor_result *result)
{
	const struct dscp_state *s = state;
	char text[ADAPTOR_REASON];

	if (t->prefix.len < 1 || t->prefix.len > 32)
		return refuse(result, -EINVAL, "no prefix to mark by");
	if (t->priority >= PRIORITIES) {
		snprintf(text, sizeof(text), "priority %u: 0 to 7 is what fits a class selector", t->priority);
		return refuse(result, -EINVAL, text);
	}
	for (const struct dscp_session *other = NULL; (other = next(s, other));) {
		if (other->adopted || !other->next.prefix.len || adaptor_key_equal(other->entry.key, terms_key(t)) ||
		    !prefix_overlaps(other->next.prefix, t->prefix))
			continue;
		snprintf(text, sizeof(text), "the prefix overlaps that of ICorp %u", other->entry.key.icorp);
		return refuse(result, -EEXIST, text);
	}
	return 0;
}

static void stage(struct dscp_session *session, struct mark mark)
{
	session->next = mark;
	session->staged = 1;
}

/* What nobody has applied again gives way to what somebody has. */
static void evict(struct dscp_state *s, struct prefix prefix)
{
	for (struct dscp_session *other = NULL; (other = next(s, other));)
		if (other->adopted && prefix_overlaps(other->next.prefix, prefix))
			stage(other, (struct mark){ 0 });
}

static int dscp_apply(void *state, const struct adaptor_terms *t, struct adaptor_result *result)
{
	struct dscp_state *s = state;
	int rc = dscp_check(s, t, result);
	struct dscp_session *session = rc ? NULL : obtain(s, terms_key(t));

	if (rc)
		return rc;
	if (!session)
		return refuse(result, -ENOMEM, "out of memory");
	struct mark mark = { t->prefix, t->priority };

	mark.prefix.addr.s_addr &= htonl(~0u << (32 - t->prefix.len));
	session->adopted = 0;
	stage(session, mark);
	evict(s, mark.prefix);
	result->grants[result->n_grants++] =
		(struct adaptor_grant){ .outcome = OUTCOME_APPLIED, .enforcement = ENFORCEMENT_BEST_EFFORT };
	snprintf(result->grants[0].reason, ADAPTOR_REASON, "marked CS%u: worth what the network makes of it", t->priority);
	return 0;
}

static int dscp_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	struct dscp_session *session = find(state, key);

	if (session)
		stage(session, (struct mark){ 0 });
	return 0;
}

static int dscp_flush(void *state, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason),
		      void *ctx)
{
	struct dscp_state *s = state;
	struct dscp_session *session, *after;
	char why[ADAPTOR_REASON] = "";
	int staged = 0, rc;

	for (session = NULL; (session = next(s, session));)
		staged |= session->staged;
	rc = staged ? write_table(s, why, sizeof(why)) : 0;
	for (session = next(s, NULL); session; session = after) {
		after = next(s, session);
		if (session->staged && rc) {
			result(ctx, session->entry.key, rc, why);
			session->next = session->now;
		}
		session->now = session->next;
		session->staged = 0;
		if (!session->now.prefix.len)   /* revoked, or never there */
			drop(s, session);
	}
	return 0;
}

static void nobody(void *ctx, struct adaptor_key key, int error, const char *reason)
{
}

static int dscp_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	struct dscp_state *s = state;
	struct dscp_session *session;
	char *before, *after, why[ADAPTOR_REASON];

	*orphans = *repaired = 0;
	for (session = NULL; (session = next(s, session));)
		session->wanted = 0;
	for (size_t i = 0; i < n; i++)
		if ((session = find(s, keys[i])))
			session->wanted = 1;
	for (session = NULL; (session = next(s, session));)
		if (!session->wanted) {
			stage(session, (struct mark){ 0 });
			++*orphans;
		}
	dscp_flush(s, nobody, NULL);
	before = read_table(s);
	int rc = write_table(s, why, sizeof(why));

	after = read_table(s);
	*repaired = !rc && after && (!before || strcmp(before, after));
	free(before);
	free(after);
	return rc;
}

static int dscp_show(void *state, struct writer *w)
{
	char *table = read_table(state);

	writer_str(w, "table", table);
	free(table);
	return 0;
}

static const char *const dscp_options[] = { NULL };

const struct adaptor_ops adaptor_dscp = {
	.type = "dscp",
	.help = "the ICorp's priority in the IP header of its packets (nftables)",
	.terms = TERM_RATE,
	.options = dscp_options,
	.probe = dscp_probe,
	.open = dscp_open,
	.check = dscp_check,
	.apply = dscp_apply,
	.flush = dscp_flush,
	.revoke = dscp_revoke,
	.audit = dscp_audit,
	.show = dscp_show,
	.close = dscp_close,
};
