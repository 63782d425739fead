/*
 * icorp-agent's command line.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/boot.h"
#include "agent/daemon.h"
#include "agent/settings.h"
#include "lib/log.h"

static const char usage[] =
	"usage: icorp-agent [-b BOOT.json] [-r RUNDIR] [--apps DIR] [-c FILE] [-v] [-t]\n"
	"The controller of an Instant Server Chunk: starts the client's applications, answers the\n"
	"host's controller, asks for more or less. As pid 1 of a container it is also its init.\n"
	"\n"
	"  -b, --boot FILE       what the host says about this ISC (/run/icorp/boot.json)\n"
	"  -r, --run DIR         where agent.sock goes (/run/icorp; /run/icorp-agent when that is read-only)\n"
	"      --apps DIR        where known applications are (/usr/lib/icorp/apps)\n"
	"  -c, --config FILE     the thermostat's settings (/etc/icorp/agent.conf, if there is one)\n"
	"      --print-config    print an example of that file with the defaults\n"
	"  -t, --test            check boot file and settings, and exit\n"
	"  -v, --verbose         log more\n"
	"  -h, --help            this text\n"
	"  -V, --version         the version\n";

enum { OPTION_APPS = 256, OPTION_PRINT };

static const struct option long_options[] = {
	{ "boot", required_argument, NULL, 'b' }, { "run", required_argument, NULL, 'r' },
	{ "apps", required_argument, NULL, OPTION_APPS }, { "config", required_argument, NULL, 'c' },
	{ "print-config", no_argument, NULL, OPTION_PRINT }, { "test", no_argument, NULL, 't' },
	{ "verbose", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 },
};

/* The host may have mounted the boot file's directory read-only. */
static const char *default_run_dir(void)
{
	if (!access("/run/icorp", W_OK) || (errno == ENOENT && !access("/run", W_OK)))
		return "/run/icorp";
	return "/run/icorp-agent";
}

static void print_line(void *ctx, const char *text)
{
	puts(text);
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct agentd_options *o, int *test, enum log_level *level)
{
	int c;

	while ((c = getopt_long(argc, argv, "b:r:c:tvhV", long_options, NULL)) != -1) {
		switch (c) {
		case 'b': o->boot = optarg; break;
		case 'r': o->run_dir = optarg; break;
		case 'c': o->config = optarg; o->config_required = 1; break;
		case OPTION_APPS: o->apps_dir = optarg; break;
		case OPTION_PRINT: settings_describe(print_line, NULL); return 0;
		case 't': *test = 1; break;
		case 'v': *level = LOG_LEVEL_DEBUG; break;
		case 'h': fputs(usage, stdout); return 0;
		case 'V': puts("icorp-agent " PACKAGE_VERSION); return 0;
		default: fputs("icorp-agent: see icorp-agent --help\n", stderr); return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "icorp-agent: %s: unexpected; see icorp-agent --help\n", argv[optind]);
		return 2;
	}
	return -1;
}

int agentd_main(int argc, char **argv)
{
	struct agentd_options options = { .boot = "/run/icorp/boot.json", .run_dir = default_run_dir(),
					  .apps_dir = "/usr/lib/icorp/apps", .config = "/etc/icorp/agent.conf",
					  .init = getpid() == 1 };
	enum log_level level = LOG_LEVEL_INFO;
	struct boot boot = { 0 };
	char why[700];
	int test = 0, r = parse(argc, argv, &options, &test, &level);

	if (r >= 0)
		return r;
	r = agentd_load(&options, &boot, why, sizeof(why));
	if (r) {
		fprintf(stderr, "icorp-agent: %s\n", why);
		return 1;
	}
	if (test) {
		printf("icorp-agent: %s: ok: ICorp %u, %s, %u services, %u applications\n", options.boot, boot.icorp, boot.name,
		       boot.n_services, boot.n_apps);
	} else {
		log_open("icorp-agent", boot.name, LOG_SINK_STDERR, level);
		r = agentd_run(&options, &boot);
		log_close();
	}
	boot_clear(&boot);
	return r ? 1 : 0;
}
