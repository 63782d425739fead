/* The parts of test_ovs. */
#ifndef ICORP_TEST_OVS_H
#define ICORP_TEST_OVS_H

#include "adaptors/ovs.h"

/* test_ovs_peer.c */
void test_rpc_peer(void **unused);
void test_openflow_peer(void **unused);
/* test_ovs_queue.c */
void test_queues(void **unused);
void test_queues_hostile(void **unused);

#endif
