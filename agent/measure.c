/*
 * Where the numbers come from, in this order:
 *   cgroup v2   cpu.stat usage_usec, cpu.max, cpu.weight, memory.current, memory.max, memory.stat inactive_file
 *   cgroup v1   cpuacct.usage, cpu.cfs_quota_us, cpu.shares, memory.usage_in_bytes, memory.limit_in_bytes
 *   /proc       utime + stime of every process in the ISC (when it is our pid namespace) or in the applications' groups
 *
 * What it may use is less than its quota, or than one cpu, when others on the machine have the cpu: an ISC that is
 * short of cpu because its share is small uses little, and all that it gets. The time in which one of its threads was
 * ready and did not run (processes.c) was not available to it, and does not count.
 *
 * /proc/self/cgroup names our group. In a container without a cgroup namespace that name is the host's, and the mount
 * shows only our part of the tree: so the named directory is tried first, then the mount point. The root of a hierarchy
 * is the whole machine: whoever finds himself there uses /proc.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/measure.h"

#define PATH_SIZE (PATH_MAX)
#define TEXT_SIZE 4096
#define CGROUPS "/sys/fs/cgroup"
#define NO_LIMIT (UINT64_MAX / 4)    /* v1's "no limit" is a huge number rounded to pages */

/* A file with one number; 0 when there is none ("max", "-1", no file). */
static uint64_t number(const char *dir, const char *name)
{
	char text[64];

	if (!*dir || processes_read(dir, name, text, sizeof(text)) || !isdigit((unsigned char)text[0]))
		return 0;
	return strtoull(text, NULL, 10);
}

/* "key 123" on a line of its own, or 0. */
static uint64_t keyed(const char *dir, const char *name, const char *key)
{
	char text[TEXT_SIZE], *line, *save;
	size_t len = strlen(key);

	if (!*dir || processes_read(dir, name, text, sizeof(text)))
		return 0;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, key, len) && (line[len] == ' ' || line[len] == ':'))
			return strtoull(line + len + 1, NULL, 10);
	return 0;
}

/* ---- finding the control group ---- */

/* The path of the controller's hierarchy ("" for v2) in /proc/self/cgroup. 0 or -ENOENT. */
static int group_of(const char *text, const char *controller, char *out, size_t room)
{
	size_t want = strlen(controller);

	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL, *p;
		size_t len;

		if (!path)
			return -ENOENT;
		for (p = list + 1, len = 0; p <= path; p += len + 1) {
			len = strcspn(p, ",:");
			if (len == want && !strncmp(p, controller, len)) {
				snprintf(out, room, "%.*s", (int)strcspn(path + 1, "\n"), path + 1);
				return 0;
			}
		}
	}
	return -ENOENT;
}

static int has(const char *dir, const char *file)
{
	char path[PATH_SIZE];

	return (size_t)snprintf(path, sizeof(path), "%s/%s", dir, file) < sizeof(path) && !access(path, R_OK);
}

/* The root of a hierarchy holds the whole machine, which is not what we are to measure. Only a root of version 1 has
 * release_agent; only a root of version 2 lacks cgroup.events. */
static int is_group(const char *dir, const char *file, int v2)
{
	return has(dir, file) && (v2 ? has(dir, "cgroup.events") : !has(dir, "release_agent"));
}

/* The directory of our group below `mount` ("" is version 2's) that has `file`; out is "" when there is none. */
static int find_dir(const struct measure *m, const char *mount, const char *group, const char *file, char *out,
		    size_t room)
{
	int v2 = !*mount;

	if (!strstr(group, "..") && (size_t)snprintf(out, room, "%s" CGROUPS "%s%s", m->root, mount, group) < room &&
	    is_group(out, file, v2))
		return 1;
	if ((size_t)snprintf(out, room, "%s" CGROUPS "%s", m->root, mount) < room && is_group(out, file, v2))
		return 1;
	out[0] = '\0';
	return 0;
}

static int find_v1(const struct measure *m, const char *text, const char *controller, const char *file, char *out,
		   size_t room)
{
	static const char *const joint[] = { "/cpu,cpuacct", "/cpuacct,cpu" };
	char group[PATH_MAX / 4], mount[64];

	out[0] = '\0';
	if (group_of(text, controller, group, sizeof(group)))
		return 0;
	snprintf(mount, sizeof(mount), "/%s", controller);
	if (find_dir(m, mount, group, file, out, room))
		return 1;
	for (unsigned i = 0; i < sizeof(joint) / sizeof(joint[0]); i++)
		if (find_dir(m, joint[i], group, file, out, room))
			return 1;
	return 0;
}

void measure_init(struct measure *m, const char *root, int own)
{
	char dir[PATH_MAX / 4 + 16], text[TEXT_SIZE], group[PATH_MAX / 4];

	memset(m, 0, sizeof(*m));
	snprintf(m->root, sizeof(m->root), "%s", root ? root : "");
	m->processes.all = own;
	snprintf(dir, sizeof(dir), "%s/proc/self", m->root);
	if (processes_read(dir, "cgroup", text, sizeof(text)))
		return;
	if (find_v1(m, text, "cpuacct", "cpuacct.usage", m->cpuacct, sizeof(m->cpuacct))) {
		m->source = MEASURE_CGROUP1;
		find_v1(m, text, "cpu", "cpu.shares", m->cpu, sizeof(m->cpu));
		find_v1(m, text, "memory", "memory.usage_in_bytes", m->memory, sizeof(m->memory));
	} else if (!group_of(text, "", group, sizeof(group)) &&
		   find_dir(m, "", group, "cpu.stat", m->cpu, sizeof(m->cpu))) {
		m->source = MEASURE_CGROUP2;
		memcpy(m->memory, m->cpu, sizeof(m->memory));
	}
}

