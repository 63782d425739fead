/*
 * Measuring what the ISC uses: cpu and memory from its control group (v1 or v2) or from /proc, connections from
 * /proc/net/tcp. Everything below one root directory, so that tests bring their own trees.
 */
#ifndef ICORP_AGENT_MEASURE_H
#define ICORP_AGENT_MEASURE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core.h"
#include "agent/processes.h"

struct measure {
	char root[PATH_MAX / 4];         /* "" for the real one */
	enum { MEASURE_PROC, MEASURE_CGROUP1, MEASURE_CGROUP2 } source;
	char cpu[PATH_MAX / 2], cpuacct[PATH_MAX / 2], memory[PATH_MAX / 2]; /* directories; v2: all the same */
	uint64_t last_us, last_cpu_us;   /* of the last sample */
	struct processes processes;      /* its groups: the applications', where we are not the ISC's pid 1 */
};
const char *measure_source_name(const struct measure *m);

/* Finds out where to look. root: "" or a directory with proc/ and sys/ below. own: the whole pid namespace is the ISC
 * (we are its pid 1). */
void measure_init(struct measure *m, const char *root, int own);
void measure_clear(struct measure *m);

/*
 * Cpu use since the last call as permille of what the ISC could use: of its quota when it has one; else of one cpu, for
 * shares are only relative to others; and only of the time in which others did not keep it from running. Memory as
 * permille of the limit (of the machine's, without one), not counting file cache that can be dropped. Connections:
 * established ones on the given local ports. The first call's cpu is 0. What can't be read is 0. At most 1000.
 */
void measure_take(struct measure *m, const uint16_t *ports, size_t n_ports, uint64_t now_us,
		  struct agent_sample *sample);

/* Does someone listen on this TCP port? */
int measure_listening(const struct measure *m, uint16_t port);

#endif
