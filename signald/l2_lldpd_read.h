/*
 * What lldpd's library says of a port, as l2_lldp.h has it.
 */
#ifndef ICORP_SIGNALD_L2_LLDPD_READ_H
#define ICORP_SIGNALD_L2_LLDPD_READ_H

#include "signald/l2_lldp.h"

struct lldpctl_atom_t;

/* Adds the neighbours that are heard by LLDP on this port (a port's atom, as of lldpctl_get_port), as many as there is room for. */
void l2_lldpd_read(struct lldpctl_atom_t *port, struct l2_lldp_heard *heard);

#endif
