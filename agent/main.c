/*
 * icorp-agent: the controller of an Instant Server Chunk. Everything is in libagent.a, so that tests link it.
 */
#include "agent/daemon.h"

int main(int argc, char **argv)
{
	return agentd_main(argc, argv);
}
