/*
 * Measuring, on trees made for it: control groups of both versions, plain /proc, sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/measure.h"
#include "lib/clock.h"

#define S CLOCK_S

static char root[64];

static int setup(void **state)
{
	strcpy(root, "/tmp/icorp-measure-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes root/path, making its directories. */
static void put(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct agent_sample take(struct measure *m, uint64_t now_us)
{
	static const uint16_t ports[] = { 8080, 443 };
	struct agent_sample s;

	measure_take(m, ports, 2, now_us, &s);
	return s;
}

static void version_2(void **state)
{
	struct measure m;
	struct agent_sample s;

	put("proc/self/cgroup", "0::/machine/isc\n");
	put("proc/meminfo", "MemTotal:       8000000 kB\n");
	put("sys/fs/cgroup/machine/isc/cpu.stat", "usage_usec 5000000\nuser_usec 1\n");
	put("sys/fs/cgroup/machine/isc/cgroup.events", "populated 1\n");
	put("sys/fs/cgroup/machine/isc/cpu.max", "max 100000\n");
	put("sys/fs/cgroup/machine/isc/cpu.weight", "1024\n");
	put("sys/fs/cgroup/machine/isc/memory.current", "60000000\n");
	put("sys/fs/cgroup/machine/isc/memory.max", "100000000\n");
	put("sys/fs/cgroup/machine/isc/memory.stat", "anon 1\ninactive_file 10000000\n");
	measure_init(&m, root, 1);
	assert_string_equal(measure_source_name(&m), "cgroup v2");
	assert_int_equal(take(&m, 10 * S).cpu_permille, 0); /* nothing to compare with yet */
	put("sys/fs/cgroup/machine/isc/cpu.stat", "usage_usec 5900000\n");
	s = take(&m, 11 * S);
	assert_int_equal(s.cpu_permille, 900);
	assert_int_equal(s.memory_permille, 500);
	assert_int_equal(s.memory_kib, 100000000 / 1024);
	assert_int_equal(s.cpu_shares, 1024);
	put("sys/fs/cgroup/machine/isc/cpu.max", "50000 100000\n"); /* half a cpu */
	put("sys/fs/cgroup/machine/isc/cpu.stat", "usage_usec 6300000\n");
	assert_int_equal(take(&m, 12 * S).cpu_permille, 800);
	put("sys/fs/cgroup/machine/isc/cpu.max", "200000 100000\n"); /* two */
	put("sys/fs/cgroup/machine/isc/cpu.stat", "usage_usec 7300000\n");
	assert_int_equal(take(&m, 13 * S).cpu_permille, 500);
	put("sys/fs/cgroup/machine/isc/cpu.stat", "usage_usec 99000000\n");
	assert_int_equal(take(&m, 14 * S).cpu_permille, 1000); /* at most */
}

/* What libvirt shows in a container: the host's path, while the mount holds only our part. */
static void version_1_in_a_container(void **state)
{
	struct measure m;
	struct agent_sample s;

	put("proc/self/cgroup", "5:memory:/machine/lxc-1\n4:cpu,cpuacct:/machine/lxc-1\n1:name=systemd:/\n0::/\n");
	put("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 1 kB\n");
	put("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "1000000000\n");
	put("sys/fs/cgroup/cpu,cpuacct/cpu.shares", "1280\n");
	put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
	put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
	put("sys/fs/cgroup/memory/memory.usage_in_bytes", "256000000\n");
	put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"); /* none */
	put("sys/fs/cgroup/memory/memory.stat", "total_inactive_file 0\n");
	measure_init(&m, root, 1);
	assert_string_equal(measure_source_name(&m), "cgroup v1");
	take(&m, 10 * S);
	put("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "1250000000\n");
	s = take(&m, 11 * S);
	assert_int_equal(s.cpu_permille, 250);
	assert_int_equal(s.cpu_shares, 1280);
	assert_int_equal(s.memory_kib, 0);
	assert_int_equal(s.memory_permille, 250); /* of the machine's */
}

static void stat_line(int pid, int group, unsigned utime)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	snprintf(text, sizeof(text), "%d (a ) name) S 1 %d 1 0 -1 4194304 1 2 3 4 %u 10 0 0 20 0 1 0 5\n", pid, group, utime);
	put(path, text);
}

/* An ordinary process in the root group: not the whole machine's use, but its applications'. */
static void plain_proc(void **state)
{
	unsigned hz = (unsigned)sysconf(_SC_CLK_TCK);
	pid_t groups[] = { 0, 500 };
	struct measure m;

	put("proc/self/cgroup", "3:cpuacct:/\n2:memory:/\n0::/\n");
	put("sys/fs/cgroup/cpuacct/cpuacct.usage", "1\n");
	put("sys/fs/cgroup/cpuacct/release_agent", "\n"); /* the root's */
	put("sys/fs/cgroup/cpu.stat", "usage_usec 1\n");
	put("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 700 kB\n");
	stat_line(500, 500, 0);
	stat_line(501, 500, 0);
	stat_line(900, 900, 0);
	measure_init(&m, root, 0);
	assert_string_equal(measure_source_name(&m), "/proc");
	m.processes.group = groups;
	m.processes.n_groups = 2;
	take(&m, 10 * S);
	stat_line(500, 500, hz / 4);
	stat_line(501, 500, hz / 4);
	stat_line(900, 900, hz);
	assert_int_equal(take(&m, 11 * S).cpu_permille, 500);
	assert_int_equal(take(&m, 12 * S).memory_permille, 300);
	stat_line(501, 500, 0); /* a process went: no use, rather than a huge one */
	assert_int_equal(take(&m, 13 * S).cpu_permille, 0);
}

static void schedstat(int pid, int tid, uint64_t waited_us)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "proc/%d/task/%d/schedstat", pid, tid);
	snprintf(text, sizeof(text), "1 %llu 7\n", (unsigned long long)waited_us * 1000);
	put(path, text);
}

