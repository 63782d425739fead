/* Seeds shared among processes. Each takes the next one from a common counter and writes its outcome into one pipe. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/farm.h"

#define MAX_JOBS 256

struct shared { atomic_uint_fast64_t next; uint64_t at[MAX_JOBS]; };

static void run_one(const struct farm *farm, const struct scenario *scenario, uint64_t seed, struct seed_result *out)
{
	const struct topo *topo = farm->topology(farm->ctx, seed);

	scenario_run(topo, seed, scenario, out);
	farm->done(farm->ctx, topo);
}

/* One process: until no seed is left. An outcome is smaller than PIPE_BUF, so it is written whole. */
static void work(const struct farm *farm, const struct scenario *scenario, struct shared *shared, unsigned job, int to)
{
	struct seed_result out;
	uint64_t i;

	while ((i = atomic_fetch_add(&shared->next, 1)) < farm->n) {
		shared->at[job] = farm->first + i;
		run_one(farm, scenario, farm->first + i, &out);
		if (write(to, &out, sizeof(out)) != (ssize_t)sizeof(out))
			break;
	}
}

static pid_t start(const struct farm *farm, const struct scenario *scenario, struct shared *shared, unsigned job,
		   const int pipes[2])
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	close(pipes[0]);
	work(farm, scenario, shared, job, pipes[1]);
	fflush(NULL);
	_exit(0);
}

static void collect(const struct farm *farm, int from)
{
	struct seed_result out;
	ssize_t n;

	while ((n = read(from, &out, sizeof(out))) == (ssize_t)sizeof(out) || (n < 0 && errno == EINTR))
		if (n > 0)
			farm->outcome(farm->ctx, &out);
}

/* A process that died takes its seed with it: that is the outcome. The seeds it did not come to are left to others. */
static void died(const struct farm *farm, uint64_t seed, int status)
{
	struct seed_result out = { .seed = seed, .violations = 1 };

	snprintf(out.violation, sizeof(out.violation), "the simulator died: %s %d",
		 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	farm->outcome(farm->ctx, &out);
}

static int run_forked(const struct farm *farm, const struct scenario *scenario, struct shared *shared)
{
	unsigned jobs = farm->jobs < MAX_JOBS ? farm->jobs : MAX_JOBS, n = 0;
	pid_t pid[MAX_JOBS];
	int pipes[2], status, again = 0, e;

	if (pipe(pipes))
		return -errno;
	while (n < jobs && (pid[n] = start(farm, scenario, shared, n, pipes)) > 0)
		n++;
	e = n ? 0 : -errno;
	close(pipes[1]);
	collect(farm, pipes[0]);
	close(pipes[0]);
	for (unsigned i = 0; i < n; i++) {
		if (waitpid(pid[i], &status, 0) != pid[i] || !status)
			continue;
		died(farm, shared->at[i], status);
		again = 1;
	}
	return e ? e : again;
}

int farm_run(const struct farm *farm, const struct scenario *scenario)
{
	struct shared *shared;
	struct seed_result out;
	int r;

	if (farm->jobs <= 1) {
		for (uint64_t i = 0; i < farm->n; i++) {
			run_one(farm, scenario, farm->first + i, &out);
			farm->outcome(farm->ctx, &out);
		}
		return 0;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -errno;
	do /* when all processes have died, seeds may be left */
		r = run_forked(farm, scenario, shared);
	while (r > 0 && atomic_load(&shared->next) < farm->n);
	munmap(shared, sizeof(*shared));
	return r < 0 ? r : 0;
}
