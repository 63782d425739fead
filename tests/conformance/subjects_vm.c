/*
 * The rows of icorp-adaptor-vm: libvirt's own test driver, which lives and dies with this process and is looked at through
 * a connection of ours; and LXC under a libvirtd that tests/e2e/vm.sh has started (CONFORM_URI, CONFORM_IMAGE).
 */
#include "config.h"

#include "tests/conformance/conformance.h"

#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void spoil_vm(struct conform_terms *c)
{
	c->t.isc.spec.memory_kib = 0;
}

/* Held for good: the driver's domains are there as long as anyone is connected. */
static virConnectPtr connection(void)
{
	static virConnectPtr conn;

	if (!conn)
		conn = virConnectOpen("test:///default");
	assert_non_null(conn);
	return conn;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(virDomainGetName(*(const virDomainPtr *)a), virDomainGetName(*(const virDomainPtr *)b));
}

static void limit(virDomainPtr dom, unsigned long long *kib)
{
	virTypedParameterPtr params;
	int n = 0;

	assert_int_equal(virDomainGetMemoryParameters(dom, NULL, &n, 0), 0);
	params = calloc((size_t)n, sizeof(*params));
	assert_int_equal(virDomainGetMemoryParameters(dom, params, &n, 0), 0);
	virTypedParamsGetULLong(params, n, VIR_DOMAIN_MEMORY_HARD_LIMIT, kib);
	virTypedParamsFree(params, n);
}

static char *look_test(void)
{
	char *text = NULL, *files = conform_shell("ls -R $DIR/state 2> /dev/null; cat $DIR/state/*/boot.json 2> /dev/null; true");
	virDomainPtr *doms;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int n = virConnectListAllDomains(connection(), &doms, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	assert_non_null(out);
	assert_true(n >= 0);
	qsort(doms, (size_t)n, sizeof(doms[0]), by_name);
	for (int i = 0; i < n; i++) {
		unsigned long long kib = 0;

		if (!strncmp(virDomainGetName(doms[i]), "icorp-", 6)) {
			limit(doms[i], &kib);
			fprintf(out, "%s %llu\n", virDomainGetName(doms[i]), kib);
		}
		virDomainFree(doms[i]);
	}
	free(doms);
	fprintf(out, "%s", files);
	free(files);
	fclose(out);
	return text;
}

static void hurt_test(void)
{
	virDomainPtr dom = virDomainLookupByName(connection(), "icorp-7-0ac8010b");
	virTypedParameterPtr params = NULL;
	int n = 0, room = 0;

	assert_non_null(dom);
	virTypedParamsAddULLong(&params, &n, &room, VIR_DOMAIN_MEMORY_HARD_LIMIT, 4096);
	assert_int_equal(virDomainSetMemoryParameters(dom, params, n, VIR_DOMAIN_AFFECT_LIVE), 0);
	virTypedParamsFree(params, n);
	virDomainFree(dom);
}

#define VIRSH "virsh -q -c \"$CONFORM_URI\" "
#define LXC_7 "icorp-7-0ac8010b"

const struct subject conform_subjects[] = {
	{ .name = "vm-test", .type = "vm", .options = { { "uri", "test:///default" }, { "state", "$DIR/state" } },
	  .spoil = spoil_vm, .look = look_test, .hurt = hurt_test, .forgets = 1 },
	{ .name = "lxc", .type = "vm",
	  .options = { { "uri", "$CONFORM_URI" }, { "state", "$DIR/state" }, { "image.web", "$CONFORM_IMAGE" },
		       { "init", "/usr/sbin/test-init" } },
	  .needs_root = 1, .prepare = "[ -n \"$CONFORM_URI\" ] && " VIRSH "list", .spoil = spoil_vm,
	  .see = "for d in $(" VIRSH "list --name | grep ^icorp- | grep -v foreign | sort); do echo $d;"
		 VIRSH "schedinfo $d; " VIRSH "memtune $d | grep hard; done; ls -R $DIR/state 2> /dev/null;"
		 "cat $DIR/state/*/boot.json 2> /dev/null; true",
	  .harm = { VIRSH "schedinfo --live " LXC_7 " --set cpu_shares=99", VIRSH "memtune --live " LXC_7 " --hard-limit 200000" },
	  .foreign = "echo \"<domain type='lxc'><name>foreign</name><memory unit='MiB'>32</memory><os><type>exe</type>"
		     "<init>/bin/sleep</init><initarg>600</initarg></os><devices><filesystem type='mount'><source dir='$CONFORM_IMAGE'/>"
		     "<target dir='/'/></filesystem><console type='pty'/></devices></domain>\" > $DIR/foreign.xml;"
		     VIRSH "create $DIR/foreign.xml",
	  .foreign_see = VIRSH "domid foreign",
	  .finish = VIRSH "destroy foreign 2> /dev/null; true", .many = 4, .points = 2 },
};
const size_t conform_n_subjects = sizeof(conform_subjects) / sizeof(conform_subjects[0]);
