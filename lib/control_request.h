/*
 * Inside the control socket: requests and answers as text, and which command is meant. No sockets, so it can be
 * fuzzed and tested alone.
 */
#ifndef ICORP_LIB_CONTROL_REQUEST_H
#define ICORP_LIB_CONTROL_REQUEST_H

#include <stddef.h>

#include "lib/control.h"

#define CONTROL_MAX_REQUEST 65536
#define CONTROL_MAX_ANSWER (16u << 20)
#define CONTROL_MAX_ARGS 256

/* A request line's words: *argv is malloc'd, NULL-ended, freed by control_argv_free. 0, or -EINVAL with a reason, -ENOMEM. */
int control_request_parse(const char *line, size_t len, int *argc, char ***argv, char *why, size_t room);
void control_argv_free(char **argv);

/* The request line for argv, with its newline; malloc'd, or NULL. */
char *control_request_text(int argc, char *const *argv);

/* An answer line: with result (JSON text) when error is NULL. malloc'd, or NULL. */
char *control_answer_text(const char *result, const char *error);

/* An event line's event as JSON text (malloc'd), or NULL: it is none, but an answer. */
char *control_event_parse(const char *line, size_t len);

/* An answer's result as JSON text (malloc'd), or NULL with the reason. */
char *control_answer_parse(const char *line, size_t len, char *why, size_t room);

/*
 * Of the commands the one with the most words that begins argv; *words is set to how many that are. NULL when there
 * is none or the arguments are too few or too many, with a reason in why.
 */
const struct control_command *control_find(const struct control_command *commands, int argc, char **argv, int *words);
/* 0, or -EINVAL with "usage: …". argc counts the arguments only. */
int control_check_args(const struct control_command *command, int argc, char *why, size_t room);
/* Names the nearest command of both lists (the second may be NULL). */
void control_unknown(const struct control_command *commands, const struct control_command *more, int argc, char **argv,
		     char *why, size_t room);

#endif
