/*
 * The levels of a running domain: what demands change. vm_levels_apply sets only what differs from what the hypervisor
 * reports, reads back, and judges by that: a level that reads back as wanted was applied, whatever was said before;
 * one that does not was refused, with the hypervisor's words. CPU shares go as far as the host can: a cgroup2 weight
 * ends at 10000, then the grant says `partly`.
 *
 * A virtual machine's memory is what its balloon leaves it. The guest does that, in its own time: it is waited for a
 * moment, and what it has not given or taken by then is a grant `partly`: if it has less, that is its level from then on; if
 * it has more, an audit tells it again. A guest that has not answered yet, because it is starting, is believed. It can never
 * have more than the domain was made with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libvirt/virterror.h>

#include "adaptors/vm.h"

#define MAX_WEIGHT 10000
#define MAX_PARAMS 16           /* more than any hypervisor has: room for all, so that how many need not be asked first */
#define BALLOON_POLLS 40
#define BALLOON_POLL_NS 20000000
#define BALLOON_PAGE_KIB 4
#define MIN_BLOCK_WEIGHT 10
#define MAX_BLOCK_WEIGHT 1000

/* One ordinary share of the CPU comes with a block weight of 100. */
static uint64_t block_weight(uint64_t cpu_shares)
{
	uint64_t weight = cpu_shares > UINT64_MAX / 100 ? MAX_BLOCK_WEIGHT : cpu_shares * 100 / 1024;

	return weight < MIN_BLOCK_WEIGHT ? MIN_BLOCK_WEIGHT : weight > MAX_BLOCK_WEIGHT ? MAX_BLOCK_WEIGHT : weight;
}

void vm_levels_wanted(const struct adaptor_terms *t, struct vm_levels *want)
{
	*want = (struct vm_levels){ .cpu_shares = t->isc.spec.cpu_shares, .quota_us = t->isc.spec.cpu_quota_us,
				    .memory_kib = t->isc.spec.memory_kib, .disk_mib = t->isc.spec.disk_mib,
				    .block_weight = block_weight(t->isc.spec.cpu_shares) };
}

static void read_scheduler(const struct vm_hypervisor *hv, virDomainPtr dom, struct vm_levels *have)
{
	virTypedParameter params[MAX_PARAMS];
	unsigned long long shares = 0;
	long long quota = 0;
	int n = MAX_PARAMS;

	memset(params, 0, sizeof(params));
	if (virDomainGetSchedulerParametersFlags(dom, params, &n, VIR_DOMAIN_AFFECT_LIVE))
		return;
	have->has_shares = virTypedParamsGetULLong(params, n, VIR_DOMAIN_SCHEDULER_CPU_SHARES, &shares) == 1;
	have->cpu_shares = shares;
	have->has_quota = hv->quota_param && virTypedParamsGetLLong(params, n, hv->quota_param, &quota) == 1;
	have->quota_us = quota > 0 ? (uint64_t)quota : 0;
	virTypedParamsClear(params, n);
}

static void read_balloon(virDomainPtr dom, struct vm_levels *have)
{
	virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
	int n = virDomainMemoryStats(dom, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);

	have->most_kib = virDomainGetMaxMemory(dom);
	for (int i = 0; i < n; i++) {
		if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON) {
			have->has_memory = 1;
			have->memory_kib = stats[i].val;
		} else if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE) {
			have->balloon_works = stats[i].val > 0;
		}
	}
}

static void read_block_weight(virDomainPtr dom, struct vm_levels *have)
{
	virTypedParameter params[MAX_PARAMS];
	unsigned weight = 0;
	int n = MAX_PARAMS;

	memset(params, 0, sizeof(params));
	if (virDomainGetBlkioParameters(dom, params, &n, VIR_DOMAIN_AFFECT_LIVE))
		return;
	/* 0: the host's control group has none */
	have->has_block_weight = virTypedParamsGetUInt(params, n, VIR_DOMAIN_BLKIO_WEIGHT, &weight) == 1 && weight;
	have->block_weight = weight;
	virTypedParamsClear(params, n);
}

