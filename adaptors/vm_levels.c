/*
 * The levels of a running domain: what demands change. vm_levels_apply sets only what differs from what the hypervisor
 * reports, reads back, and judges by that: a level that reads back as wanted was applied, whatever was said before;
 * one that does not was refused, with the hypervisor's words. CPU shares go as far as the host can: a cgroup2 weight
 * ends at 10000, then the grant says `partly`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/virterror.h>

#include "adaptors/vm.h"

#define MAX_WEIGHT 10000
#define MAX_PARAMS 16           /* more than any hypervisor has: room for all, so that how many need not be asked first */

void vm_levels_wanted(const struct adaptor_terms *t, struct vm_levels *want)
{
	*want = (struct vm_levels){ .cpu_shares = t->isc.spec.cpu_shares, .quota_us = t->isc.spec.cpu_quota_us,
				    .memory_kib = t->isc.spec.memory_kib, .disk_mib = t->isc.spec.disk_mib };
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
	read_scheduler(hv, dom, have);
	read_memory(dom, have);
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

static void judge_disk(struct adaptor_result *r, const struct vm_levels *want, const struct vm_levels *have)
{
	if (!want->disk_mib && !have->disk_mib)
		return;
	struct adaptor_grant *g = grant(r, RESOURCE_DISK, have->disk_mib);

	g->enforcement = ENFORCEMENT_BEST_EFFORT;
	snprintf(g->reason, sizeof(g->reason), "a RAM file system on " VM_DATA_DIR " that counts as memory");
	if (want->disk_mib == have->disk_mib)
		return;
	g->outcome = OUTCOME_REFUSED;
	snprintf(g->reason, sizeof(g->reason), "it is made when the ISC starts, and stays");
}

unsigned vm_levels_apply(const struct vm_hypervisor *hv, virDomainPtr dom, const struct vm_mark *mark,
			 const struct vm_levels *want, struct adaptor_result *result)
{
	char cpu[ADAPTOR_REASON] = "", quota[ADAPTOR_REASON] = "", memory[ADAPTOR_REASON] = "";
	struct vm_levels before, have;
	unsigned tried = 0;

	vm_levels_read(hv, dom, mark, &before);
	if (before.has_shares && want->cpu_shares && before.cpu_shares != want->cpu_shares && ++tried) {
		remember(cpu, set_shares(dom, want->cpu_shares));
		if (cpu[0] && want->cpu_shares > MAX_WEIGHT && before.cpu_shares != MAX_WEIGHT)
			set_shares(dom, MAX_WEIGHT);
	}
	if (before.has_quota && before.quota_us != want->quota_us && ++tried)
		remember(quota, set_quota(dom, hv->quota_param, want->quota_us));
	if (before.has_memory && before.memory_kib != want->memory_kib && ++tried)
		remember(memory, set_memory(dom, want->memory_kib));
	have = before;
	if (tried)
		vm_levels_read(hv, dom, mark, &have);
	if (want->cpu_shares)
		judge(result, RESOURCE_CPU, want->cpu_shares, have.cpu_shares, before.cpu_shares, have.has_shares, cpu,
		      hv->cpu_reason);
	if (quota[0] && result->n_grants && result->grants[0].outcome == OUTCOME_APPLIED) {
		result->grants[0].outcome = OUTCOME_PARTLY;
		snprintf(result->grants[0].reason, ADAPTOR_REASON, "quota: %.100s", quota);
	}
	judge(result, RESOURCE_MEMORY, want->memory_kib, have.memory_kib, before.memory_kib, have.has_memory, memory,
	      hv->memory_reason);
	judge_disk(result, want, &have);
	return tried;
}