/* Others have the cpu: what the ISC could use is what it was not kept from, by the thread that waited longest. */
static void kept_waiting(void **state)
{
	struct measure m;

	put("proc/self/cgroup", "0::/isc\n");
	put("sys/fs/cgroup/isc/cpu.stat", "usage_usec 0\n");
	put("sys/fs/cgroup/isc/cgroup.events", "populated 1\n");
	stat_line(20, 20, 0);
	schedstat(20, 20, 5000000);
	schedstat(20, 21, 100000);
	measure_init(&m, root, 1);
	take(&m, 10 * S);
	put("sys/fs/cgroup/isc/cpu.stat", "usage_usec 300000\n");
	assert_int_equal(take(&m, 11 * S).cpu_permille, 300); /* what it waited before does not matter */
	put("sys/fs/cgroup/isc/cpu.stat", "usage_usec 600000\n");
	schedstat(20, 20, 5400000);
	schedstat(20, 21, 500000); /* the longest wait counts, not their sum */
	assert_int_equal(take(&m, 12 * S).cpu_permille, 500);
	put("sys/fs/cgroup/isc/cpu.stat", "usage_usec 610000\n");
	assert_int_equal(take(&m, 13 * S).cpu_permille, 10); /* nobody waits: little use is little */
	put("sys/fs/cgroup/isc/cpu.stat", "usage_usec 710000\n");
	stat_line(9, 9, 0);
	schedstat(9, 9, 800000); /* a new one */
	assert_int_equal(take(&m, 14 * S).cpu_permille, 500);
	put("sys/fs/cgroup/isc/cpu.max", "200000 100000\n"); /* two cpus */
	put("sys/fs/cgroup/isc/cpu.stat", "usage_usec 1210000\n");
	schedstat(20, 21, 1000000);
	assert_int_equal(take(&m, 15 * S).cpu_permille, 500);
	put("sys/fs/cgroup/isc/cpu.stat", "usage_usec 1210001\n");
	schedstat(20, 21, 3000000); /* all the time, and more: reading takes time, too */
	assert_int_equal(take(&m, 16 * S).cpu_permille, 500); /* one of the two microseconds that were left */
	measure_clear(&m);
}

/* Only the applications' groups: others' waits are not theirs. */
static void kept_waiting_in_groups(void **state)
{
	pid_t groups[] = { 500 };
	struct measure m;

	put("proc/self/cgroup", "");
	stat_line(500, 500, 0);
	stat_line(900, 900, 0);
	measure_init(&m, root, 0);
	m.processes.group = groups;
	m.processes.n_groups = 1;
	take(&m, 10 * S);
	stat_line(500, 500, (unsigned)sysconf(_SC_CLK_TCK) / 5);
	schedstat(500, 500, 500000);
	schedstat(900, 900, 900000);
	assert_int_equal(take(&m, 11 * S).cpu_permille, 400);
	measure_clear(&m);
}

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

static void sockets(void **state)
{
	struct measure m;

	put("proc/self/cgroup", "");
	put("proc/net/tcp", HEAD
	    "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1\n"
	    "   1: 4207400A:1F90 0B01C80A:C001 01 00000000:00000000 00:00000000 00000000     0        0 2\n"
	    "   2: 4207400A:1F90 0B01C80A:C002 06 00000000:00000000 00:00000000 00000000     0        0 3\n"
	    "   3: 4207400A:0016 0B01C80A:1F90 01 00000000:00000000 00:00000000 00000000     0        0 4\n"
	    "garbage : : :\n");
	put("proc/net/tcp6", HEAD
	    "   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 5\n"
	    "   1: 0000000000000000FFFF00004207400A:01BB 0000000000000000FFFF00000B01C80A:D00A 01 0:0 0:0 0 0 0 6\n");
	measure_init(&m, root, 0);
	assert_int_equal(take(&m, 10 * S).connections, 2);
	assert_true(measure_listening(&m, 8080));
	assert_true(measure_listening(&m, 443));
	assert_false(measure_listening(&m, 22));
	assert_false(measure_listening(&m, 53249));
}

static void nothing_there(void **state)
{
	struct measure m;
	struct agent_sample s;

	measure_init(&m, root, 1);
	take(&m, 10 * S);
	s = take(&m, 11 * S);
	assert_int_equal(s.cpu_permille + s.memory_permille + s.connections, 0);
}

static void hostile_group_names(void **state)
{
	struct measure m;

	put("proc/self/cgroup", "0::/../../../../etc\n");
	measure_init(&m, root, 1);
	assert_string_equal(measure_source_name(&m), "/proc");
	put("proc/self/cgroup", "nonsense\n:::\n4:cpuacct\n");
	measure_init(&m, root, 1);
	assert_string_equal(measure_source_name(&m), "/proc");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(version_2), T(version_1_in_a_container), T(plain_proc), T(kept_waiting), T(kept_waiting_in_groups), T(sockets), T(nothing_there), T(hostile_group_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
