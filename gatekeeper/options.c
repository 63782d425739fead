/*
 * The program icorp-gatekeeper: arguments, config, log, loop. The daemon itself is gatekeeper.c.
 */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "contracts/contract.h"
#include "gatekeeper/config.h"
#include "gatekeeper/gatekeeper.h"
#include "gatekeeper/tokens.h"
#include "lib/log.h"
#include "lib/loop.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#define DEFAULT_CONFIG SYSCONFDIR "/icorp/gatekeeper.conf"

static void usage(FILE *out)
{
	fputs("usage: icorp-gatekeeper [-c FILE] [-t] [-v LEVEL]\n"
	      "Takes clients' requests for ICorps, places them, and keeps track of the elements.\n\n"
	      "  -c, --config FILE    configuration (default " DEFAULT_CONFIG ")\n"
	      "  -t, --test           check the configuration and the token files, and exit\n"
	      "  -v, --verbose LEVEL  log error, warn, info (default) or debug\n"
	      "      --syslog         log to syslog instead of standard error\n"
	      "      --print-config   print every setting with its default, and exit\n"
	      "  -h, --help           this text\n"
	      "  -V, --version        version\n", out);
}

struct options { const char *config; int test, syslog; enum log_level level; };

static void print_line(void *ctx, const char *text)
{
	puts(text);
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'}, {"test", no_argument, NULL, 't'},
		{"verbose", required_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'}, {"syslog", no_argument, NULL, 's'},
		{"print-config", no_argument, NULL, 'p'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:tv:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 't':
			o->test = 1;
			break;
		case 's':
			o->syslog = 1;
			break;
		case 'v':
			if (log_level_parse(optarg, &o->level) < 0) {
				fprintf(stderr, "icorp-gatekeeper: \"%s\" is no level; use error, warn, info or debug\n", optarg);
				return 2;
			}
			break;
		case 'p':
			gk_config_describe(print_line, NULL);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("icorp-gatekeeper " PACKAGE_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "icorp-gatekeeper: %s: unexpected argument; see icorp-gatekeeper --help\n", argv[optind]);
	return 2;
}

static int test(const char *file, const struct gk_config *config)
{
	struct tokens *tokens = tokens_new();
	char why[256] = "out of memory";
	int err = tokens ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < config->tokens.n; i++)
		err = tokens_load(tokens, config->tokens.item[i], why, sizeof(why));
	tokens_free(tokens);
	if (err)
		fprintf(stderr, "icorp-gatekeeper: %s\n", why);
	else
		printf("icorp-gatekeeper: %s: ok\n", file);
	return err ? 1 : 0;
}

static int run(const struct gk_config *config)
{
	struct loop_hooks hooks = {0};
	struct loop *loop = loop_new(&hooks);
	struct gatekeeper *gk;
	char why[256];
	int err;

	if (!loop) {
		log_msg(LOG_LEVEL_ERROR, "no event loop: %s", strerror(errno));
		return 1;
	}
	err = gatekeeper_new(loop_base(loop), config, &gk, why, sizeof(why));
	if (err) {
		log_msg(LOG_LEVEL_ERROR, "%s", why);
		loop_free(loop);
		return 1;
	}
	err = loop_run(loop);
	gatekeeper_free(gk);
	loop_free(loop);
	return err ? 1 : 0;
}

int gatekeeper_main(int argc, char **argv)
{
	struct options options = {.config = DEFAULT_CONFIG, .level = LOG_LEVEL_INFO};
	struct gk_config config = {0};
	struct config_error error = {0};
	int status = parse(argc, argv, &options), err;

	if (status >= 0)
		return status;
	err = gk_config_load(options.config, &config, &error);
	if (err < 0) {
		fprintf(stderr, "icorp-gatekeeper: %s\n", error.text);
		return 1;
	}
	err = contract_init();
	if (err < 0) {
		fprintf(stderr, "icorp-gatekeeper: the contract schema does not load: %s\n", strerror(-err));
		gk_config_free(&config);
		return 1;
	}
	if (options.test) {
		status = test(options.config, &config);
	} else {
		log_open("icorp-gatekeeper", config.name, options.syslog ? LOG_SINK_SYSLOG : LOG_SINK_STDERR, options.level);
		status = run(&config);
		log_close();
	}
	contract_cleanup();
	gk_config_free(&config);
	return status;
}
