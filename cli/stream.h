/* Listening to what daemons stream (lib/control.h), several at once, until all have ended, a time is over, or SIGINT. */
#ifndef ICORP_CLI_STREAM_H
#define ICORP_CLI_STREAM_H

#include "cli/cli.h"

struct stream_hooks {
	/* An event of one of them, as JSON text. */
	void (*event)(void *ctx, const char *json);
	/* After every turn, with what came in it, and once more at the end. How many ms to wait at most; negative: stop. */
	int (*turn)(void *ctx, int end);
	void *ctx;
};

/* Sends words to each socket, and listens. What goes wrong is said on err. The exit status. */
int stream_follow(const struct stream_options *options, int argc, char *const *words, const struct stream_hooks *hooks,
		  FILE *err);

#endif
