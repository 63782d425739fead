/*
 * Reading /proc/PID/stat and /proc/PID/task/TID/schedstat. See processes.h.
 *
 * The kernel counts for each thread how long it waited on a run queue: ready, while others ran. The longest of these
 * waits, not their sum, is what the ISC as a whole was kept waiting: threads that wake together wait for each other,
 * too.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/processes.h"

#define TEXT_SIZE 4096

struct look {
	const struct processes *before;
	struct task *task;
	size_t n, room;
	uint64_t ticks, kept_ns;
};

int processes_read(const char *dir, const char *name, char *out, size_t room)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, out, room - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	out[n] = '\0';
	return 0;
}

static int counts(const struct processes *p, pid_t group)
{
	if (p->all)
		return 1;
	for (unsigned i = 0; i < p->n_groups; i++)
		if (p->group[i] > 0 && p->group[i] == group)
			return 1;
	return 0;
}

/* utime + stime (and those of reaped children) of one process, in ticks. 0: it is gone, or does not count. */
static int process_ticks(const struct processes *p, const char *dir, uint64_t *ticks)
{
	char text[TEXT_SIZE], *end;
	unsigned long long t[4];
	int group;

	if (processes_read(dir, "stat", text, sizeof(text)))
		return 0;
	end = strrchr(text, ')'); /* the name may hold anything */
	if (!end ||
	    sscanf(end + 1, " %*c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld", &group, &t[0], &t[1],
		   (long long *)&t[2], (long long *)&t[3]) != 5 ||
	    !counts(p, group))
		return 0;
	*ticks += t[0] + t[1] + t[2] + t[3];
	return 1;
}

static int by_id(const void *a, const void *b)
{
	const struct task *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Keeps what a thread waited in all, and learns what it waited since the last look: all of it, if it is new. */
static void task_seen(struct look *look, pid_t id, uint64_t waited_ns)
{
	struct task now = {id, waited_ns}, *more;
	const struct processes *p = look->before;
	const struct task *old = p->n_tasks ? bsearch(&now, p->task, p->n_tasks, sizeof(now), by_id) : NULL;
	uint64_t since = old && old->waited_ns <= waited_ns ? waited_ns - old->waited_ns : waited_ns;

	if (p->looked && since > look->kept_ns)
		look->kept_ns = since;
	if (look->n == look->room) {
		more = realloc(look->task, (look->room * 2 + 16) * sizeof(*more));
		if (!more)
			return;
		look->task = more;
		look->room = look->room * 2 + 16;
	}
	look->task[look->n++] = now;
}

/* The next entry that is a number; NULL: no more. */
static const char *next_number(DIR *dir)
{
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]))
			return e->d_name;
	return NULL;
}

static void look_at_tasks(struct look *look, const char *process)
{
	char dir[PATH_MAX], name[300], text[TEXT_SIZE];
	const char *id;
	uint64_t waited_ns;
	DIR *tasks;

	snprintf(dir, sizeof(dir), "%s/task", process);
	tasks = opendir(dir);
	while ((id = next_number(tasks))) {
		snprintf(name, sizeof(name), "%s/schedstat", id);
		if (!processes_read(dir, name, text, sizeof(text)) && sscanf(text, "%*u %" SCNu64, &waited_ns) == 1)
			task_seen(look, (pid_t)strtol(id, NULL, 10), waited_ns);
	}
	if (tasks)
		closedir(tasks);
}

void processes_look(struct processes *p, const char *root, struct processes_use *use)
{
	char proc[PATH_MAX / 4], path[PATH_MAX / 2];
	struct look look = {.before = p};
	const char *id;
	DIR *dir;

	snprintf(proc, sizeof(proc), "%s/proc", root);
	dir = opendir(proc);
	while ((id = next_number(dir))) {
		snprintf(path, sizeof(path), "%s/%s", proc, id);
		if (process_ticks(p, path, &look.ticks))
			look_at_tasks(&look, path);
	}
	if (dir)
		closedir(dir);
	if (look.n)
		qsort(look.task, look.n, sizeof(*look.task), by_id);
	free(p->task);
	p->task = look.task;
	p->n_tasks = look.n;
	p->looked = 1;
	use->cpu_us = look.ticks * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	use->kept_us = look.kept_ns / 1000;
}

void processes_clear(struct processes *p)
{
	free(p->task);
	p->task = NULL;
	p->n_tasks = 0;
	p->looked = 0;
}
