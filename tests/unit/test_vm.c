/*
 * The vm adaptor without a hypervisor: domain XML and boot.json against tests/golden/vm (NAME.in -> NAME.xml and
 * NAME.json; NAME-invalid.in -> NAME-invalid.err), names, marks, the session's directory, and the whole life of a
 * session on libvirt's own test driver. GOLDEN_UPDATE=1 writes the expected files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "adaptors/vm.h"
#include "lib/log.h"
#include "lib/writer.h"
#include "tests/unit/terms_text.h"

#define GOLDEN SRCDIR "/tests/golden/vm/"

static char tmp[] = "/tmp/test_vm.XXXXXX";

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_non_null(text);
	if (f) {
		assert_true(fread(text, 1, 65535, f) < 65535);
		fclose(f);
	}
	return text;
}

static void spill(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void expect(const char *path, const char *got)
{
	if (getenv("GOLDEN_UPDATE"))
		spill(path, got);
	char *want = slurp(path);

	if (strcmp(want, got))
		print_error("%s differs\n", path);
	assert_string_equal(want, got);
	free(want);
}

static void load(const char *path, struct adaptor_terms *t)
{
	char why[256] = "";
	FILE *f = fopen(path, "r");

	if (!f || terms_text_read(f, t, why, sizeof(why)))
		fail_msg("%s: %s", path, why);
	fclose(f);
}

/* A state on the LXC driver's URI of a daemon that is not there; its image is a directory in tmp. */
static void *open_lxc(void)
{
	char image[128], dir[128], why[ADAPTOR_REASON] = "";
	void *state = NULL;

	snprintf(image, sizeof(image), "%s/image", tmp);
	snprintf(dir, sizeof(dir), "%s/state", tmp);
	const struct adaptor_option options[] = {
		{ "uri", "lxc:///system?socket=/nonexistent/libvirt-sock" }, { "image.web", image }, { "state", dir },
		{ "init", "/init" },
	};

	assert_int_equal(adaptor_vm.probe(options, 4, why, sizeof(why)), 0);
	assert_int_equal(adaptor_vm.open(options, 4, &state, why, sizeof(why)), 0);
	return state;
}

static void golden_valid(const char *path, const char *stem)
{
	static struct vm_image images[] = { { "web", (char *)"/srv/images/web" },
					    { "odd", (char *)"/srv/<odd>&\"image\"" } };
	const struct vm_options o = { .state = (char *)"/run/icorp/vm", .init = (char *)"/usr/sbin/icorp-agent",
				      .images = images, .n_images = 2, .kvm = strstr(stem, "-kvm") != NULL,
				      .whole = strstr(stem, "-whole") != NULL, .host_kib = strstr(stem, "-whole") ? 8000000 : 0,
				      .hv = vm_hypervisor_find(strstr(stem, "-test") ? "test:///default" :
							       strstr(stem, "-qemu") ? "qemu:///system" : "lxc:///") };
	char out[512], *xml, *json;
	struct adaptor_terms t;

	load(path, &t);
	assert_int_equal(vm_domain_xml(&o, &t, &xml), 0);
	snprintf(out, sizeof(out), GOLDEN "%s.xml", stem);
	expect(out, xml);
	json = vm_boot_json(&t);
	assert_non_null(json);
	snprintf(out, sizeof(out), GOLDEN "%s.json", stem);
	expect(out, json);
	free(json);
	free(xml);
	terms_clear(&t);
}

static void golden_invalid(const char *path, const char *stem)
{
	struct adaptor_result r = { 0 };
	struct adaptor_terms t;
	void *state = open_lxc();
	char out[512], got[512];

	load(path, &t);
	int rc = adaptor_vm.check(state, &t, &r);

	assert_int_not_equal(rc, 0);
	assert_int_equal(rc, r.error);
	snprintf(got, sizeof(got), "%s: %s\n", strerror(-rc), r.reason);
	snprintf(out, sizeof(out), GOLDEN "%s.err", stem);
	expect(out, got);
	assert_int_equal(adaptor_vm.apply(state, &t, &r), rc);   /* what does not fit is not tried */
	terms_clear(&t);
	adaptor_vm.close(state);
}

static void test_golden(void **unused)
{
	DIR *dir = opendir(GOLDEN);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		char path[512], stem[256];
		size_t len = strlen(e->d_name);

		if (len < 4 || strcmp(e->d_name + len - 3, ".in"))
			continue;
		snprintf(path, sizeof(path), GOLDEN "%s", e->d_name);
		snprintf(stem, sizeof(stem), "%.*s", (int)len - 3, e->d_name);
		(strstr(stem, "-invalid") ? golden_invalid : golden_valid)(path, stem);
		n++;
	}
	closedir(dir);
	assert_true(n >= 6);
}

