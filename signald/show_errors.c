/* `show errors`: the last errors, oldest first. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "lib/clock.h"
#include "signald/show.h"

/* Wall-clock time as the log writes it. */
static void write_time(struct writer *w, uint64_t wall_us)
{
	time_t s = (time_t)(wall_us / CLOCK_S);
	struct tm tm;

	gmtime_r(&s, &tm);
	writer_fmt(w, "time", "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		   tm.tm_min, tm.tm_sec, (unsigned)(wall_us / 1000 % 1000));
}

int show_errors(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct errors *errors = &((const struct daemon *)ctx)->errors;
	uint64_t most = ERRORS_KEPT, kept = errors->n < ERRORS_KEPT ? errors->n : ERRORS_KEPT;
	const struct error_entry *e;

	if (argc && show_number(argv[0], 1, ERRORS_KEPT, &most, reply))
		return -EINVAL;
	writer_array(w, "errors");
	for (unsigned i = (unsigned)(kept > most ? kept - most : 0); (e = errors_at(errors, i)); i++) {
		writer_object(w, NULL);
		write_time(w, e->wall_us);
		writer_uint(w, "times", e->times);
		if (e->icorp)
			writer_uint(w, "icorp", e->icorp);
		writer_str(w, "event", e->event);
		writer_str(w, "element", e->element);
		writer_str(w, "code", e->code);
		writer_str(w, "reason", e->reason);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}
