/* One message of every type, with every object it may carry: for the codec's tests and for third-party decoders. */
#ifndef ICORP_TESTS_RSVP_SAMPLES_H
#define ICORP_TESTS_RSVP_SAMPLES_H

#include "lib/rsvp.h"

#define SAMPLES 12
/* Fills msg (zeroed or cleared) with the n-th sample. */
void rsvp_sample(unsigned n, struct rsvp_msg *msg);

#endif
