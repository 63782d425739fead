/*
 * Text that came from outside: made valid UTF-8, and made harmless for terminals and logs. All of lib's
 * output goes through these, so the rules are in one place.
 */
#ifndef ICORP_LIB_TEXT_H
#define ICORP_LIB_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The code point at *text (strict UTF-8), advancing *text past it; an invalid byte yields -1 and advances by one.
 * *text must not point at the final NUL. */
int32_t text_next(const char **text);

/* True for code points that act on a terminal or reorder what is read: C0, DEL, C1, bidirectional controls, line
 * and paragraph separators. */
int text_is_control(int32_t code);

/* Copies from into out[room] with controls and invalid bytes as \xNN or \u{N}, cut at a whole character when it does
 * not fit. Returns the length. */
size_t text_escape(const char *from, char *out, size_t room);

/* A malloc'd copy of from with every invalid byte replaced by U+FFFD. NULL when out of memory. */
char *text_utf8(const char *from);

/* The number of columns text takes: its code points. */
size_t text_width(const char *text);

/* The edit distance of two words (insertions, deletions, changes, neighbours swapped), for "did you mean". */
unsigned text_distance(const char *a, const char *b);

#endif