static void test_names(void **unused)
{
	struct adaptor_key key = { .icorp = UINT32_MAX, .leader.s_addr = UINT32_MAX }, back;
	static const char *const wrong[] = { "", "icorp-7", "icorp-7-", "icorp-7-0ac8010", "icorp-07-0ac8010b",
					     "icorp-7-0AC8010B", "icorp-7-0ac8010b0", "icorp--7-0ac8010b",
					     "icorp-7-0ac8010b/", "web", "icorp-4294967296-0ac8010b" };
	char name[VM_NAME], ifname[IFNAMSIZ], mac[ETHER_TEXT];

	vm_domain_name(key, name);
	assert_string_equal(name, "icorp-4294967295-ffffffff");
	assert_int_equal(vm_domain_key(name, &back), 0);
	assert_int_equal(back.icorp, key.icorp);
	assert_int_equal(back.leader.s_addr, key.leader.s_addr);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (!vm_domain_key(wrong[i], &back))
			fail_msg("'%s' was taken for a domain of ours", wrong[i]);
	vm_ifname(key, ifname);
	assert_string_equal(ifname, "icffffffff-0000");
	assert_int_equal(strlen(ifname), IFNAMSIZ - 1);
	vm_mac((struct in_addr){ htonl(0x0a400742) }, mac);
	assert_string_equal(mac, "02:1c:0a:40:07:42");
}

static void test_mark(void **unused)
{
	static const char *const wrong[] = {
		"", "<", "<mark/>", "<other icorp='7' leader='10.0.0.1' disk-mib='0'/>",
		"<mark icorp='7' leader='10.0.0' disk-mib='0'/>",
		"<mark icorp='4294967296' leader='10.0.0.1' disk-mib='0'/>",
		"<mark icorp='-1' leader='10.0.0.1' disk-mib='0'/>",
		"<mark icorp='7x' leader='10.0.0.1' disk-mib='0'/>",
		"<!DOCTYPE m [<!ENTITY a 'b'>]><mark icorp='&a;' leader='10.0.0.1' disk-mib='0'/>",
	};
	struct vm_mark mark;

	assert_int_equal(vm_mark_parse("<mark xmlns='urn:icorp:vm:1' icorp='7' leader='10.0.0.1' disk-mib='12'/>",
				       &mark), 0);
	assert_int_equal(mark.key.icorp, 7);
	assert_int_equal(mark.key.leader.s_addr, htonl(0x0a000001));
	assert_int_equal(mark.disk_mib, 12);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (!vm_mark_parse(wrong[i], &mark))
			fail_msg("'%s' was taken for a mark", wrong[i]);
}

static void count_dir(void *ctx, struct adaptor_key key)
{
	++*(unsigned *)ctx;
}

