/*
 * A configuration with every type of setting, for test_config.c and fuzz_config.c.
 */
#ifndef CONFIG_SAMPLE_H
#define CONFIG_SAMPLE_H

#include <stdio.h>
#include <string.h>

#include "lib/config.h"

struct sample_port { char *title; uint64_t speed; int64_t share; };
struct sample_web { char *title; char *listen; int64_t threads; };
struct sample {
	char *name, *mode;
	int64_t count;
	int on;
	uint64_t rate, size, time;
	struct config_list list, words;
	struct config_sections ports, web;
};

static int sample_check(const void *value, char *why, size_t room)
{
	if (!strchr(*(char *const *)value, ' '))
		return 0;
	snprintf(why, room, "must be one word");
	return -1;
}

static int sample_check_port(const void *value, char *why, size_t room)
{
	const struct sample_port *port = value;

	if (!strncmp(port->title, "eth", 3))
		return 0;
	snprintf(why, room, "must be an interface like eth0");
	return -1;
}

#define S(field) offsetof(struct sample, field)
#define P(field) offsetof(struct sample_port, field)
#define W(field) offsetof(struct sample_web, field)

static const struct config_row sample_port_rows[] = {
	{ .name = "speed", .type = CONFIG_RATE, .offset = P(speed), .min = 1e3, .max = 1e12, .help = "line rate, bit/s" },
	{ .name = "share", .type = CONFIG_INT, .offset = P(share), .deflt = "100", .min = 1, .max = 100,
	  .help = "percent that may be reserved" },
	{ 0 },
};
static const struct config_row sample_web_rows[] = {
	{ .name = "listen", .type = CONFIG_STRING, .offset = W(listen), .help = "where to listen" },
	{ .name = "threads", .type = CONFIG_INT, .offset = W(threads), .deflt = "1", .help = "how many threads" },
	{ 0 },
};
static const struct config_row sample_rows[] = {
	{ .name = "name", .type = CONFIG_STRING, .offset = S(name), .help = "the element's name", .check = sample_check },
	{ .name = "mode", .type = CONFIG_STRING, .offset = S(mode), .deflt = "raw", .choices = "raw|udp", .help = "transport" },
	{ .name = "count", .type = CONFIG_INT, .offset = S(count), .deflt = "3", .min = 1, .max = 100, .help = "how many" },
	{ .name = "on", .type = CONFIG_BOOL, .offset = S(on), .deflt = "true", .help = "whether" },
	{ .name = "rate", .type = CONFIG_RATE, .offset = S(rate), .deflt = "1.5G", .help = "bit/s" },
	{ .name = "size", .type = CONFIG_SIZE, .offset = S(size), .deflt = "64MiB", .max = 1ull << 40, .help = "bytes" },
	{ .name = "time", .type = CONFIG_TIME, .offset = S(time), .deflt = "30s", .min = 1e5, .max = 3.6e9, .help = "interval" },
	{ .name = "list", .type = CONFIG_LIST, .offset = S(list), .max = 3, .help = "some names" },
	{ .name = "words", .type = CONFIG_LIST, .offset = S(words), .deflt = "{\"a\", \"b c\"}", .help = "a list with a default" },
	{ .name = "port", .type = CONFIG_SECTION, .offset = S(ports), .max = 3, .help = "an interface",
	  .section = sample_port_rows, .section_size = sizeof(struct sample_port), .check = sample_check_port },
	{ .name = "web", .type = CONFIG_SECTION, .offset = S(web), .max = 1, .help = "the web server",
	  .section = sample_web_rows, .section_size = sizeof(struct sample_web) },
	{ 0 },
};

#endif
