/* The command line of icorp-signald. */
#include <getopt.h>
#include <stdio.h>

#include <config.h>
#include "signald/daemon.h"

static void print_line(void *ctx, const char *text)
{
	puts(text);
}

static void usage(FILE *to)
{
	fputs("usage: icorp-signald [-t] [-c FILE] [--pcap FILE]\n"
	      "The controller of one element: signals ICorps with its neighbours and drives the element's adaptors.\n\n"
	      "  -c, --config FILE   configuration (default " SYSCONFDIR "/icorp/signald.conf)\n"
	      "  -t, --test          check the configuration and exit\n"
	      "      --pcap FILE     write what is sent and received there, instead of where the configuration says\n"
	      "      --print-config  print all settings with their defaults and meaning\n"
	      "  -h, --help          this text\n"
	      "  -V, --version       the version\n", to);
}

int signald_options(int argc, char **argv, const char **config_file, const char **pcap)
{
	static const struct option options[] = {
		{ "config", 1, NULL, 'c' }, { "test", 0, NULL, 't' }, { "pcap", 1, NULL, 'P' }, { "print-config", 0, NULL, 'p' },
		{ "help", 0, NULL, 'h' }, { "version", 0, NULL, 'V' }, { 0 },
	};
	int c, what = SIGNALD_RUN;

	*config_file = SYSCONFDIR "/icorp/signald.conf";
	while ((c = getopt_long(argc, argv, "c:thV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			*config_file = optarg;
			break;
		case 't':
			what = SIGNALD_CHECK;
			break;
		case 'P':
			*pcap = optarg;
			break;
		case 'p':
			config_describe(signald_config_rows, print_line, NULL);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("icorp-signald " PACKAGE_VERSION);
			return 0;
		default:
			usage(stderr);
			return -1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "icorp-signald: %s: unexpected argument; see icorp-signald --help\n", argv[optind]);
		return -1;
	}
	return what;
}
