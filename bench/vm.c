/*
 * What the vm adaptor adds to libvirt: an ISC created and resized through a real icorp-adaptor-vm, driven over its own
 * protocol, and beside it, in turns, an equal domain with the same libvirt calls made bare. It needs a libvirtd, and an
 * image as the adaptor wants it; tests/e2e/vm.sh has both and runs it, and passes on what is in BENCHFLAGS.
 */
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adaptors/vm.h"
#include "bench/load/adaptor.h"
#include "bench/load/options.h"
#include "bench/load/report.h"
#include "lib/clock.h"

#define RESIZES 8               /* of an ISC, in a round */
#define OURS 990001u            /* the ICorps' numbers */
#define BARE 990002u

enum { CREATE, RESIZE, CALLS };

struct series { unsigned n; double ms[BENCH_ROUNDS_MAX * RESIZES]; };

struct vm_bench {
	struct options options;
	const char *uri, *image, *init;
	char state[64];
	struct report report;
	struct vm_options vm;           /* as the adaptor's, for an equal domain's XML */
	struct bench_adaptor adaptor;
	virConnectPtr conn;
	struct series ours[CALLS], bare[CALLS];
};

static struct vm_bench bench = { .uri = "lxc:///system", .init = "/usr/sbin/icorp-agent" };

static struct adaptor_terms isc(uint32_t icorp, unsigned step)
{
	struct adaptor_terms t = bench_adaptor_terms(icorp, (struct prefix){ .len = 24 }, "", 0);

	t.n_ports = 0;
	t.isc.present = 1;
	snprintf(t.isc.spec.image, sizeof(t.isc.spec.image), "bench");
	t.isc.spec.cpu_shares = 512 + 64 * step;
	t.isc.spec.memory_kib = 65536 + 1024 * step;
	t.isc.spec.vcpus = 1;
	t.isc.address.s_addr = htonl(0x0a400000u | (icorp & 0xffff));
	t.isc.host.s_addr = htonl(0xa9fe0101u);
	t.isc.host_port = 3455;
	return t;
}

static void add(struct series *s, uint64_t start_us)
{
	s->ms[s->n++] = (double)(clock_now_us() - start_us) / 1e3;
}

static int libvirt_failed(const char *what)
{
	const char *why = virGetLastErrorMessage();

	fprintf(stderr, "vm: %s: %s\n", what, why ? why : "failed");
	return -1;
}

/* ---- through the adaptor ---- */

static int apply(struct vm_bench *b, unsigned step, struct series *s)
{
	struct adaptor_terms t = isc(OURS, step);
	uint64_t start = clock_now_us();

	if (bench_adaptor_apply(&b->adaptor, &t) || bench_adaptor_wait(&b->adaptor))
		return -1;
	add(s, start);
	return 0;
}

static int give_up(struct vm_bench *b)
{
	struct adaptor_terms t = isc(OURS, 0);

	return bench_adaptor_revoke(&b->adaptor, &t) || bench_adaptor_wait(&b->adaptor) ? -1 : 0;
}

/* ---- bare ---- */

/* The directory that the domain mounts is made before, the XML written, and neither counts. */
static int bare_create(struct vm_bench *b, virDomainPtr *dom, struct series *s)
{
	struct adaptor_terms t = isc(BARE, 0);
	uint64_t start;
	char *xml;
	int changed;

	if (vm_files_write(b->state, b->vm.hv->dir_mode, &t, &changed) || vm_domain_xml(&b->vm, &t, &xml))
		return -1;
	start = clock_now_us();
	*dom = virDomainCreateXML(b->conn, xml, 0);
	free(xml);
	if (!*dom)
		return libvirt_failed("create");
	add(s, start);
	return 0;
}

static int bare_set(virDomainPtr dom, const char *name, unsigned long long value,
		    int (*set)(virDomainPtr dom, virTypedParameterPtr params, int n, unsigned flags))
{
	virTypedParameterPtr params = NULL;
	int n = 0, room = 0, rc = -1;

	if (!virTypedParamsAddULLong(&params, &n, &room, name, value))
		rc = set(dom, params, n, VIR_DOMAIN_AFFECT_LIVE);
	virTypedParamsFree(params, n);
	return rc ? libvirt_failed(name) : 0;
}

static int bare_resize(struct vm_bench *b, unsigned step, struct series *s)
{
	struct adaptor_terms t = isc(BARE, step);
	char name[VM_NAME];
	uint64_t start = clock_now_us();
	virDomainPtr dom;
	int rc;

	vm_domain_name(terms_key(&t), name);
	dom = virDomainLookupByName(b->conn, name);
	if (!dom)
		return libvirt_failed("lookup");
	rc = bare_set(dom, VIR_DOMAIN_SCHEDULER_CPU_SHARES, t.isc.spec.cpu_shares,
		      virDomainSetSchedulerParametersFlags) ||
	     bare_set(dom, VIR_DOMAIN_MEMORY_HARD_LIMIT, t.isc.spec.memory_kib, virDomainSetMemoryParameters) ? -1 : 0;
	virDomainFree(dom);
	if (!rc)
		add(s, start);
	return rc;
}

/* ---- in turns ---- */

