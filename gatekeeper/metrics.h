/*
 * GET /metrics: counters and gauges in Prometheus' text format 0.0.4.
 */
#ifndef ICORP_GATEKEEPER_METRICS_H
#define ICORP_GATEKEEPER_METRICS_H

#include "gatekeeper/gatekeeper.h"

/* The caller frees; NULL when out of memory. */
char *metrics_text(const struct gatekeeper *gk);

#endif
