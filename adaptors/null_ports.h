/*
 * What an ordinary bridge of this namespace has learnt, for the null technology's layer-2 map. Reads only.
 */
#ifndef ICORP_ADAPTOR_NULL_PORTS_H
#define ICORP_ADAPTOR_NULL_PORTS_H

struct writer;

/* Writes "ports" and "fdb" (as in adaptor_ops.ports) of the bridge; empty ones when there is no such bridge. */
int null_ports_write(const char *bridge, struct writer *w);

#endif
