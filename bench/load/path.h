/*
 * The way the isolation benchmark's flows take: hosts that are namespaces, each flow between addresses of its own.
 *
 *     sender eth0 ------------------------------------------ eth0 receiver        PATH_DIRECT
 *
 *     sender eth0 ----- p0  switch  p1 --------------------- eth0 receiver        PATH_BRIDGE: a Linux bridge
 *     remote eth0 ----- p2                                                        PATH_OVS: Open vSwitch
 *
 *     ICorps 10.64.15.0/24 and 10.64.30.0/24, legacy 10.200.1.0/24; .1 is the sender, .2 the receiver, .3 remote
 *
 * sender's eth0, and the switch's port towards the receiver, are links of a given rate with the tc adaptor; on Open
 * vSwitch (its user space datapath) the ovs adaptor also gives each ICorp its VLAN and priority. What enforces is a real
 * icorp-adaptor process each.
 */
#ifndef BENCH_LOAD_PATH_H
#define BENCH_LOAD_PATH_H

#include "bench/load/adaptor.h"

enum path_kind { PATH_DIRECT, PATH_BRIDGE, PATH_OVS };

#define PATH_ICORPS 2

struct path { enum path_kind kind; unsigned n; struct bench_adaptor adaptor[3]; };

/* Where ICorp k's (0 or 1) or, with PATH_ICORPS, the legacy hosts are; last: of the address. */
struct in_addr path_address(unsigned k, unsigned last);
/* Can this kind be made here? 0, or -1 and why not (room bytes). */
int path_possible(enum path_kind kind, char *why, size_t room);
/* Builds it; the rate, as the configuration has it ("100M"), is that of the links. 0, or -1 after having said why. */
int path_open(struct path *path, enum path_kind kind, const char *directory, const char *rate);
/* Gives ICorp k its bandwidth on the whole way. 0, or -1 after having said why. */
int path_reserve(struct path *path, unsigned k, uint64_t rate_bps);
/* Takes all down. */
void path_close(struct path *path);

#endif
