/*
 * The configuration reader: libconfuse knows the grammar, the rows know the settings. All of libconfuse's options are pointers
 * made by keep(), which notes each value's text and line; so when the file as a whole is well formed, one walk over
 * the rows (fill_*) turns texts into values and can name the line of whatever is wrong.
 *
 *   config_load -> config_read -> read_file -> options_for (rows to libconfuse's tables) -> cfg_parse -> keep, complain
 *               -> fill_row -> config_value (config_value.c), fill_list, fill_sections
 *
 * libconfuse's lexer and its error callback carry no user data: `reading` is the load under way. Not thread-safe,
 * and nothing here needs it to be.
 */
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config_value.h"
#include "lib/text.h"

#define MAX_FILE (1u << 20)
#define MAX_ROWS 128
/* libconfuse takes the end of the file for the end of a section: this setting, put after the file's text, is then found in
 * the wrong place. */
#define SENTINEL "end-of-file"

static struct { const char *file; struct config_error *error; int found, dropped; } reading;

struct kept { int line, in_list; char text[]; };

/* The first thing found wrong is what the user hears about. */
__attribute__((format(printf, 2, 3))) static void wrong(int line, const char *fmt, ...)
{
	char text[512], clean[512], where[16] = "";
	va_list args;

	if (reading.found++)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	text_escape(text, clean, sizeof(clean));
	if (line)
		snprintf(where, sizeof(where), ":%d", line);
	if ((size_t)snprintf(reading.error->text, sizeof(reading.error->text), "%s%s: %s", reading.file, where, clean) >=
	    sizeof(reading.error->text))
		memcpy(reading.error->text + sizeof(reading.error->text) - 4, "...", 4);
}

/* Of the names in opts the nearest to word, when it is near. */
static const char *nearest(const cfg_opt_t *opts, const char *word)
{
	unsigned least = (unsigned)strlen(word) / 3 + 1;
	const char *best = NULL;

	for (; opts->name; opts++) {
		unsigned d = text_distance(word, opts->name);

		if (d < least + !best && strcmp(opts->name, SENTINEL)) {
			least = d;
			best = opts->name;
		}
	}
	return best;
}

static const char *list_names(const cfg_opt_t *opts, char *out, size_t room)
{
	size_t at = 0;

	for (*out = 0; opts->name && at < room; opts++)
		if (strcmp(opts->name, SENTINEL))
			at += (size_t)snprintf(out + at, room - at, "%s%s", at ? ", " : "", opts->name);
	return out;
}

/* libconfuse's error callback. */
static void complain(cfg_t *cfg, const char *fmt, va_list args)
{
	char text[400];

	if (!strncmp(fmt, "no such option", 14)) {
		const char *word = va_arg(args, const char *), *near = nearest(cfg->opts, word);

		if (!strcmp(word, SENTINEL))
			wrong(cfg->line, "syntax: the file ends inside section %s; must be closed by }", cfg_name(cfg));
		else if (near)
			wrong(cfg->line, "%.100s: no such setting; did you mean \"%s\"?", word, near);
		else
			wrong(cfg->line, "%.100s: no such setting; there are %s", word, list_names(cfg->opts, text, sizeof(text)));
		return;
	}
	vsnprintf(text, sizeof(text), fmt, args);
	wrong(cfg->line, "syntax: %s", strstr(text, SENTINEL) ? "unexpected end of the file" : text);
}

/* libconfuse's value callback. */
static int keep(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	size_t len = strlen(value) + 1;
	struct kept *k;

	if (reading.dropped) {
		wrong(cfg->line, "%s: set twice; the first is in line %d", opt->name, reading.dropped);
		return -1;
	}
	k = malloc(sizeof(*k) + len);
	if (!k)
		return -1;
	k->line = cfg->line;
	k->in_list = (opt->flags & CFGF_LIST) != 0;
	memcpy(k->text, value, len);
	*(void **)result = k;
	return 0;
}