static void read_memory(virDomainPtr dom, struct vm_levels *have)
{
	virTypedParameter params[MAX_PARAMS];
	unsigned long long limit = 0;
	int n = MAX_PARAMS;

	memset(params, 0, sizeof(params));
	if (virDomainGetMemoryParameters(dom, params, &n, VIR_DOMAIN_AFFECT_LIVE))
		return;
	have->has_memory = virTypedParamsGetULLong(params, n, VIR_DOMAIN_MEMORY_HARD_LIMIT, &limit) == 1;
	have->memory_kib = limit;
	virTypedParamsClear(params, n);
}

void vm_levels_read(const struct vm_hypervisor *hv, virDomainPtr dom, const struct vm_mark *mark,
		    struct vm_levels *have)
{
	memset(have, 0, sizeof(*have));
	if (mark->whole) {
		*have = (struct vm_levels){ .cpu_shares = mark->cpu_shares, .memory_kib = mark->memory_kib,
					    .disk_mib = mark->disk_mib, .has_shares = 1, .has_memory = 1 };
		return;
	}
	read_scheduler(hv, dom, have);
	if (hv->balloon)
		read_balloon(dom, have);
	else
		read_memory(dom, have);
	if (hv->disk_is_file && mark->disk_mib)
		read_block_weight(dom, have);
	have->disk_mib = mark->disk_mib;
	virResetLastError();
}

static int set_shares(virDomainPtr dom, uint64_t shares)
{
	virTypedParameterPtr params = NULL;
	int n = 0, room = 0, rc = -1;

	if (!virTypedParamsAddULLong(&params, &n, &room, VIR_DOMAIN_SCHEDULER_CPU_SHARES, shares))
		rc = virDomainSetSchedulerParametersFlags(dom, params, n, VIR_DOMAIN_AFFECT_LIVE);
	virTypedParamsFree(params, n);
	return rc;
}

static int set_quota(virDomainPtr dom, const char *name, uint64_t quota_us)
{
	virTypedParameterPtr params = NULL;
	int n = 0, room = 0, rc = -1;

	if (!virTypedParamsAddLLong(&params, &n, &room, name, quota_us ? (long long)quota_us : -1))
		rc = virDomainSetSchedulerParametersFlags(dom, params, n, VIR_DOMAIN_AFFECT_LIVE);
	virTypedParamsFree(params, n);
	return rc;
}

static int set_memory(virDomainPtr dom, uint64_t kib)
{
	virTypedParameterPtr params = NULL;
	int n = 0, room = 0, rc = -1;

	if (!virTypedParamsAddULLong(&params, &n, &room, VIR_DOMAIN_MEMORY_HARD_LIMIT, kib))
		rc = virDomainSetMemoryParameters(dom, params, n, VIR_DOMAIN_AFFECT_LIVE);
	virTypedParamsFree(params, n);
	return rc;
}

static int set_block_weight(virDomainPtr dom, uint64_t weight)
{
	virTypedParameterPtr params = NULL;
	int n = 0, room = 0, rc = -1;

	if (!virTypedParamsAddUInt(&params, &n, &room, VIR_DOMAIN_BLKIO_WEIGHT, (unsigned)weight))
		rc = virDomainSetBlkioParameters(dom, params, n, VIR_DOMAIN_AFFECT_LIVE);
	virTypedParamsFree(params, n);
	return rc;
}

/* A balloon has whole pages. */
static int same_memory(const struct vm_hypervisor *hv, uint64_t want, uint64_t have)
{
	if (!hv->balloon)
		return want == have;
	return want / BALLOON_PAGE_KIB + (want % BALLOON_PAGE_KIB != 0) == have / BALLOON_PAGE_KIB;
}

