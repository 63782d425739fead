/*
 * Why a call is refused: what every layer of the gatekeeper hands up, and what a caller reads in
 * {"error":{…}}. The layer that finds the fault fills it in once; the server only writes it out.
 */
#ifndef ICORP_GATEKEEPER_PROBLEM_H
#define ICORP_GATEKEEPER_PROBLEM_H

struct problem {
	int status;          /* HTTP: 400, 404, 409, 413, 422, 503, … */
	char code[32];       /* for machines: "no-capacity" */
	char message[400];   /* for people: what is wrong and what would be right */
	char element[64];    /* the element at fault, or "" */
	int line;            /* of a document, or 0 */
	char where[64];      /* the XML element or JSON member at fault, or "" */
};

/* Fills *problem (all but element, line and where are overwritten; those are cleared). Returns -EINVAL, so that
 * a check can say `return problem_set(…)`. */
int problem_set(struct problem *problem, int status, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same, naming the element or member at fault. */
int problem_element(struct problem *problem, int status, const char *code, const char *element, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
int problem_where(struct problem *problem, int status, const char *code, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif
