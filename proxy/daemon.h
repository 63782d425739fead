/*
 * icorp-proxy without its main(): options, configuration, loop.
 */
#ifndef ICORP_PROXY_DAEMON_H
#define ICORP_PROXY_DAEMON_H

/* Runs the program; returns its exit status: 0, 1 (could not), 2 (usage). */
int daemon_main(int argc, char **argv);

#endif
