/*
 * icorp-agent, the ISC's controller: the loop around the pure parts.
 */
#ifndef ICORP_AGENT_DAEMON_H
#define ICORP_AGENT_DAEMON_H

#include <stddef.h>

struct agentd_options {
	const char *boot;      /* boot.json */
	const char *run_dir;   /* made if need be; the socket agent.sock, the last sequence number */
	const char *apps_dir;  /* known applications */
	const char *config;    /* agent.conf; need not exist unless it was asked for */
	int config_required;
	int init;              /* we are pid 1 of a container */
};

struct boot;

/* Reads boot file and configuration. 0, or -errno with the reason in why, as "FILE: what". */
int agentd_load(const struct agentd_options *options, struct boot *boot, char *why, size_t room);
/* Runs until SIGTERM or PathTear. 0 or -errno; problems are logged. Does not own boot. */
int agentd_run(const struct agentd_options *options, struct boot *boot);
/* The program: parses argv. The exit status. */
int agentd_main(int argc, char **argv);

#endif
