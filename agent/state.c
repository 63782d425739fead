/*
 * The one thing that outlives the agent: the last demand's sequence number, in RUNDIR/sequence, replaced atomically.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/daemon_parts.h"

uint32_t sequence_load(const struct agentd *d)
{
	char path[300];
	uint32_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/sequence", d->options->run_dir);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu32, &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

static int write_number(const char *path, uint32_t n)
{
	char text[16];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int len = snprintf(text, sizeof(text), "%" PRIu32 "\n", n), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)len) != len)
		r = -EIO;
	close(fd);
	return r;
}

void sequence_store(struct agentd *d)
{
	char path[300], fresh[310];
	int r;

	snprintf(path, sizeof(path), "%s/sequence", d->options->run_dir);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	r = write_number(fresh, d->agent.last_sequence);
	if (!r && rename(fresh, path))
		r = -errno;
	if (r)
		log_icorp(LOG_LEVEL_WARN, d->boot->icorp, "%s: %s", path, strerror(-r));
	d->stored_sequence = d->agent.last_sequence;
}
