/*
 * What travels between the controller and its launcher: whole datagrams of a SOCK_SEQPACKET socketpair, so that a request is
 * right by its size or not at all. Both ends are one program.
 */
#ifndef ICORP_SIGNALD_LAUNCHER_PROTOCOL_H
#define ICORP_SIGNALD_LAUNCHER_PROTOCOL_H

#include <stdint.h>

#include "signald/config.h"

enum launcher_verb { LAUNCHER_START = 1, LAUNCHER_OPEN };

/* index: of the adaptor to START, or the enum launcher_file to OPEN. Each request is answered by one REPLY. */
struct launcher_request { uint32_t serial, verb, index; };

enum launcher_report_type { LAUNCHER_REPLY = 1, LAUNCHER_ENDED };

/*
 * REPLY: the serial of the request; value 0, and the descriptor comes with it, or -errno; pid of what was started.
 * ENDED: the index of the adaptor whose process pid has ended; value: its status, as wait(2) has it.
 */
struct launcher_report { uint32_t type, serial, index; int32_t value, pid; };

/*
 * The launcher's life: serves what comes from fd until the other end is closed, then gives the adaptors grace_ms to end and
 * kills what is left. file is the configuration's path.
 */
void launcher_serve(int fd, const struct signald_config *config, const char *file, unsigned grace_ms);

#endif
