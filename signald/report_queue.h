/*
 * The reports that the gatekeeper has not taken yet: of each revision of an ICorp the latest only. Pure.
 */
#ifndef ICORP_SIGNALD_REPORT_QUEUE_H
#define ICORP_SIGNALD_REPORT_QUEUE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct report { struct report *next; uint32_t icorp; uint16_t revision; char *text; };
struct report_queue { struct report *first; };

/* Takes the report (report_json) over in place of the last one about the same revision; that the ICorp is gone replaces all
 * about it. 0 or -ENOMEM; NULL is -ENOMEM. */
int report_queue_put(struct report_queue *q, json_t *report);
/* This text was taken: it goes, unless another took its place meanwhile. */
void report_queue_taken(struct report_queue *q, const char *text);
size_t report_queue_count(const struct report_queue *q);
void report_queue_clear(struct report_queue *q);

#endif
