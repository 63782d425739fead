/*
 * Tokens are kept as SHA-256 digests, so a core dump shows none, and compared digest by digest over the whole list
 * without stopping at a match.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/input.h"
#include "gatekeeper/tokens.h"
#include "lib/mac.h"

#define TOKEN_MIN 8
#define TOKEN_MAX 256

struct token { struct caller who; uint8_t bare[SHA256_SIZE], whole[SHA256_SIZE]; };

struct tokens { struct token *token; size_t n; };

struct tokens *tokens_new(void)
{
	return calloc(1, sizeof(struct tokens));
}

void tokens_free(struct tokens *tokens)
{
	if (!tokens)
		return;
	free(tokens->token);
	free(tokens);
}

static int parse_kind(const char *text, size_t len, enum caller_kind *out)
{
	static const struct { const char *word; enum caller_kind kind; } words[] = {
		{"client", CALLER_CLIENT}, {"element", CALLER_ELEMENT}, {"operator", CALLER_OPERATOR}};

	for (unsigned i = 0; i < 3; i++) {
		if (strlen(words[i].word) == len && !strncmp(text, words[i].word, len)) {
			*out = words[i].kind;
			return 0;
		}
	}
	return -EINVAL;
}

static int fail(char *why, size_t room, const char *what)
{
	snprintf(why, room, "%s", what);
	return -EINVAL;
}

int tokens_add(struct tokens *tokens, const char *line, char *why, size_t room)
{
	const char *name = strchr(line, ':'), *token = name ? strchr(name + 1, ':') : NULL;
	struct token entry = {0}, *grown;
	size_t len;

	if (!token || parse_kind(line, (size_t)(name - line), &entry.who.kind) < 0)
		return fail(why, room, "wanted client:NAME:TOKEN, element:NAME:TOKEN or operator:NAME:TOKEN");
	len = (size_t)(token++ - name++ - 1);
	if (len >= sizeof(entry.who.name))
		return fail(why, room, "the name is too long");
	memcpy(entry.who.name, name, len);
	if (!input_is_name(entry.who.name, sizeof(entry.who.name)))
		return fail(why, room, "the name must be of a-z, 0-9 and -");
	len = strlen(token);
	if (len < TOKEN_MIN || len > TOKEN_MAX || strpbrk(token, " \t"))
		return fail(why, room, "a token has 8 to 256 characters and no blanks");
	sha256(token, len, entry.bare);
	sha256(line, strlen(line), entry.whole);
	grown = realloc(tokens->token, (tokens->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	tokens->token = grown;
	tokens->token[tokens->n++] = entry;
	return 0;
}

int tokens_load(struct tokens *tokens, const char *file, char *why, size_t room)
{
	FILE *f = fopen(file, "re");
	char line[512], reason[128] = "";
	int err = 0;

	if (!f) {
		err = -errno;
		snprintf(why, room, "%s: %s", file, strerror(-err));
		return err;
	}
	for (unsigned n = 1; !err && fgets(line, sizeof(line), f); n++) {
		size_t len = strcspn(line, "\r\n");

		if (!line[len] && len == sizeof(line) - 1)
			err = fail(reason, sizeof(reason), "the line is too long");
		line[len] = '\0';
		if (!err && line[0] && line[0] != '#')
			err = tokens_add(tokens, line, reason, sizeof(reason));
		if (err)
			snprintf(why, room, "%s:%u: %s", file, n, reason);
	}
	fclose(f);
	explicit_bzero(line, sizeof(line));
	return err;
}

int tokens_find(const struct tokens *tokens, const char *token, struct caller *who)
{
	uint8_t digest[SHA256_SIZE];
	int found = 0;

	sha256(token, strlen(token), digest);
	for (size_t i = 0; i < tokens->n; i++) {
		const struct token *t = &tokens->token[i];

		if (mac_equal(digest, t->bare, SHA256_SIZE) | mac_equal(digest, t->whole, SHA256_SIZE)) {
			*who = t->who;
			found = 1;
		}
	}
	return found;
}
