/*
 * --print-config: the rows as an example file. Every setting is commented out with its default, required ones with
 * the kind of value they want; so the file as printed says everything and changes nothing.
 */
#include <stdio.h>
#include <string.h>

#include "lib/config_value.h"

struct sink { void (*line)(void *ctx, const char *text); void *ctx; const char *indent; };

static void about(const struct sink *to, const struct config_row *row)
{
	char low[32], high[32], text[512], bounds[128] = "";

	config_bound_text(row->type, row->min, low, sizeof(low));
	config_bound_text(row->type, row->max, high, sizeof(high));
	if (row->choices)
		snprintf(bounds, sizeof(bounds), "; one of %s", row->choices);
	else if ((row->min || row->max) && row->type == CONFIG_SECTION && row->max == 1)
		snprintf(bounds, sizeof(bounds), "; once");
	else if ((row->min || row->max) && (row->type == CONFIG_LIST || row->type == CONFIG_SECTION))
		snprintf(bounds, sizeof(bounds), "; from %s to %s of them", low, high);
	else if (row->min || row->max)
		snprintf(bounds, sizeof(bounds), "; from %s to %s", low, high);
	snprintf(text, sizeof(text), "%s# %s%s%s", to->indent, row->help ? row->help : row->name, bounds,
		 row->deflt || row->type == CONFIG_LIST || row->type == CONFIG_SECTION ? "" : "; required");
	to->line(to->ctx, text);
}

static void describe(const struct sink *to, const struct config_row *rows)
{
	for (; rows->name; rows++) {
		const char *value = rows->deflt ? rows->deflt : "...", *quote = rows->type == CONFIG_STRING ? "\"" : "";
		char text[512];

		about(to, rows);
		if (rows->type == CONFIG_SECTION) {
			struct sink in = { to->line, to->ctx, *to->indent ? "\t\t" : "\t" };

			snprintf(text, sizeof(text), "%s#%s%s {", to->indent, rows->name,
				 rows->max == 1 ? "" : " \"NAME\"");
			to->line(to->ctx, text);
			describe(&in, rows->section);
			snprintf(text, sizeof(text), "%s#}", to->indent);
		} else if (rows->type == CONFIG_LIST && !rows->deflt) {
			snprintf(text, sizeof(text), "%s#%s = {}", to->indent, rows->name);
		} else {
			snprintf(text, sizeof(text), "%s#%s = %s%s%s", to->indent, rows->name, quote, value, quote);
		}
		to->line(to->ctx, text);
	}
}

void config_describe(const struct config_row *rows, void (*line)(void *ctx, const char *text), void *ctx)
{
	describe(&(struct sink){ line, ctx, "" }, rows);
}
