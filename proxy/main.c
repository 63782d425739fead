/*
 * icorp-proxy: the IS Proxy of an access router. Everything is in libproxy.a, so that tests and fuzzers link it.
 */
#include "config.h"

#include "proxy/daemon.h"

int main(int argc, char **argv)
{
	return daemon_main(argc, argv);
}
