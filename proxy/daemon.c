/*
 * The program: reads options and configuration, opens the proxy (which cleans up after a crash), then the control
 * socket, and runs the loop until SIGTERM or SIGINT; then everything it put into the kernel is removed.
 */
#include "config.h"

#include "proxy/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/control.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "proxy/commands.h"
#include "proxy/settings.h"
#include "proxy/table.h"

#define DAEMON_CONFIG SYSCONFDIR "/icorp/proxy.conf"

static void usage(FILE *out)
{
	fputs("usage: icorp-proxy [-t] [-c FILE]\n"
	      "The IS Proxy of an access router: carries end users' connections to the servers of their ICorp.\n"
	      "  -c, --config FILE    configuration (" DAEMON_CONFIG ")\n"
	      "  -t, --test           check the configuration and exit\n"
	      "      --print-config   print every setting with its default and exit\n"
	      "  -V, --version        print the version and exit\n"
	      "  -h, --help           print this and exit\n",
	      out);
}

static void print_line(void *ctx, const char *text)
{
	puts(text);
}

static int serve(const struct proxy_config *config)
{
	struct loop_hooks hooks = { 0 };
	struct loop *loop = loop_new(&hooks);
	struct control_server *control = NULL;
	struct proxy *proxy = NULL;
	char why[256] = "";
	int err;

	if (!loop) {
		log_msg(LOG_LEVEL_ERROR, "event loop: %s", strerror(errno));
		return 1;
	}
	proxy = proxy_new(loop_base(loop), config, why, sizeof(why));
	err = proxy ? 0 : -1;
	if (err)
		log_msg(LOG_LEVEL_ERROR, "%s", why);
	if (!err) {
		err = control_listen(loop_base(loop), config->control, proxy_commands, proxy, config->test_clock,
				     &control);
		if (err)
			log_msg(LOG_LEVEL_ERROR, "control socket %s: %s", config->control, strerror(-err));
	}
	if (!err) {
		log_msg(LOG_LEVEL_INFO, "up to %u connections%s%s", proxy->max_conns,
			proxy->kernel ? ", kernel path" : "", proxy->addresses ? ", addresses on lo" : "");
		err = loop_run(loop);
	}
	control_close(control);
	proxy_free(proxy);
	loop_free(loop);
	return err ? 1 : 0;
}

static int with_config(const char *file, int test)
{
	struct proxy_config config = { 0 };
	struct config_error error;
	enum log_level level;
	int status = 0;

	if (config_load(file, proxy_config_rows, &config, &error)) {
		fprintf(stderr, "icorp-proxy: %s\n", error.text);
		return 1;
	}
	if (test) {
		printf("icorp-proxy: %s: ok\n", file);
	} else {
		if (log_level_parse(config.log_level, &level))
			level = LOG_LEVEL_INFO;
		log_open("icorp-proxy", config.name, LOG_SINK_STDERR, level);
		status = serve(&config);
		log_close();
	}
	config_free(proxy_config_rows, &config);
	return status;
}

int daemon_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "test", no_argument, NULL, 't' },
		{ "print-config", no_argument, NULL, 'P' }, { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
	};
	const char *file = DAEMON_CONFIG;
	int c, test = 0;

	while ((c = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 't':
			test = 1;
			break;
		case 'P':
			config_describe(proxy_config_rows, print_line, NULL);
			return 0;
		case 'V':
			puts("icorp-proxy " PACKAGE_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "icorp-proxy: %s: unexpected argument\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	return with_config(file, test);
}
