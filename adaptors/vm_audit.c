/*
 * Looking at what is really there: all running domains with our mark, and all directories of sessions. Both are found
 * by what they carry, not by what this process remembers, so a crash leaves nothing that an audit would not find.
 */
#include <errno.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/vm.h"
#include "lib/log.h"
#include "lib/writer.h"

#define AGENT_TIMEOUT_S 1

struct walk;
typedef int walk_fn(struct walk *w, virDomainPtr dom, const struct vm_mark *mark);
struct walk { struct vm_state *s; walk_fn *each; void *ctx; };

static int walk_one(struct walk *w, virDomainPtr dom)
{
	const char *name = virDomainGetName(dom);
	struct adaptor_key key;
	struct vm_mark mark;

	if (!name || vm_domain_key(name, &key))
		return 0;
	char *xml = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, VM_XMLNS, VIR_DOMAIN_AFFECT_LIVE);
	int ours = xml && !vm_mark_parse(xml, &mark) && adaptor_key_equal(mark.key, key);

	free(xml);
	vm_bound();
	return ours ? w->each(w, dom, &mark) : 0;
}

/* Every running domain of ours. 0 or -errno; an `each` that fails does not stop it. */
static int walk(struct walk *w)
{
	char why[ADAPTOR_REASON];
	virConnectPtr conn = vm_conn_get(w->s->conn, why, sizeof(why));
	virDomainPtr *doms = NULL;
	int rc = 0;

	if (!conn)
		return -EAGAIN;
	int n = virConnectListAllDomains(conn, &doms, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	if (n < 0)
		return vm_conn_error(w->s->conn, why, sizeof(why));
	for (int i = 0; i < n; i++) {
		int one = walk_one(w, doms[i]);

		rc = rc ? rc : one;
		virDomainFree(doms[i]);
	}
	free(doms);
	return rc;
}

struct audit { struct vm_state *s; const struct adaptor_key *keys; size_t n; unsigned *orphans, *repaired; };

static int wanted(const struct audit *a, struct adaptor_key key)
{
	for (size_t i = 0; i < a->n; i++)
		if (adaptor_key_equal(a->keys[i], key))
			return 1;
	return 0;
}

static int audit_domain(struct walk *w, virDomainPtr dom, const struct vm_mark *mark)
{
	struct adaptor_result result = { 0 };
	struct audit *a = w->ctx;
	int changed = 0;

	if (!wanted(a, mark->key)) {
		int rc = vm_destroy(w->s->conn, dom, result.reason, sizeof(result.reason));

		if (!rc) {
			log_icorp(LOG_LEVEL_WARN, mark->key.icorp, "destroyed the orphan %s", virDomainGetName(dom));
			++*a->orphans;
			vm_files_remove(w->s->options.state, mark->key);
		}
		return rc;
	}
	for (struct vm_session *s = w->s->sessions; s; s = s->next)
		if (adaptor_key_equal(s->key, mark->key) && vm_levels_apply(w->s->options.hv, dom, mark, &s->want, NULL))
			++*a->repaired;
	if (vm_link_guard(mark->key, &changed, result.reason, sizeof(result.reason)))
		log_icorp(LOG_LEVEL_WARN, mark->key.icorp, "%s", result.reason);
	*a->repaired += (unsigned)changed;
	return 0;
}

static void audit_dir(void *ctx, struct adaptor_key key)
{
	struct audit *a = ctx;

	if (!wanted(a, key) && !vm_files_remove(a->s->options.state, key))
		++*a->orphans;
}

int vm_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	struct vm_state *s = state;
	struct audit a = { .s = s, .keys = keys, .n = n, .orphans = orphans, .repaired = repaired };
	struct walk w = { .s = s, .each = audit_domain, .ctx = &a };

	*orphans = *repaired = 0;
	vm_bound();
	int rc = walk(&w);

	/* Only when the domains are known to be gone may their directories go. */
	if (!rc)
		rc = vm_files_each(s->options.state, audit_dir, &a);
	vm_unbound();
	return rc;
}

static void identity(struct writer *out, const struct vm_mark *mark)
{
	char leader[ADDR_TEXT];

	writer_object(out, NULL);
	writer_uint(out, "icorp", mark->key.icorp);
	writer_str(out, "leader", addr_text(mark->key.leader, leader));
}