/* Frees a kept value. libconfuse drops the old one before it has keep() make the new. */
static void drop(void *value)
{
	struct kept *k = value;

	if (!k->in_list)
		reading.dropped = k->line;
	free(k);
}

static void options_free(cfg_opt_t *opts)
{
	for (cfg_opt_t *o = opts; o && o->name; o++)
		options_free(o->subopts);
	free(opts);
}

/* Untitled sections are those that can be there only once. */
static int is_titled(const struct config_row *row)
{
	return row->max != 1;
}

static int option_for(const struct config_row *row, cfg_opt_t *opt);

/* libconfuse's table for rows, freed by options_free (libconfuse copies it). NULL when out of memory. */
static cfg_opt_t *options_for(const struct config_row *rows, int top)
{
	cfg_opt_t *opts = calloc(MAX_ROWS + 2, sizeof(*opts));
	size_t n = 0;

	for (; opts && rows[n].name; n++) {
		if (n == MAX_ROWS || option_for(&rows[n], &opts[n])) {
			options_free(opts);
			return NULL;
		}
	}
	if (opts && top)
		option_for(&(struct config_row){ .name = SENTINEL }, &opts[n]);
	return opts;
}

static int option_for(const struct config_row *row, cfg_opt_t *opt)
{
	opt->name = row->name;
	opt->type = CFGT_PTR;
	opt->flags = CFGF_NODEFAULT;
	opt->parsecb = keep;
	opt->freecb = drop;
	if (row->type == CONFIG_LIST) {
		opt->flags = CFGF_LIST;
		opt->def.parsed = (char *)row->deflt;
	} else if (row->type == CONFIG_SECTION) {
		opt->type = CFGT_SEC;
		opt->parsecb = NULL;
		opt->freecb = NULL;
		opt->flags = CFGF_NODEFAULT | CFGF_MULTI | (is_titled(row) ? CFGF_TITLE | CFGF_NO_TITLE_DUPES : 0);
		opt->subopts = options_for(row->section, 0);
		return opt->subopts ? 0 : -ENOMEM;
	}
	return 0;
}

/* The first character after the string that begins at i. */
static size_t string_end(const char *text, size_t i, size_t len)
{
	char quote = text[i++];

	for (; i < len && text[i] != quote; i++)
		i += text[i] == '\\';
	return i < len ? i + 1 : len;
}

/* The first character after the comment that begins at i; i when none does. */
static size_t comment_end(const char *text, size_t i, size_t len)
{
	const char *end;

	if (text[i] == '#' || (text[i] == '/' && i + 1 < len && text[i + 1] == '/')) {
		end = memchr(text + i, '\n', len - i);
		return end ? (size_t)(end - text) : len;
	}
	if (text[i] == '/' && i + 3 < len && text[i + 1] == '*') {
		end = memmem(text + i + 2, len - i - 2, "*/", 2);
		return end ? (size_t)(end - text) + 2 : i;
	}
	return i;
}

/* libconfuse (3.3) miscounts lines after comments, so it gets blanks in their place. A comment begins where a word could. */
static void blank_comments(char *text, size_t len)
{
	int in_word = 0;

	for (size_t i = 0, end; i < len; ) {
		end = in_word ? i : comment_end(text, i, len);
		if (end > i) {
			for (; i < end; i++)
				text[i] = text[i] == '\n' ? '\n' : ' ';
		} else if (text[i] == '"' || text[i] == '\'') {
			i = string_end(text, i, len);
			in_word = 0;
		} else {
			in_word = !strchr(" \t\r\n={}()+,", text[i++]);
		}
	}
}

