/*
 * `icorpctl pcap FILE`: the signaling's packets as the transport sends and receives them, streamed to whoever asks. This
 * process writes no file that somebody named: that would lend its rights to everyone who may open the control socket.
 */
#ifndef ICORP_SIGNALD_CAPTURE_H
#define ICORP_SIGNALD_CAPTURE_H

#include "signald/daemon.h"

/* Ends it, if there is one. */
void capture_close(struct daemon *d);

#endif