static void test_files(void **unused)
{
	struct adaptor_key key;
	struct adaptor_terms t;
	char state[128], path[256];
	unsigned n = 0;
	struct stat st;
	int changed;

	load(GOLDEN "full.in", &t);
	key = terms_key(&t);
	snprintf(state, sizeof(state), "%s/files", tmp);
	assert_int_equal(vm_files_remove(state, key), 0);
	assert_int_equal(vm_files_started(state, key), 0);
	assert_int_equal(vm_files_write(state, 0700, &t, &changed), 0);
	assert_true(changed);
	snprintf(path, sizeof(path), "%s/icorp-7-0ac8010b", state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/icorp-7-0ac8010b/boot.json", state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(vm_files_set_started(state, key), 0);
	assert_true(vm_files_started(state, key));
	assert_int_equal(vm_files_write(state, 0700, &t, &changed), 0);
	assert_false(changed);                       /* the same again: the note stays */
	assert_true(vm_files_started(state, key));
	snprintf(path, sizeof(path), "%s/icorp-7-0ac8010b/disk", state);
	for (uint64_t mib = 2; mib; mib--) {         /* always anew, with its room */
		assert_int_equal(vm_files_disk(state, key, mib), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, mib << 20);
		assert_int_equal(st.st_blocks, mib << 11);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	assert_true(vm_files_disk(state, key, 1ull << 40) < 0);
	t.revision++;
	assert_int_equal(vm_files_write(state, 0711, &t, &changed), 0);
	snprintf(path, sizeof(path), "%s/icorp-7-0ac8010b", state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);  /* for the user that QEMU runs as */
	assert_true(changed);                        /* new terms: it may start once more */
	assert_false(vm_files_started(state, key));
	snprintf(path, sizeof(path), "%s/strangers", state);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(vm_files_each(state, count_dir, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(vm_files_remove(state, key), 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(state), 0);           /* nothing is left in it */
	terms_clear(&t);
}

/* A daemon that is down: not yet, and nothing half done. */
static void test_down(void **unused)
{
	void *state = open_lxc();
	struct adaptor_result r = { 0 };
	struct adaptor_terms t;
	unsigned orphans, repaired;
	char path[256];

	load(GOLDEN "full.in", &t);
	assert_int_equal(adaptor_vm.check(state, &t, &r), 0);
	assert_int_equal(adaptor_vm.apply(state, &t, &r), -EAGAIN);
	assert_non_null(strstr(r.reason, "libvirt"));
	memset(&r, 0, sizeof(r));
	assert_int_equal(adaptor_vm.revoke(state, terms_key(&t), r.reason, sizeof(r.reason)), -EAGAIN);
	assert_non_null(strstr(r.reason, "libvirt"));
	assert_int_equal(adaptor_vm.audit(state, NULL, 0, &orphans, &repaired), -EAGAIN);
	snprintf(path, sizeof(path), "%s/state/icorp-7-0ac8010b", tmp);
	assert_int_not_equal(access(path, F_OK), 0);
	terms_clear(&t);
	adaptor_vm.close(state);
}

static void test_probe(void **unused)
{
	char why[ADAPTOR_REASON] = "", image[128];
	struct adaptor_option o[] = { { "uri", "xen:///system" }, { "image.web", image } };

	snprintf(image, sizeof(image), "%s/image", tmp);
	assert_int_equal(adaptor_vm.probe(o, 1, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "xen:///system"));
	o[0].value = "lxc+ssh://host/system";
	assert_int_equal(adaptor_vm.probe(o, 2, why, sizeof(why)), 0);
	o[1].value = "/";
	assert_int_equal(adaptor_vm.probe(o, 2, why, sizeof(why)), -EINVAL);
	o[1].value = "/nonexistent/image";
	assert_int_equal(adaptor_vm.probe(o, 2, why, sizeof(why)), -ENOENT);
	o[1].value = image;
	o[0].value = "qemu:///system";               /* a directory, but nothing to boot */
	assert_int_equal(adaptor_vm.probe(o, 2, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "no file kernel"));
	o[1] = (struct adaptor_option){ "kvm", "yes" };
	assert_int_equal(adaptor_vm.probe(o, 2, why, sizeof(why)), 0);
	o[1].value = "perhaps";
	assert_int_equal(adaptor_vm.probe(o, 2, why, sizeof(why)), -EINVAL);
	o[0].value = "lxc:///system";
	o[1].value = "yes";
	assert_int_equal(adaptor_vm.probe(o, 2, why, sizeof(why)), -EINVAL);
	o[1] = (struct adaptor_option){ "whole", "yes" };
	assert_int_equal(adaptor_vm.probe(o, 2, why, sizeof(why)), 0);
	o[0].value = "qemu:///system";
	assert_int_equal(adaptor_vm.probe(o, 2, why, sizeof(why)), -EINVAL);
	o[0] = (struct adaptor_option){ "state", "relative" };
	assert_int_equal(adaptor_vm.probe(o, 1, why, sizeof(why)), -EINVAL);
}

static const struct adaptor_grant *grant_of(const struct adaptor_result *r, uint8_t resource)
{
	for (unsigned i = 0; i < r->n_grants; i++)
		if (r->grants[i].resource == resource)
			return &r->grants[i];
	fail_msg("no grant for resource %u", resource);
	return NULL;
}

static int domain_there(virConnectPtr conn, const char *name)
{
	virDomainPtr dom = virDomainLookupByName(conn, name);

	if (dom)
		virDomainFree(dom);
	return dom != NULL;
}

static void apply_ok(void *state, const struct adaptor_terms *t, struct adaptor_result *r)
{
	memset(r, 0, sizeof(*r));
	if (adaptor_vm.apply(state, t, r))
		fail_msg("apply: %s: %s", strerror(-r->error), r->reason);
}

/* A session's life; libvirt's test driver keeps its domains per process, so our own connection sees them. */
static void test_life(void **unused)
{
	char dir[128], path[256], why[ADAPTOR_REASON] = "";
	unsigned orphans, repaired;
	struct adaptor_result r;
	struct adaptor_terms t;
	void *state;

	snprintf(dir, sizeof(dir), "%s/life", tmp);
	const struct adaptor_option o[] = { { "uri", "test:///default" }, { "state", dir } };

	assert_int_equal(adaptor_vm.open(o, 2, &state, why, sizeof(why)), 0);
	virConnectPtr conn = virConnectOpen("test:///default");

	assert_non_null(conn);
	load(GOLDEN "full.in", &t);
	apply_ok(state, &t, &r);
	assert_true(domain_there(conn, "icorp-7-0ac8010b"));
	assert_int_equal(grant_of(&r, RESOURCE_MEMORY)->outcome, OUTCOME_APPLIED);
	assert_int_equal(grant_of(&r, RESOURCE_MEMORY)->level, 65536);
	/* the test driver has no shares */
	assert_int_equal(grant_of(&r, RESOURCE_CPU)->enforcement, ENFORCEMENT_NONE);
	t.isc.spec.memory_kib *= 2;
	apply_ok(state, &t, &r);
	assert_int_equal(grant_of(&r, RESOURCE_MEMORY)->level, 131072);

	/* it dies: the same terms leave it dead and say so, new ones start it */
	virDomainPtr dom = virDomainLookupByName(conn, "icorp-7-0ac8010b");

	assert_int_equal(virDomainDestroy(dom), 0);
	virDomainFree(dom);
	apply_ok(state, &t, &r);
	assert_false(domain_there(conn, "icorp-7-0ac8010b"));
	assert_int_equal(grant_of(&r, RESOURCE_CPU)->outcome, OUTCOME_REFUSED);
	t.revision++;
	apply_ok(state, &t, &r);
	assert_true(domain_there(conn, "icorp-7-0ac8010b"));

	/* an audit leaves the wanted and the foreign, and removes the rest, also their directories */
	struct adaptor_key key = terms_key(&t);

	assert_int_equal(adaptor_vm.audit(state, &key, 1, &orphans, &repaired), 0);
	assert_int_equal(orphans + repaired, 0);
	key.leader.s_addr++;
	assert_int_equal(adaptor_vm.audit(state, &key, 1, &orphans, &repaired), 0);
	assert_int_equal(orphans, 1);
	assert_false(domain_there(conn, "icorp-7-0ac8010b"));
	assert_true(domain_there(conn, "test"));
	snprintf(path, sizeof(path), "%s/icorp-7-0ac8010b", dir);
	assert_int_not_equal(access(path, F_OK), 0);

	/* gone from the terms is revoked, and twice is fine */
	apply_ok(state, &t, &r);
	assert_true(domain_there(conn, "icorp-7-0ac8010b"));
	t.isc.present = 0;
	apply_ok(state, &t, &r);
	assert_false(domain_there(conn, "icorp-7-0ac8010b"));
	assert_int_equal(adaptor_vm.revoke(state, terms_key(&t), NULL, 0), 0);
	terms_clear(&t);
	virConnectClose(conn);
	adaptor_vm.close(state);
}

static void whole_server(const struct adaptor_option *o, void **state)
{
	char why[ADAPTOR_REASON] = "";

	if (*state)
		adaptor_vm.close(*state);
	assert_int_equal(adaptor_vm.open(o, 3, state, why, sizeof(why)), 0);
}

/* A server without partitions: one ICorp at a time, whose levels stay as they are. */
static void test_whole(void **unused)
{
	char dir[128], why[ADAPTOR_REASON] = "";
	struct adaptor_terms t, other;
	struct adaptor_result r = { 0 };
	void *state = NULL;

	snprintf(dir, sizeof(dir), "%s/whole", tmp);
	const struct adaptor_option o[] = { { "uri", "test:///default" }, { "state", dir }, { "whole", "yes" } };
	virConnectPtr conn = virConnectOpen("test:///default");   /* so that the domains outlive a state */

	whole_server(o, &state);
	load(GOLDEN "full.in", &t);
	load(GOLDEN "least.in", &other);
	apply_ok(state, &t, &r);
	assert_int_equal(grant_of(&r, RESOURCE_CPU)->enforcement, ENFORCEMENT_ENFORCED);
	assert_string_equal(grant_of(&r, RESOURCE_MEMORY)->reason, "the whole server");
	for (unsigned i = 0; i < 2; i++, whole_server(o, &state)) {   /* a new process knows it, too */
		t.isc.spec.cpu_shares = 2048;
		t.isc.spec.memory_kib = 131072;
		apply_ok(state, &t, &r);
		assert_int_equal(grant_of(&r, RESOURCE_CPU)->outcome, OUTCOME_REFUSED);
		assert_int_equal(grant_of(&r, RESOURCE_CPU)->level, 1024);
		assert_int_equal(grant_of(&r, RESOURCE_MEMORY)->level, 65536);
		assert_non_null(strstr(grant_of(&r, RESOURCE_MEMORY)->reason, "the whole server"));
		memset(&r, 0, sizeof(r));
		assert_int_equal(adaptor_vm.apply(state, &other, &r), -ENOSPC);
		assert_string_equal(r.reason, "the server is one ISC, which ICorp 7 has");
	}
	assert_int_equal(adaptor_vm.revoke(state, terms_key(&t), why, sizeof(why)), 0);
	apply_ok(state, &other, &r);
	assert_int_equal(adaptor_vm.revoke(state, terms_key(&other), why, sizeof(why)), 0);
	terms_clear(&t);
	terms_clear(&other);
	virConnectClose(conn);
	adaptor_vm.close(state);
}

/* A domain of our name without our mark is never touched. */
static void test_foreign(void **unused)
{
	static const char *const xml = "<domain type='test'><name>icorp-7-0ac8010b</name><memory>1000</memory>"
				       "<os><type>hvm</type></os></domain>";
	char dir[128], why[ADAPTOR_REASON] = "";
	struct adaptor_result r = { 0 };
	unsigned orphans, repaired;
	struct adaptor_terms t;
	void *state;

	snprintf(dir, sizeof(dir), "%s/foreign", tmp);
	const struct adaptor_option o[] = { { "uri", "test:///default" }, { "state", dir } };
	virConnectPtr conn = virConnectOpen("test:///default");
	virDomainPtr dom = virDomainCreateXML(conn, xml, 0);

	assert_non_null(dom);
	assert_int_equal(adaptor_vm.open(o, 2, &state, why, sizeof(why)), 0);
	load(GOLDEN "full.in", &t);
	assert_int_equal(adaptor_vm.apply(state, &t, &r), -EEXIST);
	assert_int_equal(adaptor_vm.audit(state, NULL, 0, &orphans, &repaired), 0);
	assert_int_equal(orphans, 0);
	assert_int_equal(adaptor_vm.revoke(state, terms_key(&t), NULL, 0), 0);
	assert_true(domain_there(conn, "icorp-7-0ac8010b"));
	virDomainDestroy(dom);
	virDomainFree(dom);
	virConnectClose(conn);
	terms_clear(&t);
	adaptor_vm.close(state);
}

static void test_queries(void **unused)
{
	char dir[128], why[ADAPTOR_REASON] = "", *text;
	struct writer *w = writer_new();
	struct adaptor_result r;
	struct adaptor_terms t;
	void *state;

	snprintf(dir, sizeof(dir), "%s/queries", tmp);
	const struct adaptor_option o[] = { { "uri", "test:///default" }, { "state", dir } };

	assert_int_equal(adaptor_vm.open(o, 2, &state, why, sizeof(why)), 0);
	load(GOLDEN "full.in", &t);
	apply_ok(state, &t, &r);
	assert_int_equal(adaptor_vm.show(state, w), 0);
	text = writer_render(w, WRITER_JSON);
	assert_non_null(strstr(text, "icorp-7-0ac8010b"));
	assert_null(strstr(text, "a5a5a5"));   /* no key */
	free(text);
	writer_free(w);
	w = writer_new();
	assert_int_equal(adaptor_vm.measure(state, w), 0);
	text = writer_render(w, WRITER_JSON);
	assert_non_null(strstr(text, "cpu_time_ns"));
	free(text);
	writer_free(w);
	assert_int_equal(adaptor_vm.revoke(state, terms_key(&t), NULL, 0), 0);
	terms_clear(&t);
	adaptor_vm.close(state);
}

static int setup(void **unused)
{
	char path[128];

	if (!mkdtemp(tmp))
		return -1;
	snprintf(path, sizeof(path), "%s/image", tmp);
	if (mkdir(path, 0700))
		return -1;
	snprintf(path, sizeof(path), "%s/image/init", tmp);
	spill(path, "");
	log_open("test_vm", NULL, LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	return 0;
}

static int teardown(void **unused)
{
	static const char *const rest[] = { "image/init", "image", "state", "life", "foreign", "queries", "whole", "" };
	char path[128];

	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", tmp, rest[i]);
		remove(path);
	}
	log_close();
	return access(tmp, F_OK) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden), cmocka_unit_test(test_names), cmocka_unit_test(test_mark),
		cmocka_unit_test(test_files), cmocka_unit_test(test_probe), cmocka_unit_test(test_down),
		cmocka_unit_test(test_life), cmocka_unit_test(test_foreign), cmocka_unit_test(test_queries),
		cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
