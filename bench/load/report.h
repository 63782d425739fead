/* What was measured: a line each as it comes, all of it as JSON, curves as SVG. */
#ifndef BENCH_LOAD_REPORT_H
#define BENCH_LOAD_REPORT_H

#include <stddef.h>

#define REPORT_MAX_ROWS 64
#define REPORT_MAX_POINTS 64

struct report_row {
	const char *name, *unit;
	double value, goal, floor;   /* goal, floor 0: none */
	int least;                   /* the goal is a lower bound; else an upper one */
	int missing;                 /* not measured: note says why */
	char note[200];
};

/* along: what x counts */
struct report_curve { const char *name, *unit, *along; unsigned n; double x[REPORT_MAX_POINTS], y[REPORT_MAX_POINTS]; };
struct report_plot { const char *file, *title, *x, *y; int linear; const struct report_curve *curves[5]; };

struct report {
	struct report_row row[REPORT_MAX_ROWS];
	unsigned n;
};

/* Adds a row and prints it: `name: value unit (goal, floor, ratio)`. */
void report_add(struct report *r, const struct report_row *row);
/* Adds and prints `name: not available: why`. */
void report_missing(struct report *r, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Writes all rows, and about how they came. 0 or -errno. */
int report_json(const struct report *r, const char *file, const char *const *about, const struct report_curve *curves,
		size_t n_curves);
/* Writes directory/plot->file: x logarithmic, or linear from 0; y linear from 0. At most 4 curves, NULL ends them;
 * those without points are left out. 0 or -errno. */
int report_svg(const struct report_plot *plot, const char *directory);
/* Sorts v; the value below which `share` of them lie. 0 when there is none. */
double report_quantile(double *v, size_t n, double share);

#endif
