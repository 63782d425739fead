/*
 * What is measured, on one processor: a daemon and its adaptor, or the bare relay that is the floor; what they took.
 */
#ifndef BENCH_LOAD_PROCESS_H
#define BENCH_LOAD_PROCESS_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

/* Processor time, ns, and how long it was kept waiting for a processor that somebody else had. */
struct usage { uint64_t cpu_ns, children_ns, waited_ns; };

struct process { pid_t pid; unsigned router; };

struct daemon_options {
	const char *directory;  /* where icorp-signald and icorp-adaptor are */
	int raw;                /* IP protocol 46; 0: UDP */
	unsigned refresh_ms;    /* R */
	unsigned hello_ms;      /* between its HELLOs; 0: it sends none */
	int cpu;                /* the processor to run on; -1: any */
	const char *adaptor;    /* a section of its configuration; NULL: the null adaptor */
	const char *log;        /* where its log goes; NULL: to our standard error */
};

/* This process, and those it starts from now on without one of their own, run on that processor. */
void process_pin(int cpu);
/* Starts a daemon as router rN. 0, or -1 after having said why. It may not answer yet. */
int process_daemon(struct process *p, unsigned router, const struct daemon_options *options);
/* Starts a relay as fN of the floor's chain, between these two. */
int process_relay(struct process *p, unsigned router, struct in_addr up, struct in_addr down, int raw, int cpu);
/* SIGKILL, and reaped; a daemon's adaptor ends with it. */
void process_kill(struct process *p);
int process_alive(struct process *p);
struct usage process_usage(const struct process *p);
/* Proportional set size in bytes, of the process and of its children. */
uint64_t process_memory(const struct process *p);
uint64_t process_children_memory(const struct process *p);

#endif
