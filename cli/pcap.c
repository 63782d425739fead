/*
 * icorpctl pcap FILE: what controllers send and receive, as they see it, into a capture file here. The daemon streams the
 * packets and writes no file: the file is made with the rights of whoever asks.
 *
 * A capture file is a header and records (draft-ietf-opsawg-pcap), in this machine's byte order: magic, version 2.4, two
 * zeros, the longest packet, link type 101 (raw IP); then for each packet seconds, microseconds and twice its length.
 */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "cli/stream.h"

#define PACKET_MAX 65535

struct capture { FILE *file; unsigned lost; };

static void begin(FILE *file)
{
	struct { uint32_t magic; uint16_t major, minor; uint32_t zone, accuracy, longest, link; } head = {
		0xa1b2c3d4, 2, 4, 0, 0, PACKET_MAX, 101,
	};

	fwrite(&head, sizeof(head), 1, file);
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes' number, or -1: it is no hex, or too long. */
static int bytes_of(const char *hex, uint8_t *out)
{
	size_t len = hex ? strlen(hex) : 1;

	if (len % 2 || len / 2 > PACKET_MAX)
		return -1;
	for (size_t i = 0; i < len / 2; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return (int)(len / 2);
}

static void on_event(void *ctx, const char *json)
{
	struct capture *c = ctx;
	json_t *o = json_loads(json, 0, NULL);
	uint64_t wall_us = (uint64_t)json_integer_value(json_object_get(o, "wall_us"));
	uint8_t packet[PACKET_MAX];
	int len = bytes_of(json_string_value(json_object_get(o, "packet")), packet);

	c->lost += (unsigned)json_integer_value(json_object_get(o, "lost"));
	json_decref(o);
	if (len > 0) {
		uint32_t head[4] = { (uint32_t)(wall_us / 1000000), (uint32_t)(wall_us % 1000000), (uint32_t)len, (uint32_t)len };

		fwrite(head, sizeof(head), 1, c->file);
		fwrite(packet, (size_t)len, 1, c->file);
	}
}

static int on_turn(void *ctx, int end)
{
	struct capture *c = ctx;

	return fflush(c->file) || ferror(c->file) ? -1 : 1000;
}

int pcap_tool(const struct stream_options *options, int argc, char **argv, FILE *out, FILE *err)
{
	struct capture c = { .file = out };
	struct stream_hooks hooks = { on_event, on_turn, &c };
	int own = argc == 2 && strcmp(argv[1], "-"), r;

	if (argc != 2) {
		fputs("icorpctl: usage: icorpctl [-s SOCKET]... [--all[=DIR]] pcap FILE; - is the standard output\n", err);
		return EXIT_USAGE;
	}
	if (own && !(c.file = fopen(argv[1], "wb"))) {
		fprintf(err, "icorpctl: %s: %s\n", argv[1], strerror(errno));
		return EXIT_ERROR;
	}
	begin(c.file);
	r = stream_follow(options, 1, (char *[]){ "pcap" }, &hooks, err);
	if (c.lost)
		fprintf(err, "icorpctl: %u packets came faster than they were read and are missing\n", c.lost);
	if (ferror(c.file) || (own && fclose(c.file))) {
		fprintf(err, "icorpctl: %s: not all could be written\n", argv[1]);
		r = EXIT_ERROR;
	}
	return r;
}