const char *measure_source_name(const struct measure *m)
{
	static const char *const names[] = { "/proc", "cgroup v1", "cgroup v2" };

	return names[m->source];
}

/* ---- cpu ---- */

static uint64_t cpu_us(const struct measure *m, const struct processes_use *use)
{
	switch (m->source) {
	case MEASURE_CGROUP1: return number(m->cpuacct, "cpuacct.usage") / 1000;
	case MEASURE_CGROUP2: return keyed(m->cpu, "cpu.stat", "usage_usec");
	default: return use->cpu_us;
	}
}

/* What it may use, in millionths of a cpu: its quota, or one cpu. */
static uint64_t cpu_allowed(const struct measure *m)
{
	uint64_t quota = 0, period = 0;
	char text[64];

	if (m->source == MEASURE_CGROUP1) {
		quota = number(m->cpu, "cpu.cfs_quota_us");
		period = number(m->cpu, "cpu.cfs_period_us");
	} else if (m->source == MEASURE_CGROUP2 && !processes_read(m->cpu, "cpu.max", text, sizeof(text))) {
		if (sscanf(text, "%" SCNu64 " %" SCNu64, &quota, &period) != 2)
			quota = period = 0;
	}
	if (!quota || !period || quota > UINT64_MAX / 1000000u)
		return 1000000u;
	quota = quota * 1000000u / period;
	return quota ? quota : 1;
}

static unsigned permille(uint64_t part, uint64_t whole)
{
	if (!whole)
		return 0;
	return part >= whole ? 1000 : (unsigned)((double)part * 1000 / (double)whole);
}

static unsigned cpu_permille(struct measure *m, uint64_t now_us)
{
	uint64_t used, before = m->last_cpu_us, since = m->last_us, free_us, could_us;
	struct processes_use use;

	processes_look(&m->processes, m->root, &use);
	used = cpu_us(m, &use);
	m->last_cpu_us = used;
	m->last_us = now_us;
	if (!since || now_us <= since || used <= before)
		return 0;
	free_us = now_us - since > use.kept_us ? now_us - since - use.kept_us : 1;
	could_us = (uint64_t)((double)free_us * (double)cpu_allowed(m) / 1e6);
	return permille(used - before, could_us ? could_us : 1);
}

/* ---- memory ---- */

static void memory(const struct measure *m, struct agent_sample *s)
{
	int v1 = m->source == MEASURE_CGROUP1;
	char dir[PATH_MAX / 4 + 16];
	uint64_t used, cache, limit, total;

	snprintf(dir, sizeof(dir), "%s/proc", m->root);
	total = keyed(dir, "meminfo", "MemTotal") * 1024;
	if (m->source == MEASURE_PROC) {
		uint64_t available = keyed(dir, "meminfo", "MemAvailable") * 1024;

		s->memory_permille = permille(total > available ? total - available : 0, total);
		return;
	}
	used = number(m->memory, v1 ? "memory.usage_in_bytes" : "memory.current");
	cache = keyed(m->memory, "memory.stat", v1 ? "total_inactive_file" : "inactive_file");
	limit = number(m->memory, v1 ? "memory.limit_in_bytes" : "memory.max");
	if (limit && limit < NO_LIMIT)
		s->memory_kib = limit / 1024;
	else
		limit = total;
	s->memory_permille = permille(used > cache ? used - cache : 0, limit);
}

/* ---- connections ---- */

#define TCP_ESTABLISHED 0x01u
#define TCP_LISTEN 0x0au

/* How many sockets of the state are bound to one of the ports, in one of /proc/net's tables. */
static unsigned sockets(const struct measure *m, const char *table, unsigned state, const uint16_t *ports,
			size_t n_ports)
{
	char path[PATH_MAX / 4 + 32], line[256];
	unsigned n = 0, port, found;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/net/%s", m->root, table);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		/* "   0: 0100007F:1F90 00000000:0000 0A ..." */
		if (sscanf(line, " %*[0-9]: %*[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*x %2x", &port, &found) != 2 || found != state)
			continue;
		for (size_t i = 0; i < n_ports; i++)
			n += ports[i] == port;
	}
	fclose(f);
	return n;
}

int measure_listening(const struct measure *m, uint16_t port)
{
	return sockets(m, "tcp", TCP_LISTEN, &port, 1) || sockets(m, "tcp6", TCP_LISTEN, &port, 1);
}

void measure_clear(struct measure *m)
{
	processes_clear(&m->processes);
}

void measure_take(struct measure *m, const uint16_t *ports, size_t n_ports, uint64_t now_us,
		  struct agent_sample *sample)
{
	memset(sample, 0, sizeof(*sample));
	sample->cpu_permille = cpu_permille(m, now_us);
	memory(m, sample);
	if (m->source == MEASURE_CGROUP1)
		sample->cpu_shares = number(m->cpu, "cpu.shares");
	else if (m->source == MEASURE_CGROUP2)
		sample->cpu_shares = number(m->cpu, "cpu.weight");
	sample->connections = sockets(m, "tcp", TCP_ESTABLISHED, ports, n_ports) +
			      sockets(m, "tcp6", TCP_ESTABLISHED, ports, n_ports);
}
