/*
 * Time. Everything in ICorpMaker counts monotonic microseconds in a uint64_t named *_us. Daemons read
 * the clock once per loop turn and hand `now` down; the session core never reads it. Tests stop and
 * warp it (control commands `time/stop` and `time/warp MS`), so nothing sleeps to let state lapse.
 */
#ifndef ICORP_LIB_CLOCK_H
#define ICORP_LIB_CLOCK_H

#include <stdint.h>

#define CLOCK_MS 1000ull
#define CLOCK_S 1000000ull

/* Monotonic microseconds, as warped. */
uint64_t clock_now_us(void);
/* Wall-clock microseconds since 1970 (never for timers; for logs, the ledger and INTEGRITY sequences). */
uint64_t clock_wall_us(void);
/* Freezes clock_now_us() at its present value. */
void clock_stop(void);
/* Moves clock_now_us() forward by delta_us, stopped or not. */
void clock_warp(uint64_t delta_us);

#endif
