/* Curves as SVG: a decade per step on the x axis, or ten units; the y axis linear from 0. See report.h. */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "bench/load/report.h"

enum { WIDTH = 640, HEIGHT = 400, LEFT = 70, RIGHT = 20, TOP = 40, BOTTOM = 70 };

struct axes { int linear; double x0, x1, y1; };

static const char *const colour[] = { "#0b6", "#06b", "#b60", "#888" };

static double step_of(const struct axes *a, double x)
{
	return a->linear ? x / 10 : log10(x);
}

static double at_x(const struct axes *a, double x)
{
	return LEFT + (step_of(a, x) - a->x0) / (a->x1 - a->x0) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const struct axes *a, double y)
{
	return HEIGHT - BOTTOM - y / a->y1 * (HEIGHT - TOP - BOTTOM);
}

/* A round number above y: 1, 1.2, 2 or 5 times a power of ten. */
static double round_up(double y)
{
	double ten = pow(10, floor(log10(y)));

	return y <= ten ? ten : y <= 1.2 * ten ? 1.2 * ten : y <= 2 * ten ? 2 * ten : y <= 5 * ten ? 5 * ten : 10 * ten;
}

static struct axes find_axes(const struct report_plot *plot)
{
	struct axes a = { plot->linear, plot->linear ? 0 : 9, 0, 0 };

	for (unsigned c = 0; plot->curves[c]; c++) {
		for (unsigned i = 0; i < plot->curves[c]->n; i++) {
			double step = step_of(&a, plot->curves[c]->x[i]);

			a.x0 = fmin(a.x0, floor(step));
			a.x1 = fmax(a.x1, ceil(step));
			a.y1 = fmax(a.y1, plot->curves[c]->y[i]);
		}
	}
	if (a.x1 <= a.x0)
		a.x1 = a.x0 + 1;
	a.y1 = a.y1 > 0 ? round_up(a.y1) : 1;
	return a;
}

static void draw_axes(FILE *f, const struct report_plot *plot, const struct axes *a)
{
	for (int i = 0; i <= 5; i++) {
		double y = a->y1 * i / 5;

		fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT, WIDTH - RIGHT, at_y(a, y),
			at_y(a, y), LEFT - 6, at_y(a, y) + 4, y);
	}
	for (double e = a->x0; e <= a->x1; e++) {
		double x = a->linear ? 10 * e : pow(10, e);

		fprintf(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n", at_x(a, x),
			HEIGHT - BOTTOM + 18, x);
	}
	fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", (LEFT + WIDTH - RIGHT) / 2,
		HEIGHT - BOTTOM + 36, plot->x);
	fprintf(f, "<text x=\"%d\" y=\"22\" font-size=\"15\">%s</text><text x=\"%d\" y=\"36\">%s</text>\n", LEFT,
		plot->title, LEFT, plot->y);
}

static void draw_curve(FILE *f, const struct report_curve *c, const struct axes *a, unsigned which)
{
	fprintf(f, "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"%s\" points=\"", colour[which]);
	for (unsigned i = 0; i < c->n; i++)
		fprintf(f, "%.1f,%.1f ", at_x(a, c->x[i]), at_y(a, c->y[i]));
	fprintf(f, "\"/>\n");
	for (unsigned i = 0; i < c->n; i++)
		fprintf(f, "<circle r=\"3\" cx=\"%.1f\" cy=\"%.1f\" fill=\"%s\"><title>%g: %g</title></circle>\n",
			at_x(a, c->x[i]), at_y(a, c->y[i]), colour[which], c->x[i], c->y[i]);
	fprintf(f, "<text x=\"%u\" y=\"%d\" fill=\"%s\">%s</text>\n", LEFT + which * 140, HEIGHT - 12, colour[which],
		c->name);
}

int report_svg(const struct report_plot *plot, const char *directory)
{
	struct axes a = find_axes(plot);
	char path[4096];
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/%s", directory, plot->file) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
		"font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", WIDTH, HEIGHT);
	draw_axes(f, plot, &a);
	for (unsigned c = 0; plot->curves[c]; c++)
		if (plot->curves[c]->n)
			draw_curve(f, plot->curves[c], &a, c);
	fprintf(f, "</svg>\n");
	return fclose(f) ? -errno : 0;
}
