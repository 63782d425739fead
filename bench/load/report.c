/* See report.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/report.h"
#include "lib/writer.h"

static const char *number(double v, char out[32])
{
	snprintf(out, 32, v >= 1000 ? "%.0f" : v >= 100 ? "%.1f" : v >= 1 ? "%.2f" : "%.3f", v);
	return out;
}

static void print(const struct report_row *row)
{
	char value[32], other[32];
	const char *sep = " (";

	printf("%s: ", row->name);
	if (row->missing) {
		printf("not available: %s\n", row->note);
		return;
	}
	printf("%s %s", number(row->value, value), row->unit);
	if (row->goal) {
		printf("%sgoal %s %s", sep, row->least ? ">=" : "<=", number(row->goal, other));
		sep = ", ";
	}
	if (row->floor) {
		printf("%sfloor %s", sep, number(row->floor, other));
		printf(", ratio %s", number(row->value / row->floor, other));
		sep = ", ";
	}
	if (*row->note) {
		printf("%s%s", sep, row->note);
		sep = ", ";
	}
	printf("%s\n", *sep == ',' ? ")" : "");
}

void report_add(struct report *r, const struct report_row *row)
{
	if (r->n < REPORT_MAX_ROWS)
		r->row[r->n++] = *row;
	print(row);
	fflush(stdout);
}

void report_missing(struct report *r, const char *name, const char *fmt, ...)
{
	struct report_row row = { .name = name, .missing = 1 };
	va_list list;

	va_start(list, fmt);
	vsnprintf(row.note, sizeof(row.note), fmt, list);
	va_end(list);
	report_add(r, &row);
}

static void write_row(struct writer *w, const struct report_row *row)
{
	writer_object(w, NULL);
	writer_str(w, "name", row->name);
	if (row->missing) {
		writer_str(w, "not_available", row->note);
		writer_end(w);
		return;
	}
	writer_real(w, "value", row->value);
	writer_str(w, "unit", row->unit);
	if (row->goal) {
		writer_real(w, row->least ? "goal_at_least" : "goal_at_most", row->goal);
		writer_bool(w, "met", row->least ? row->value >= row->goal : row->value <= row->goal);
	}
	if (row->floor) {
		writer_real(w, "floor", row->floor);
		writer_real(w, "ratio", row->value / row->floor);
	}
	if (*row->note)
		writer_str(w, "note", row->note);
	writer_end(w);
}

static void write_curve(struct writer *w, const struct report_curve *c)
{
	writer_object(w, NULL);
	writer_str(w, "name", c->name);
	writer_str(w, "unit", c->unit);
	writer_array(w, "points");
	for (unsigned i = 0; i < c->n; i++) {
		writer_object(w, NULL);
		writer_real(w, c->along, c->x[i]);
		writer_real(w, "value", c->y[i]);
		writer_end(w);
	}
	writer_end(w);
	writer_end(w);
}

int report_json(const struct report *r, const char *file, const char *const *about, const struct report_curve *curves,
		size_t n_curves)
{
	struct writer *w = writer_new();
	FILE *f = fopen(file, "we");
	char *text;
	int rc = f ? 0 : -errno;

	writer_object(w, "about");
	for (; *about; about += 2)
		writer_str(w, about[0], about[1]);
	writer_end(w);
	writer_array(w, "rows");
	for (unsigned i = 0; i < r->n; i++)
		write_row(w, &r->row[i]);
	writer_end(w);
	writer_array(w, "curves");
	for (size_t i = 0; i < n_curves; i++)
		write_curve(w, &curves[i]);
	writer_end(w);
	text = writer_render(w, WRITER_JSON);
	if (f && (!text || fputs(text, f) < 0))
		rc = -EIO;
	if (f && fclose(f))
		rc = -errno;
	free(text);
	writer_free(w);
	return rc;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double report_quantile(double *v, size_t n, double share)
{
	size_t i = (size_t)(share * (double)n);

	if (!n)
		return 0;
	qsort(v, n, sizeof(*v), ascending);
	return v[i < n ? i : n - 1];
}
