/*
 * The ISC's processes as /proc shows them: what cpu they used, and how long one of them was kept from it. The tree is
 * below a root directory, so that tests bring their own.
 */
#ifndef ICORP_AGENT_PROCESSES_H
#define ICORP_AGENT_PROCESSES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct task {
	pid_t id;
	uint64_t waited_ns;
};

struct processes {
	int all;                         /* the whole pid namespace is the ISC */
	unsigned n_groups;
	const pid_t *group;              /* !all: those process groups; not owned */
	int looked;                      /* tasks are known from an earlier look */
	struct task *task; size_t n_tasks;
};

struct processes_use {
	uint64_t cpu_us;                 /* of all processes, since they began */
	uint64_t kept_us;                /* since the last look, the longest that one thread was ready but did not run */
};

/* Looks at root/proc. What can't be read, and kept_us of the first look, is 0. */
void processes_look(struct processes *processes, const char *root, struct processes_use *use);
void processes_clear(struct processes *processes);

/* Reads the small file dir/name whole, as those of /proc and of control groups are; cut to fit, NUL-terminated. 0 or -errno. */
int processes_read(const char *dir, const char *name, char *out, size_t room);

#endif