static int measure_domain(struct walk *w, virDomainPtr dom, const struct vm_mark *mark)
{
	struct _virDomainInterfaceStats net;
	struct writer *out = w->ctx;
	char ifname[IFNAMSIZ];
	virDomainInfo info;

	if (virDomainGetInfo(dom, &info))
		return 0;   /* it has just ended */
	identity(out, mark);
	writer_uint(out, "cpu_time_ns", info.cpuTime);
	writer_uint(out, "memory_kib", info.memory);
	vm_ifname(mark->key, ifname);
	if (!virDomainInterfaceStats(dom, ifname, &net, sizeof(net))) {
		writer_int(out, "rx_bytes", net.rx_bytes);
		writer_int(out, "tx_bytes", net.tx_bytes);
		writer_int(out, "rx_packets", net.rx_packets);
		writer_int(out, "tx_packets", net.tx_packets);
	}
	writer_end(out);
	return 0;
}

/* A guest agent answers: the guest is up. What it says is the client's, and for nobody's terminal. */
static int guest_answers(virDomainPtr dom)
{
	virTypedParameterPtr params = NULL;
	int n = 0, yes;

	virDomainAgentSetResponseTimeout(dom, AGENT_TIMEOUT_S, 0);
	yes = !virDomainGetGuestInfo(dom, VIR_DOMAIN_GUEST_INFO_HOSTNAME, &params, &n, 0);
	virTypedParamsFree(params, n);
	return yes;
}

static int show_domain(struct walk *w, virDomainPtr dom, const struct vm_mark *mark)
{
	struct writer *out = w->ctx;
	struct vm_levels have;
	char ifname[IFNAMSIZ];

	vm_levels_read(w->s->options.hv, dom, mark, &have);
	vm_ifname(mark->key, ifname);
	identity(out, mark);
	writer_str(out, "domain", virDomainGetName(dom));
	writer_str(out, "interface", ifname);
	if (have.has_shares)
		writer_uint(out, "cpu_shares", have.cpu_shares);
	if (have.has_quota)
		writer_uint(out, "cpu_quota_us", have.quota_us);
	if (have.has_memory)
		writer_uint(out, "memory_kib", have.memory_kib);
	writer_uint(out, "disk_mib", have.disk_mib);
	if (w->s->options.hv->guest_agent)
		writer_bool(out, "guest_agent", guest_answers(dom));
	writer_end(out);
	return 0;
}

static int found_domain(struct walk *w, virDomainPtr dom, const struct vm_mark *mark)
{
	uint32_t handled[RESOURCE_MAX + 1];
	struct writer *out = w->ctx;
	struct vm_levels have;

	vm_levels_read(w->s->options.hv, dom, mark, &have);
	vm_files_handled(w->s->options.state, mark->key, handled);
	identity(out, mark);
	writer_array(out, "levels");
	writer_uint(out, NULL, 0);
	writer_uint(out, NULL, have.cpu_shares);
	writer_uint(out, NULL, have.memory_kib < VIR_DOMAIN_MEMORY_PARAM_UNLIMITED ? have.memory_kib : 0);
	writer_uint(out, NULL, have.disk_mib);
	writer_end(out);
	writer_array(out, "handled");
	for (unsigned r = 1; r <= RESOURCE_MAX; r++)
		writer_uint(out, NULL, handled[r]);
	writer_end(out);
	writer_end(out);
	return 0;
}

static int list(struct vm_state *s, struct writer *out, walk_fn *each)
{
	struct walk w = { .s = s, .each = each, .ctx = out };

	vm_bound();
	writer_array(out, "sessions");
	int rc = walk(&w);

	writer_end(out);
	vm_unbound();
	return rc;
}

int vm_inventory(void *state, struct writer *out)
{
	return list(state, out, found_domain);
}

int vm_measure(void *state, struct writer *out)
{
	return list(state, out, measure_domain);
}

int vm_show(void *state, struct writer *out)
{
	struct vm_state *s = state;
	char why[ADAPTOR_REASON] = "";

	writer_str(out, "uri", s->options.uri);
	vm_bound();
	virConnectPtr conn = vm_conn_get(s->conn, why, sizeof(why));

	vm_unbound();
	writer_str(out, "connection", conn ? "up" : why);
	return conn ? list(s, out, show_domain) : 0;
}