/* Tells the guest and, if somebody wants to know, waits a moment until it has done it. */
static int set_balloon(const struct vm_hypervisor *hv, virDomainPtr dom, uint64_t kib, int wait)
{
	const struct timespec pause = { .tv_nsec = BALLOON_POLL_NS };
	struct vm_levels now = { .balloon_works = 1 };

	if (virDomainSetMemoryFlags(dom, kib, VIR_DOMAIN_AFFECT_LIVE))
		return -1;
	for (unsigned i = 0; wait && i < BALLOON_POLLS; i++) {
		read_balloon(dom, &now);
		if (!now.balloon_works || same_memory(hv, kib, now.memory_kib))
			return 0;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void remember(char *why, int failed)
{
	const char *text = failed ? virGetLastErrorMessage() : NULL;

	if (text)
		snprintf(why, ADAPTOR_REASON, "%s", text);
}

static struct adaptor_grant *grant(struct adaptor_result *r, uint8_t resource, uint64_t level)
{
	struct adaptor_grant *g = &r->grants[r->n_grants++];

	*g = (struct adaptor_grant){ .resource = resource, .outcome = OUTCOME_APPLIED,
				     .enforcement = ENFORCEMENT_ENFORCED, .level = level };
	return g;
}

/* A grant for a level that reads back as `have`, or is not reported at all. */
static void judge(struct adaptor_result *r, uint8_t resource, uint64_t want, uint64_t have, uint64_t before,
		  int reported, const char *why, const char *weak)
{
	struct adaptor_grant *g = grant(r, resource, reported ? have : want);

	if (!reported) {
		g->enforcement = ENFORCEMENT_NONE;
		snprintf(g->reason, sizeof(g->reason), "%s", weak ? weak : "this hypervisor does not report it");
		return;
	}
	if (weak) {
		g->enforcement = ENFORCEMENT_NONE;
		snprintf(g->reason, sizeof(g->reason), "%s", weak);
	}
	if (have == want)
		return;
	g->outcome = have == before ? OUTCOME_REFUSED : OUTCOME_PARTLY;
	snprintf(g->reason, sizeof(g->reason), "%s", why[0] ? why : "the host has another level");
}

static void judge_balloon(struct adaptor_result *r, const struct vm_hypervisor *hv, virDomainPtr dom, uint64_t want,
			  const struct vm_levels *have, const char *why)
{
	struct adaptor_grant *g = grant(r, RESOURCE_MEMORY, have->has_memory ? have->memory_kib : want);
	uint64_t most = virDomainGetMaxMemory(dom);

	g->enforcement = ENFORCEMENT_BEST_EFFORT;
	if (!have->balloon_works) {
		g->level = want < most ? want : most;
		snprintf(g->reason, sizeof(g->reason), "a balloon that the guest has not answered for yet");
	} else if (same_memory(hv, want, have->memory_kib)) {
		snprintf(g->reason, sizeof(g->reason), "a balloon: kept by the guest, and never more than %llu KiB",
			 (unsigned long long)most);
		g->level = want;
	}
	if (g->level == want)
		return;
	g->outcome = OUTCOME_PARTLY;
	if (why[0])
		snprintf(g->reason, sizeof(g->reason), "%s", why);
	else if (want > most)
		snprintf(g->reason, sizeof(g->reason), "the machine was made with %llu KiB", (unsigned long long)most);
	else
		snprintf(g->reason, sizeof(g->reason), "the guest's balloon is not further yet");
}

static void judge_file(struct adaptor_grant *g, const struct vm_levels *have, const char *weight)
{
	g->enforcement = ENFORCEMENT_ENFORCED;
	if (have->has_block_weight)
		snprintf(g->reason, sizeof(g->reason), "block weight %llu", (unsigned long long)have->block_weight);
	else
		snprintf(g->reason, sizeof(g->reason), "its size; no block weight: %.80s",
			 weight[0] ? weight : "this host has none");
}

static void judge_disk(struct adaptor_result *r, const struct vm_hypervisor *hv, const struct vm_levels *want,
		       const struct vm_levels *have, const char *weight)
{
	if (!want->disk_mib && !have->disk_mib)
		return;
	struct adaptor_grant *g = grant(r, RESOURCE_DISK, have->disk_mib);

	g->enforcement = ENFORCEMENT_BEST_EFFORT;
	if (hv->disk_is_file)
		judge_file(g, have, weight);
	else
		snprintf(g->reason, sizeof(g->reason), "a RAM file system on " VM_DATA_DIR " that counts as memory");
	if (want->disk_mib == have->disk_mib)
		return;
	g->outcome = OUTCOME_REFUSED;
	snprintf(g->reason, sizeof(g->reason), "it is made when the ISC starts, and stays");
}

/* What became of each change that was tried, in libvirt's words: empty when it took it. */
struct words { char cpu[ADAPTOR_REASON], quota[ADAPTOR_REASON], memory[ADAPTOR_REASON], weight[ADAPTOR_REASON]; };

/* Sets what differs. Returns how many changes it tried. */
static unsigned change(const struct vm_hypervisor *hv, virDomainPtr dom, const struct vm_levels *want,
		       const struct vm_levels *have, int wait, struct words *why)
{
	uint64_t kib = have->most_kib && want->memory_kib > have->most_kib ? have->most_kib : want->memory_kib;
	unsigned tried = 0;

	if (have->has_shares && want->cpu_shares && have->cpu_shares != want->cpu_shares && ++tried) {
		remember(why->cpu, set_shares(dom, want->cpu_shares));
		if (why->cpu[0] && want->cpu_shares > MAX_WEIGHT && have->cpu_shares != MAX_WEIGHT)
			set_shares(dom, MAX_WEIGHT);
	}
	if (have->has_quota && have->quota_us != want->quota_us && ++tried)
		remember(why->quota, set_quota(dom, hv->quota_param, want->quota_us));
	if (have->has_memory && !same_memory(hv, kib, have->memory_kib)) {
		remember(why->memory, hv->balloon ? set_balloon(hv, dom, kib, wait) : set_memory(dom, kib));
		tried += !hv->balloon || have->balloon_works;   /* a guest that starts is told, and nothing more */
	}
	if (have->has_block_weight && have->block_weight != want->block_weight && ++tried)
		remember(why->weight, set_block_weight(dom, want->block_weight));
	return tried;
}

/* A server that is one ISC: that has all there is, and cannot have more or less. */
static void judge_whole(struct adaptor_result *r, uint8_t resource, uint64_t want, uint64_t base)
{
	struct adaptor_grant *g = grant(r, resource, base);

	snprintf(g->reason, sizeof(g->reason), "the whole server");
	if (want == base)
		return;
	g->outcome = OUTCOME_REFUSED;
	snprintf(g->reason, sizeof(g->reason), "the ISC is the whole server, which has no partitions that could change");
}

unsigned vm_levels_apply(const struct vm_hypervisor *hv, virDomainPtr dom, const struct vm_mark *mark,
			 const struct vm_levels *want, struct adaptor_result *result)
{
	struct vm_levels before, have;
	struct words why = { "", "", "", "" };
	unsigned tried;

	vm_levels_read(hv, dom, mark, &before);
	if (!result)
		return mark->whole ? 0 : change(hv, dom, want, &before, 0, &why);
	if (mark->whole) {
		judge_whole(result, RESOURCE_CPU, want->cpu_shares, before.cpu_shares);
		judge_whole(result, RESOURCE_MEMORY, want->memory_kib, before.memory_kib);
		judge_disk(result, hv, want, &before, "");
		return 0;
	}
	tried = change(hv, dom, want, &before, 1, &why);
	have = before;
	if (tried)
		vm_levels_read(hv, dom, mark, &have);
	if (want->cpu_shares)
		judge(result, RESOURCE_CPU, want->cpu_shares, have.cpu_shares, before.cpu_shares, have.has_shares, why.cpu,
		      hv->cpu_reason);
	if (why.quota[0] && result->n_grants && result->grants[0].outcome == OUTCOME_APPLIED) {
		result->grants[0].outcome = OUTCOME_PARTLY;
		snprintf(result->grants[0].reason, ADAPTOR_REASON, "quota: %.100s", why.quota);
	}
	if (hv->balloon)
		judge_balloon(result, hv, dom, want->memory_kib, &have, why.memory);
	else
		judge(result, RESOURCE_MEMORY, want->memory_kib, have.memory_kib, before.memory_kib, have.has_memory,
		      why.memory, hv->memory_reason);
	judge_disk(result, hv, want, &have, why.weight);
	return tried;
}
