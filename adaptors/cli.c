/*
 * The command line of the adaptor processes. A controller starts `icorp-adaptor TYPE` with the socketpair as
 * descriptor 3; people use --list and --probe to see what a machine can do. The process dies with its parent (end of
 * file on the socketpair; and a SIGTERM from the kernel should the parent die while we hang in a call), stays out of
 * its parent's terminal, and lets go of every descriptor but the socketpair and the standard three.
 */
#include "config.h"

#include "adaptors/host.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adaptors/protocol.h"
#include "adaptors/registry.h"
#include "lib/log.h"

#define USAGE_STATUS 2 /* exit status after a wrong command line */

static volatile int stopped;

static void on_term(int sig)
{
	stopped = 1;
}

static void usage(FILE *out, const char *program)
{
	fprintf(out, "usage: %s TYPE                        serve TYPE on descriptor %d (a controller starts this)\n"
		"       %s -p|--probe TYPE [KEY=VALUE…]  say whether this machine can do TYPE\n"
		"       %s -l|--list                     the types in this program, and their options\n"
		"       %s -h|--help, -V|--version\n", program, ADAPTOR_FD, program, program, program);
}

static int list(FILE *out)
{
	const struct adaptor_ops *ops;

	for (size_t i = 0; (ops = adaptor_nth(i)); i++) {
		fprintf(out, "%-8s %s\n", ops->type, ops->help);
		for (size_t k = 0; ops->options && ops->options[k]; k++)
			fprintf(out, "         %s\n", ops->options[k]);
	}
	return EXIT_SUCCESS;
}

static int probe(int argc, char **argv, FILE *out, FILE *err)
{
	const struct adaptor_ops *ops = argc > 0 ? adaptor_find(argv[0]) : NULL;
	struct adaptor_option options[PROTOCOL_MAX_OPTIONS];
	char why[ADAPTOR_REASON] = "";
	size_t n = 0;

	if (!ops) {
		fprintf(err, "no adaptor of that type here; --list names them\n");
		return EXIT_FAILURE;
	}
	for (int i = 1; i < argc && n < PROTOCOL_MAX_OPTIONS; i++, n++) {
		char *eq = strchr(argv[i], '=');

		if (!eq) {
			fprintf(err, "%s: an option is KEY=VALUE\n", argv[i]);
			return EXIT_FAILURE;
		}
		*eq = '\0';
		options[n] = (struct adaptor_option){ .key = argv[i], .value = eq + 1 };
	}
	int rc = ops->probe ? ops->probe(options, n, why, sizeof(why)) : 0;

	if (rc)
		fprintf(err, "%s: %s\n", ops->type, why[0] ? why : strerror(-rc));
	else
		fprintf(out, "%s: works here\n", ops->type);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What a helper should not have inherited goes; older kernels without close_range rely on close-on-exec. */
static void let_go(void)
{
#ifdef SYS_close_range
	syscall(SYS_close_range, ADAPTOR_FD + 1, ~0u, 0);
#endif
	struct sigaction term = { .sa_handler = on_term };

	sigaction(SIGTERM, &term, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static int serve(const char *program, const char *type, FILE *err)
{
	int socktype = 0;
	socklen_t len = sizeof(socktype);

	if (getsockopt(ADAPTOR_FD, SOL_SOCKET, SO_TYPE, &socktype, &len)) {
		fprintf(err, "%s: descriptor %d is no socket: a controller starts this program; see --help\n", program,
			ADAPTOR_FD);
		return EXIT_FAILURE;
	}
	let_go();
	log_open(program, NULL, LOG_SINK_STDERR, LOG_LEVEL_INFO);
	int rc = adaptor_host_run(ADAPTOR_FD, type, &stopped);

	log_close();
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int is(const char *arg, const char *shortform, const char *longform)
{
	return !strcmp(arg, shortform) || !strcmp(arg, longform);
}

int adaptor_host_main(int argc, char **argv, FILE *out, FILE *err)
{
	const char *program = strrchr(argv[0], '/');

	program = program ? program + 1 : argv[0];
	if (argc < 2) {
		usage(err, program);
		return USAGE_STATUS;
	}
	if (is(argv[1], "-h", "--help")) {
		usage(out, program);
		return EXIT_SUCCESS;
	}
	if (is(argv[1], "-V", "--version")) {
		fprintf(out, "%s %s\n", program, PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	if (is(argv[1], "-l", "--list"))
		return list(out);
	if (is(argv[1], "-p", "--probe"))
		return probe(argc - 2, argv + 2, out, err);
	if (argc != 2 || argv[1][0] == '-') {
		usage(err, program);
		return USAGE_STATUS;
	}
	return serve(program, argv[1], err);
}
