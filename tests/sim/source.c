/* Loading a topology by its file's name. See source.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/source.h"

static int read_all(const char *file, char **text, size_t *len, char *why, size_t room)
{
	FILE *f = fopen(file, "re");
	int e = 0;

	*text = f ? malloc(NETWORK_MAX_FILE) : NULL;
	if (!f)
		e = -errno;
	else if (!*text)
		e = -ENOMEM;
	else
		*len = fread(*text, 1, NETWORK_MAX_FILE, f);
	if (!e && ferror(f))
		e = -EIO;
	else if (!e && *len == NETWORK_MAX_FILE)
		e = -EFBIG;
	if (f)
		fclose(f);
	if (e)
		snprintf(why, room, "%s: %s", file, strerror(-e));
	return e;
}

int source_load(const char *file, struct source *source, char *why, size_t room)
{
	const char *dot = strrchr(file, '.');
	int (*parse)(const char *, const char *, size_t, struct network *, char *, size_t) =
		!dot ? NULL : !strcmp(dot, ".xml") ? network_parse_sndlib : !strcmp(dot, ".gml") ? network_parse_gml : NULL;
	char *text = NULL;
	struct topo topo;
	size_t len = 0;
	int e;

	memset(source, 0, sizeof(*source));
	source->backbone = parse != NULL;
	if (!parse)
		return topo_load(file, &source->topo, why, room);
	e = read_all(file, &text, &len, why, room);
	if (!e)
		e = parse(file, text, len, &source->network, why, room);
	free(text);
	if (e)
		return e;
	e = network_attach(&source->network, 0, &topo); /* what works for one seed does for all */
	if (e) {
		snprintf(why, room, "%s: %s", file,
			 e == -E2BIG ? "a node has more links than a controller has ports" : strerror(-e));
		source_free(source);
		return e;
	}
	topo_free(&topo);
	return 0;
}

void source_free(struct source *source)
{
	topo_free(&source->topo);
	network_free(&source->network);
}

const struct topo *source_topology(const struct source *source, uint64_t seed)
{
	struct topo *topo;

	if (!source->backbone)
		return &source->topo;
	topo = calloc(1, sizeof(*topo));
	if (!topo || network_attach(&source->network, seed, topo))
		abort();
	return topo;
}

void source_done(const struct source *source, const struct topo *topo)
{
	if (topo == &source->topo)
		return;
	topo_free((struct topo *)topo);
	free((struct topo *)topo);
}
