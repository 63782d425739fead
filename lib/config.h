/*
 * Configuration files, read by libconfuse and described as data: a row per setting with type, bounds,
 * default and help text. Errors name file, line, the word at fault and what would be right. A program
 * loads a file into a plain struct it owns; reload loads a second one and applies the difference.
 *
 * Syntax (libconfuse):   name = "r1"    listen = {"10.0.0.1", "10.0.0.2"}    port eth0 { speed = 100M }
 * Comments are # and // to the end of the line, and C's. Outside single quotes ${NAME} and ${NAME:-default} are taken from the
 * environment.
 */
#ifndef ICORP_LIB_CONFIG_H
#define ICORP_LIB_CONFIG_H

#include <stddef.h>
#include <stdint.h>

enum config_type {
	CONFIG_STRING,   /* char *      */
	CONFIG_INT,      /* int64_t     */
	CONFIG_BOOL,     /* int         */
	CONFIG_RATE,     /* uint64_t bit/s: "100M", "1.5G", "64k" (powers of 1000) or a plain number */
	CONFIG_SIZE,     /* uint64_t bytes: "64MiB", "4G" (powers of 1024) */
	CONFIG_TIME,     /* uint64_t us: "30s", "100ms", "5m" */
	CONFIG_LIST,     /* struct config_list: strings */
	CONFIG_SECTION,  /* struct config_sections: each an array element of `section_size` bytes */
};

struct config_list { char **item; size_t n; };
/* Repeated titled sections: data points at n structs of the row's section_size bytes; the first member
 * of each such struct must be `char *title` (the word after the section's name; NULL if untitled). */
struct config_sections { void *data; size_t n; };

struct config_row {
	const char *name;
	enum config_type type;
	size_t offset;            /* where in the struct the value goes */
	const char *deflt;        /* as it would be written in a file; NULL: required (LIST, SECTION: empty). Bounds and
				   * check do not apply to it: it may stand for "none". */
	double min, max;          /* bounds for numbers, both 0: none; LIST/SECTION: how many. A SECTION of max 1 has
				   * no title. */
	const char *choices;      /* "a|b|c" for strings, or NULL */
	const char *help;         /* one line, for -t -v and the man page; says the unit */
	const struct config_row *section; /* CONFIG_SECTION: its rows, ended by a NULL name */
	size_t section_size;
	/* Optional further check: 0, or -1 with a reason in why ("must be …"). value points at the char *, number,
	 * struct config_list or, for a SECTION, at each element. */
	int (*check)(const void *value, char *why, size_t room);
};

struct config_error { char text[512]; }; /* "FILE:LINE: setting: what is wrong; what would be right" */

/*
 * Loads file into *out (which the caller has zeroed) by rows (ended by a NULL name). On failure returns
 * -errno, fills *error, and leaves *out zeroed: nothing half loaded. Unknown settings are errors, with
 * the nearest known name suggested.
 */
int config_load(const char *file, const struct config_row *rows, void *out, struct config_error *error);
/*
 * The same in two steps, for those who may not open it themselves. config_open: a descriptor, or -errno; it never waits
 * for a FIFO's other end: what is neither a file nor a device (/dev/null) is -EISDIR or -ENOTSUP. config_read takes
 * either, and closes it; file is what errors call it.
 */
int config_open(const char *file);
int config_read(int fd, const char *file, const struct config_row *rows, void *out, struct config_error *error);
/* Frees what config_load put into *out and zeroes it. */
void config_free(const struct config_row *rows, void *out);
/* Prints each row as a commented example file with defaults (--print-config). */
struct writer;
void config_describe(const struct config_row *rows, void (*line)(void *ctx, const char *text), void *ctx);

/* The parsers behind CONFIG_RATE, _SIZE and _TIME. 0 or -EINVAL. */
int parse_rate(const char *text, uint64_t *bps);
int parse_size(const char *text, uint64_t *bytes);
int parse_time(const char *text, uint64_t *us);

#endif
