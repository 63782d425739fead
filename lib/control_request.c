/*
 * The control socket's text (control.h): one JSON object a line either way. Requests come from whoever may open the
 * socket: sizes and counts are capped, duplicate keys and embedded NULs refused (jansson's defaults and flags).
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/control_request.h"
#include "lib/text.h"

void control_argv_free(char **argv)
{
	for (char **p = argv; p && *p; p++)
		free(*p);
	free(argv);
}

static int words_of(const json_t *array, int *argc, char ***argv)
{
	size_t n = json_array_size(array);
	char **v = calloc(n + 1, sizeof(*v));

	for (size_t i = 0; v && i < n; i++) {
		v[i] = strdup(json_string_value(json_array_get(array, i)));
		if (!v[i]) {
			control_argv_free(v);
			v = NULL;
		}
	}
	*argv = v;
	*argc = (int)n;
	return v ? 0 : -ENOMEM;
}

int control_request_parse(const char *line, size_t len, int *argc, char ***argv, char *why, size_t room)
{
	json_error_t error;
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	json_t *array = json_object_get(root, "argv"), *v;
	size_t i, strings = 0;
	int r = -EINVAL;

	json_array_foreach(array, i, v)
		strings += json_is_string(v);
	if (!root)
		snprintf(why, room, "not a JSON object: %s", error.text);
	else if (!strings || strings != json_array_size(array) || json_object_size(root) != 1)
		snprintf(why, room, "must be like {\"argv\":[\"show\",\"sessions\"]}");
	else if (strings > CONTROL_MAX_ARGS)
		snprintf(why, room, "%zu words; at most %d", strings, CONTROL_MAX_ARGS);
	else
		r = words_of(array, argc, argv);
	json_decref(root);
	return r;
}

/* Consumes root. */
static char *line_of(json_t *root)
{
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL, *line = NULL;

	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	json_decref(root);
	return line;
}

/* An argument may come from the user's shell in any bytes. */
static json_t *string_of(const char *text)
{
	char *clean = text_utf8(text);
	json_t *v = clean ? json_string(clean) : NULL;

	free(clean);
	return v;
}

char *control_request_text(int argc, char *const *argv)
{
	json_t *array = json_array();

	for (int i = 0; i < argc; i++)
		if (json_array_append_new(array, string_of(argv[i]))) {
			json_decref(array);
			return NULL;
		}
	return line_of(json_pack("{s:o}", "argv", array));
}

char *control_answer_text(const char *result, const char *error)
{
	char *line;

	if (error)
		return line_of(json_pack("{s:b,s:o}", "ok", 0, "error", string_of(error)));
	return asprintf(&line, "{\"ok\":true,\"result\":%s}\n", result) < 0 ? NULL : line;
}

static char *text_of(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

char *control_event_parse(const char *line, size_t len)
{
	json_t *root = json_loadb(line, len, 0, NULL), *event = json_object_get(root, "event");
	char *text = event ? text_of(event) : NULL;

	json_decref(root);
	return text;
}

char *control_answer_parse(const char *line, size_t len, char *why, size_t room)
{
	json_error_t error;
	json_t *root = json_loadb(line, len, 0, &error), *ok = json_object_get(root, "ok");
	const char *reason = json_string_value(json_object_get(root, "error"));
	char *result = NULL;

	if (json_is_true(ok)) {
		result = text_of(json_object_get(root, "result"));
		reason = "an answer without a result";
	} else if (!root) {
		reason = "an answer that is not JSON";
	}
	if (!result)
		snprintf(why, room, "%s", reason ? reason : "an answer without a reason");
	json_decref(root);
	return result;
}

/* How many words the command has when argv begins with them, else 0. */
static int match(const char *words, int argc, char **argv)
{
	int n = 0;

	while (*words) {
		size_t len = strcspn(words, " ");

		if (n == argc || strlen(argv[n]) != len || strncmp(argv[n], words, len))
			return 0;
		n++;
		words += len + (words[len] == ' ');
	}
	return n;
}

const struct control_command *control_find(const struct control_command *commands, int argc, char **argv, int *words)
{
	const struct control_command *best = NULL;

	*words = 0;
	for (; commands->words; commands++) {
		int n = match(commands->words, argc, argv);

		if (n > *words) {
			*words = n;
			best = commands;
		}
	}
	return best;
}

int control_check_args(const struct control_command *command, int argc, char *why, size_t room)
{
	const char *usage = command->usage ? command->usage : "";

	if (argc >= command->min_args && argc <= command->max_args)
		return 0;
	snprintf(why, room, "usage: %s%s%s", command->words, *usage ? " " : "", usage);
	return -EINVAL;
}

static const char *nearest(const struct control_command *commands, const char *text, unsigned *least)
{
	const char *best = NULL;

	for (; commands && commands->words; commands++) {
		unsigned d = text_distance(text, commands->words);

		if (d < *least) {
			*least = d;
			best = commands->words;
		}
	}
	return best;
}

void control_unknown(const struct control_command *commands, const struct control_command *more, int argc, char **argv,
		     char *why, size_t room)
{
	char text[128];
	unsigned least = 4;
	const char *near, *nearer;

	snprintf(text, sizeof(text), "%s%s%s", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	near = nearest(commands, text, &least);
	nearer = nearest(more, text, &least);
	near = nearer ? nearer : near;
	if (near)
		snprintf(why, room, "no such command: %s; did you mean \"%s\"?", text, near);
	else
		snprintf(why, room, "no such command: %s; \"help\" lists them", text);
}
