/*
 * What a browser gets: the page with the form and the dashboard, an ICorp's page, and the files they use.
 */
#ifndef ICORP_GATEKEEPER_PAGES_H
#define ICORP_GATEKEEPER_PAGES_H

#include "gatekeeper/problem.h"

struct call;
struct evbuffer;

/* Answers a posted form that was refused, for people. */
void pages_problem(struct call *call, const struct problem *problem);
/* Appends text with &, <, >, " and ' as character references: the only way text of a caller gets into a page. */
void pages_escape(struct evbuffer *out, const char *text);
/* 1 when name is a file this may serve: [A-Za-z0-9._-], not beginning with a dot, a known suffix (*type is set). */
int pages_file_ok(const char *name, const char **type);

#endif
