/*
 * Where the daemons listen: RUNDIR/signald.sock; where several elements are on one machine, RUNDIR/NAME/signald.sock; in a
 * testbed, STATE/NAME/run/signald.sock.
 */
#include "config.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sockets.h"

const char *sockets_rundir(void)
{
	return getenv("ICORP_RUNDIR") ? getenv("ICORP_RUNDIR") : RUNDIR;
}

int sockets_add(struct sockets *sockets, const char *path)
{
	if (sockets->n == TRACE_SOURCES)
		return -E2BIG;
	sockets->v[sockets->n] = strdup(path);
	if (!sockets->v[sockets->n])
		return -ENOMEM;
	sockets->n++;
	return 0;
}

int sockets_add_element(struct sockets *sockets, const char *element)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s%ssignald.sock", sockets_rundir(), element ? element : "", element ? "/" : "");
	return sockets_add(sockets, path);
}

int sockets_add_all(struct sockets *sockets, const char *dir)
{
	char pattern[4096];
	glob_t found;
	int r = 0;

	snprintf(pattern, sizeof(pattern), "%s/{*/run/,*/,}signald.sock", dir);
	if (glob(pattern, GLOB_BRACE, NULL, &found))
		return -ENOENT;
	for (size_t i = 0; i < found.gl_pathc && !r; i++)
		r = sockets_add(sockets, found.gl_pathv[i]);
	globfree(&found);
	return r;
}

void sockets_clear(struct sockets *sockets)
{
	while (sockets->n)
		free(sockets->v[--sockets->n]);
}