/* The whole file and the sentinel, malloc'd; NULL and *r on failure. */
static char *read_file(int fd, size_t *len, int *r)
{
	static const char sentinel[] = "\n" SENTINEL " = 1\n";
	char *text = NULL;
	struct stat st;
	ssize_t n = 1;

	*len = 0;
	if (fd < 0 || fstat(fd, &st)) {
		*r = fd < 0 ? fd : -errno;
	} else if (S_ISDIR(st.st_mode)) {
		*r = -EISDIR;
	} else {
		text = malloc(MAX_FILE + 1 + sizeof(sentinel));
		while (text && *len <= MAX_FILE && (n = read(fd, text + *len, MAX_FILE + 1 - *len)) > 0)
			*len += (size_t)n;
		*r = !text ? -ENOMEM : n < 0 ? -errno : *len > MAX_FILE ? -EFBIG : 0;
	}
	if (fd >= 0)
		close(fd);
	if (!*r) {
		blank_comments(text, *len);
		memcpy(text + *len, sentinel, sizeof(sentinel));
		*len += sizeof(sentinel) - 1;
		return text;
	}
	free(text);
	wrong(0, "cannot be read: %s", strerror(-*r));
	return NULL;
}

static int fill(const struct config_row *rows, cfg_t *cfg, const char *section, void *out);

static const struct kept *kept_at(cfg_opt_t *opt, unsigned i)
{
	return i < cfg_opt_size(opt) ? cfg_opt_getnptr(opt, i) : NULL;
}

/* The line of the value that is one too many, or 0. */
static int line_of_extra(const struct config_row *row, cfg_t *cfg)
{
	cfg_opt_t *opt = cfg_getopt(cfg, row->name);

	if (row->max >= (double)cfg_opt_size(opt))
		return 0;
	return row->type == CONFIG_LIST ? kept_at(opt, (unsigned)row->max)->line :
					  cfg_getnsec(cfg, row->name, (unsigned)row->max)->line;
}

static int count_ok(const struct config_row *row, cfg_t *cfg, const char *section, size_t n)
{
	if ((!row->min && !row->max) || ((double)n >= row->min && (double)n <= row->max))
		return 1;
	wrong(line_of_extra(row, cfg), "%s%s: %zu given; there must be from %.15g to %.15g", section, row->name, n, row->min, row->max);
	return 0;
}

static int fill_list(const struct config_row *row, cfg_t *cfg, const char *section, struct config_list *list)
{
	cfg_opt_t *opt = cfg_getopt(cfg, row->name);
	size_t n = cfg_opt_size(opt);
	char why[256] = "";

	if (!count_ok(row, cfg, section, n))
		return -EINVAL;
	list->item = calloc(n + 1, sizeof(*list->item));
	if (!list->item)
		return -ENOMEM;
	for (; list->n < n; list->n++) {
		list->item[list->n] = strdup(kept_at(opt, (unsigned)list->n)->text);
		if (!list->item[list->n])
			return -ENOMEM;
	}
	if (n && row->check && row->check(list, why, sizeof(why))) {
		wrong(kept_at(opt, 0)->line, "%s%s: %s", section, row->name, why);
		return -EINVAL;
	}
	return 0;
}

static int fill_section(const struct config_row *row, cfg_t *cfg, void *element)
{
	const char *title = cfg_title(cfg);
	char name[160], why[256] = "";
	int r;

	snprintf(name, sizeof(name), title ? "%s \"%s\": " : "%s%s: ", row->name, title ? title : "");
	if (title && !(*(char **)element = strdup(title)))
		return -ENOMEM;
	r = fill(row->section, cfg, name, element);
	if (!r && row->check && row->check(element, why, sizeof(why))) {
		wrong(cfg->line, "%s \"%s\": %s", row->name, title ? title : "", why);
		r = -EINVAL;
	}
	return r;
}

static int fill_sections(const struct config_row *row, cfg_t *cfg, const char *section, struct config_sections *out)
{
	size_t n = cfg_size(cfg, row->name);
	int r = 0;

	if (!count_ok(row, cfg, section, n))
		return -EINVAL;
	out->data = calloc(n + 1, row->section_size);
	if (!out->data)
		return -ENOMEM;
	while (!r && out->n < n) {
		cfg_t *sub = cfg_getnsec(cfg, row->name, (unsigned)out->n);

		r = fill_section(row, sub, (char *)out->data + out->n++ * row->section_size);
	}
	return r;
}

