/*
 * Filling in a struct problem (problem.h). Nothing here decides anything.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gatekeeper/problem.h"

static void problem_fill(struct problem *problem, int status, const char *code, const char *fmt, va_list ap)
{
	memset(problem, 0, sizeof(*problem));
	problem->status = status;
	snprintf(problem->code, sizeof(problem->code), "%s", code);
	vsnprintf(problem->message, sizeof(problem->message), fmt, ap);
}

int problem_set(struct problem *problem, int status, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_fill(problem, status, code, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int problem_element(struct problem *problem, int status, const char *code, const char *element, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_fill(problem, status, code, fmt, ap);
	va_end(ap);
	snprintf(problem->element, sizeof(problem->element), "%s", element);
	return -EINVAL;
}

int problem_where(struct problem *problem, int status, const char *code, const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_fill(problem, status, code, fmt, ap);
	va_end(ap);
	snprintf(problem->where, sizeof(problem->where), "%s", where);
	return -EINVAL;
}
