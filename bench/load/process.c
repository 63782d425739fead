/* Daemons and relays as processes. See process.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/load/process.h"
#include "bench/load/relay.h"
#include "bench/load/world.h"

void process_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fprintf(stderr, "signaling: processor %d: %s\n", cpu, strerror(errno));
}

/* A router without a gatekeeper: two ports (three at r1) of 1 Tbit/s, one adaptor, authentication on. */
static int write_config(unsigned router, const struct daemon_options *o, char *path, size_t room)
{
	FILE *f;

	snprintf(path, room, WORLD_DIR "/r%u.conf", router);
	f = fopen(path, "we");
	if (!f)
		return -1;
	fprintf(f, "name = \"r%u\"\nkind = \"router\"\naddress = \"10.9.0.%u\"\ntransport = \"%s\"\n", router, router,
		o->raw ? "raw" : "udp");
	fprintf(f, "user = \"root\"\n"); /* of a user namespace */
	fprintf(f, "keyring = \"" WORLD_DIR "/keyring\"\ncontrol = \"" WORLD_DIR "/r%u.sock\"\nadaptor_dir = \"%s\"\n",
		router, o->directory);
	fprintf(f, "refresh = \"%ums\"\nhello = \"%ums\"\nlog_level = \"warn\"\n", o->refresh_ms, o->hello_ms);
	fprintf(f, "port in { speed = 1000G share = 100 }\nport out { speed = 1000G share = 100 }\n");
	if (router == 1)
		fprintf(f, "port spare { speed = 1000G share = 100 }\n");
	fprintf(f, "%s\n", o->adaptor ? o->adaptor : "adaptor null { type = \"null\" }");
	return fclose(f);
}

static pid_t child(enum world_chain chain, unsigned router, int cpu)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	process_pin(cpu);
	if (world_join(chain, router))
		_exit(126);
	return 0;
}

int process_daemon(struct process *p, unsigned router, const struct daemon_options *options)
{
	char program[4096], config[64];

	if (write_config(router, options, config, sizeof(config)))
		return -1;
	snprintf(program, sizeof(program), "%s/icorp-signald", options->directory);
	p->router = router;
	p->pid = child(WORLD_DAEMONS, router, options->cpu);
	if (!p->pid) {
		if (options->log && !freopen(options->log, "a", stderr))
			_exit(126);
		execl(program, program, "--config", config, NULL);
		fprintf(stderr, "signaling: %s: %s\n", program, strerror(errno));
		_exit(127);
	}
	return p->pid > 0 ? 0 : -1;
}

int process_relay(struct process *p, unsigned router, struct in_addr up, struct in_addr down, int raw, int cpu)
{
	p->router = router;
	p->pid = child(WORLD_FLOOR, router, cpu);
	if (!p->pid)
		_exit(relay_run(world_router(router), up, down, raw));
	return p->pid > 0 ? 0 : -1;
}

void process_kill(struct process *p)
{
	if (p->pid <= 0)
		return;
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	p->pid = 0;
}

int process_alive(struct process *p)
{
	if (p->pid > 0 && waitpid(p->pid, NULL, WNOHANG))
		p->pid = 0;
	return p->pid > 0;
}

/* /proc/PID/schedstat: ns on a processor, ns waiting for one. */
static void schedstat(pid_t pid, uint64_t *cpu, uint64_t *waited)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	*cpu = *waited = 0;
	f = fopen(path, "re");
	if (!f)
		return;
	if (fscanf(f, "%" SCNu64 " %" SCNu64, cpu, waited) != 2)
		*cpu = *waited = 0;
	fclose(f);
}

/* Calls each with every descendant of pid: the launcher, and the adaptors' processes, which are its children. */
static void each_descendant(pid_t pid, void (*each)(pid_t pid, uint64_t *sum), uint64_t *sum)
{
	char path[64];
	int one;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &one) == 1) {
		each(one, sum);
		each_descendant(one, each, sum);
	}
	if (f)
		fclose(f);
}

static void add_usage(pid_t pid, uint64_t *sum)
{
	uint64_t cpu, waited;

	schedstat(pid, &cpu, &waited);
	*sum += cpu;
}

struct usage process_usage(const struct process *p)
{
	struct usage u = { 0 };

	schedstat(p->pid, &u.cpu_ns, &u.waited_ns);
	each_descendant(p->pid, add_usage, &u.children_ns);
	return u;
}

static void add_memory(pid_t pid, uint64_t *sum)
{
	char path[64], line[128];
	uint64_t kib;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pss: %" SCNu64, &kib) == 1)
			*sum += kib * 1024;
	if (f)
		fclose(f);
}

uint64_t process_memory(const struct process *p)
{
	uint64_t sum = 0;

	add_memory(p->pid, &sum);
	return sum;
}

uint64_t process_children_memory(const struct process *p)
{
	uint64_t sum = 0;

	each_descendant(p->pid, add_memory, &sum);
	return sum;
}
