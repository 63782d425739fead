/*
 * icorp: the client's command inside an ISC. Everything is in libcli.a.
 */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return icorp_tool(argc, argv, stdout, stderr);
}