static int fill_row(const struct config_row *row, cfg_t *cfg, const char *section, void *to)
{
	const struct kept *k;
	char why[256] = "";
	int r;

	if (row->type == CONFIG_LIST)
		return fill_list(row, cfg, section, to);
	if (row->type == CONFIG_SECTION)
		return fill_sections(row, cfg, section, to);
	k = kept_at(cfg_getopt(cfg, row->name), 0);
	if (!k && !row->deflt) {
		wrong(*section ? cfg->line : 0, "%s%s: missing; must be given: %s", section, row->name, row->help);
		return -EINVAL;
	}
	r = k ? config_value(row, k->text, to, why, sizeof(why)) :
		config_value_unchecked(row, row->deflt, to, why, sizeof(why));
	if (r == -EINVAL)
		wrong(k ? k->line : cfg->line, "%s%s: \"%.80s\": %s", section, row->name, k ? k->text : row->deflt, why);
	return r;
}

static int fill(const struct config_row *rows, cfg_t *cfg, const char *section, void *out)
{
	int r = 0;

	for (; !r && rows->name; rows++)
		r = fill_row(rows, cfg, section, (char *)out + rows->offset);
	return r;
}

static int parse(const char *text, size_t len, const struct config_row *rows, void *out)
{
	cfg_opt_t *opts = options_for(rows, 1);
	cfg_t *cfg = opts ? cfg_init(opts, CFGF_NONE) : NULL;
	FILE *fp = cfg ? fmemopen((char *)text, len, "r") : NULL;
	int r = -ENOMEM;

	if (fp) {
		cfg_set_error_function(cfg, complain);
		r = cfg_parse_fp(cfg, fp) == CFG_SUCCESS ? 0 : -EINVAL;
		fclose(fp);
	}
	if (!r)
		r = fill(rows, cfg, "", out);
	if (r == -EINVAL)
		wrong(0, "syntax error"); /* when libconfuse gave no reason */
	if (cfg)
		cfg_free(cfg);
	options_free(opts);
	return r;
}

int config_read(int fd, const char *file, const struct config_row *rows, void *out, struct config_error *error)
{
	size_t len;
	char *text;
	int r;

	error->text[0] = 0;
	reading.file = file;
	reading.error = error;
	reading.found = reading.dropped = 0;
	text = read_file(fd, &len, &r);
	if (text && strlen(text) != len) {
		wrong(0, "has NUL bytes; must be text");
		r = -EINVAL;
	}
	if (!r)
		r = parse(text, len, rows, out);
	free(text);
	if (r) {
		wrong(0, "%s", strerror(-r));
		config_free(rows, out);
	}
	return r;
}

int config_open(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	struct stat st;

	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) ? -errno : S_ISDIR(st.st_mode) ? -EISDIR : 0;
	if (!r && !S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		r = -ENOTSUP;
	if (!r)
		return fd;
	close(fd);
	return r;
}

int config_load(const char *file, const struct config_row *rows, void *out, struct config_error *error)
{
	return config_read(config_open(file), file, rows, out, error);
}

static void free_row(const struct config_row *row, void *at)
{
	struct config_sections *sections = at;
	struct config_list *list = at;

	switch (row->type) {
	case CONFIG_STRING:
		free(*(char **)at);
		*(char **)at = NULL;
		break;
	case CONFIG_LIST:
		for (size_t i = 0; i < list->n; i++)
			free(list->item[i]);
		free(list->item);
		*list = (struct config_list){ 0 };
		break;
	case CONFIG_SECTION:
		for (size_t i = 0; i < sections->n; i++) {
			char *element = (char *)sections->data + i * row->section_size;

			free(*(char **)element);
			config_free(row->section, element);
		}
		free(sections->data);
		*sections = (struct config_sections){ 0 };
		break;
	case CONFIG_BOOL:
		*(int *)at = 0;
		break;
	default:
		*(uint64_t *)at = 0;
	}
}

void config_free(const struct config_row *rows, void *out)
{
	for (; rows->name; rows++)
		free_row(rows, (char *)out + rows->offset);
}
