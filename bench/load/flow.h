/*
 * UDP flows between namespaces, and what of each arrives in every second: a process per sender, one for the receiver,
 * paced or as fast as the socket takes it, all bounded in time. Arrivals are counted by the kernel's own timestamp of
 * each datagram, so that a receiver that had to wait for a processor still counts them in their second.
 */
#ifndef BENCH_LOAD_FLOW_H
#define BENCH_LOAD_FLOW_H

#include <netinet/in.h>
#include <stdint.h>

#define FLOWS_MAX 4
#define FLOW_SECONDS_MAX 60
#define FLOW_PAYLOAD 1472   /* of a full Ethernet frame */
#define FLOW_OVERHEAD 42    /* UDP, IP and Ethernet headers: what the frame is more than its payload, as HTB counts */

struct flow {
	const char *from;               /* namespace */
	struct in_addr source, destination;
	uint64_t pace_bps;              /* on the wire; 0: as fast as the socket takes it */
	unsigned starts_s, ends_s;      /* seconds of the run */
	int sndbuf;                     /* bytes its socket holds; 0: the system's default */
};

/* What arrived of each flow in each second of the run, bytes on the wire; CPU time of the senders and the receiver. */
struct flow_result {
	uint64_t bytes[FLOWS_MAX][FLOW_SECONDS_MAX], packets[FLOWS_MAX];
	double sender_cpu_s[FLOWS_MAX], receiver_cpu_s;
};

/* Runs n flows to namespace `to` for so many seconds. 0, or -1 after having said why. */
int flow_run(const struct flow *flows, unsigned n, const char *to, unsigned seconds, struct flow_result *result);

#endif
