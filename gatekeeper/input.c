/*
 * JSON from outside, read defensively. The depth is counted before jansson recurses over the text; after that
 * every member is fetched through one of the typed readers below, which name the member they refuse.
 *
 *     registration.c, report.c, request.c -> input_* -> jansson
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/input.h"

/* Deepest nesting of brackets outside strings. */
static unsigned depth_of(const char *text, size_t len)
{
	unsigned depth = 0, deepest = 0;
	int in_string = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = 0;
		} else if (c == '"') {
			in_string = 1;
		} else if (c == '{' || c == '[') {
			if (++depth > deepest)
				deepest = depth;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return deepest;
}

json_t *input_json(const char *text, size_t len, struct problem *problem)
{
	json_error_t error;
	json_t *json;

	if (depth_of(text, len) > INPUT_MAX_DEPTH) {
		problem_set(problem, 400, "malformed", "nested deeper than %d", INPUT_MAX_DEPTH);
		return NULL;
	}
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json) {
		problem_set(problem, 400, "malformed", "not JSON: %.160s", error.text);
		problem->line = error.line > 0 ? error.line : 0;
		return NULL;
	}
	if (!json_is_object(json)) {
		json_decref(json);
		problem_set(problem, 400, "malformed", "a JSON object is wanted");
		return NULL;
	}
	return json;
}

int input_is_name(const char *text, size_t room)
{
	size_t n = strlen(text);

	if (!n || n >= room || text[0] == '-')
		return 0;
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

int input_text(const char *text, char *out, size_t room)
{
	size_t n = strlen(text);

	if (n >= room)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return -EINVAL;
	memcpy(out, text, n + 1);
	return 0;
}

int input_number(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (*text < '0' || *text > '9' || n > (max - digit) / 10 || digit > max)
			return -EINVAL;
		n = n * 10 + digit;
	}
	*out = n;
	return 0;
}

int input_string(json_t *object, const char *key, char *out, size_t room, int required, struct problem *problem)
{
	json_t *value = json_object_get(object, key);

	out[0] = '\0';
	if (!value || json_is_null(value)) {
		if (required)
			return problem_where(problem, 400, "invalid", key, "\"%s\" is missing", key);
		return 0;
	}
	if (!json_is_string(value))
		return problem_where(problem, 400, "invalid", key, "\"%s\" must be a string", key);
	if (strlen(json_string_value(value)) != json_string_length(value) ||
	    input_text(json_string_value(value), out, room) < 0)
		return problem_where(problem, 400, "invalid", key,
				     "\"%s\" must be at most %zu characters, no control characters", key, room - 1);
	if (required && !out[0])
		return problem_where(problem, 400, "invalid", key, "\"%s\" must not be empty", key);
	return 0;
}

int input_name(json_t *object, const char *key, char *out, size_t room, int required, struct problem *problem)
{
	int err = input_string(object, key, out, room, required, problem);

	if (err < 0 || !out[0])
		return err;
	if (!input_is_name(out, room))
		return problem_where(problem, 400, "invalid", key,
				     "\"%s\" must be a name of a-z, 0-9 and -, not beginning with -", key);
	return 0;
}

int input_uint(json_t *object, const char *key, uint64_t max, uint64_t *out, struct problem *problem)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return problem_where(problem, 400, "invalid", key, "\"%s\" must be a whole number from 0 to %llu", key,
				     (unsigned long long)max);
	*out = (uint64_t)json_integer_value(value);
	return 0;
}

int input_bool(json_t *object, const char *key, int *out, struct problem *problem)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return problem_where(problem, 400, "invalid", key, "\"%s\" must be true or false", key);
	*out = json_is_true(value);
	return 0;
}

int input_array(json_t *object, const char *key, size_t max, json_t **out, struct problem *problem)
{
	json_t *value = json_object_get(object, key);

	*out = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_array(value) || json_array_size(value) > max)
		return problem_where(problem, 400, "invalid", key, "\"%s\" must be an array of at most %zu items", key,
				     max);
	*out = value;
	return 0;
}

int input_object(json_t *object, const char *key, json_t **out, struct problem *problem)
{
	json_t *value = json_object_get(object, key);

	*out = NULL;
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return problem_where(problem, 400, "invalid", key, "\"%s\" must be an object", key);
	*out = value;
	return 0;
}