/* Each setting makes libvirtd write a file and wait for the disk, whose mood changes from second to second: so the two are
 * there at the same time, and every call has its counterpart right before or after it. */
static int both(struct vm_bench *b, unsigned turn, unsigned step, virDomainPtr *dom)
{
	int rc = 0;

	for (unsigned k = 0; !rc && k < 2; k++) {
		if ((turn + k) % 2 == 0)
			rc = apply(b, step, &b->ours[step ? RESIZE : CREATE]);
		else
			rc = step ? bare_resize(b, step, &b->bare[RESIZE]) : bare_create(b, dom, &b->bare[CREATE]);
	}
	return rc;
}

static int measure_round(struct vm_bench *b, unsigned round)
{
	struct adaptor_terms t = isc(BARE, 0);
	virDomainPtr dom = NULL;
	int rc = 0;

	for (unsigned step = 0; !rc && step <= RESIZES; step++)
		rc = both(b, round + step, step, &dom);
	if (dom && virDomainDestroy(dom))
		rc = libvirt_failed("destroy");
	if (dom)
		virDomainFree(dom);
	vm_files_remove(b->state, terms_key(&t));
	return give_up(b) || rc ? -1 : 0;
}

static void report_call(struct vm_bench *b, unsigned call, const char *name, const char *calls)
{
	struct report_row row = { .name = name, .unit = "ms" };
	double ratio[BENCH_ROUNDS_MAX * RESIZES];
	unsigned n = b->ours[call].n;

	for (unsigned i = 0; i < n; i++)
		ratio[i] = b->ours[call].ms[i] / b->bare[call].ms[i];
	row.value = report_quantile(b->ours[call].ms, n, 0.5);
	row.floor = report_quantile(b->bare[call].ms, n, 0.5);
	row.goal = 1.1 * row.floor;
	snprintf(row.note, sizeof(row.note), "floor: %s, bare; of %u pairs, %.2f to %.2f, the ratio's median %.2f", calls, n,
		 report_quantile(ratio, n, 0.1), report_quantile(ratio, n, 0.9), report_quantile(ratio, n, 0.5));
	report_add(&b->report, &row);
}

static void measure(void *ctx)
{
	struct vm_bench *b = ctx;
	int rc = 0;

	for (unsigned i = 0; !rc && i < b->options.rounds; i++)
		rc = measure_round(b, i);
	if (rc) {
		report_missing(&b->report, "isc_create_ms", "see above");
		return;
	}
	report_call(b, CREATE, "isc_create_ms", "virDomainCreateXML");
	report_call(b, RESIZE, "isc_resize_ms", "a lookup, cpu_shares, hard_limit");
}

/* ---- the program ---- */

static const struct options_measurement measurements[] = {
	{ "isc", "isc_create_ms, isc_resize_ms, beside bare libvirt calls", measure },
};

static const struct options_own own[] = {
	{ "uri", "URI", "libvirt's (default lxc:///system)", NULL, &bench.uri },
	{ "image", "DIR", "the ISC's root file system; testbed/mkimage makes one", NULL, &bench.image },
	{ "init", "PATH", "its first process (default /usr/sbin/icorp-agent)", NULL, &bench.init },
};

static const struct options_program program = {
	.measurements = measurements, .n_measurements = 1, .own = own, .n_own = sizeof(own) / sizeof(own[0]), .rounds = 5,
};

static int open_both(struct vm_bench *b, struct vm_image *image)
{
	const struct adaptor_option options[] = {
		{ "uri", b->uri }, { "image.bench", b->image }, { "state", b->state }, { "init", b->init },
	};

	snprintf(image->name, sizeof(image->name), "bench");
	image->path = (char *)(uintptr_t)b->image;
	b->vm = (struct vm_options){ .uri = (char *)(uintptr_t)b->uri, .state = b->state, .init = (char *)(uintptr_t)b->init,
				     .images = image, .n_images = 1, .hv = vm_hypervisor_find(b->uri) };
	b->conn = virConnectOpen(b->uri);
	if (!b->conn)
		return libvirt_failed(b->uri);
	return bench_adaptor_open(&b->adaptor, b->options.directory, NULL, "vm", options, 4);
}

int main(int argc, char **argv)
{
	const char *about[] = { "adaptor", "vm", "uri", NULL, NULL };
	struct vm_image image;
	int rc;

	if (options_parse(&bench.options, &program, argc, argv))
		return 2;
	snprintf(bench.state, sizeof(bench.state), "/var/tmp/icorp-bench-vm.XXXXXX");
	if (!bench.image || !mkdtemp(bench.state)) {
		fprintf(stderr, "vm: an image is needed: --image DIR; see --help\n");
		return 2;
	}
	rc = open_both(&bench, &image);
	if (!rc)
		options_run(&bench.options, &program, &bench);
	bench_adaptor_close(&bench.adaptor);
	if (bench.conn)
		virConnectClose(bench.conn);
	rmdir(bench.state);
	about[3] = bench.uri;
	if (!rc && bench.options.json)
		rc = report_json(&bench.report, bench.options.json, about, NULL, 0);
	return rc || bench.report.n != 2 ? 1 : 0;
}
