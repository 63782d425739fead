/*
 * One writer, many formats: `show` commands describe their answer once and get an aligned text table,
 * JSON (jansson) or XML. A document is a tree of objects, arrays and scalars, built in order.
 */
#ifndef ICORP_LIB_WRITER_H
#define ICORP_LIB_WRITER_H

#include <stdint.h>

enum writer_format { WRITER_TEXT, WRITER_JSON, WRITER_XML };

struct writer;

/* A writer whose root is an object. NULL when out of memory. */
struct writer *writer_new(void);
void writer_free(struct writer *w);

/* Inside an object a name is needed; inside an array name is NULL. Unbalanced calls make
 * writer_render return NULL. After running out of memory all calls do nothing. */
void writer_object(struct writer *w, const char *name);
void writer_array(struct writer *w, const char *name);
void writer_end(struct writer *w);
void writer_str(struct writer *w, const char *name, const char *value); /* NULL value: null */
void writer_int(struct writer *w, const char *name, int64_t value);
void writer_uint(struct writer *w, const char *name, uint64_t value);
void writer_real(struct writer *w, const char *name, double value);
void writer_bool(struct writer *w, const char *name, int value);
/* A ready JSON document as a value; null when it is malformed. */
void writer_json(struct writer *w, const char *name, const char *json);
void writer_fmt(struct writer *w, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The document as text the caller frees. TEXT: an array of flat objects becomes an aligned table with a
 * heading of the names in capitals; an object becomes "name: value" lines; nesting indents by two.
 * Values that could act on a terminal are escaped.
 */
char *writer_render(struct writer *w, enum writer_format format);
/* Renders JSON text received from elsewhere (a control socket) in another format. NULL when malformed. */
char *writer_reformat(const char *json, enum writer_format format);

#endif
