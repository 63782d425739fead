/*
 * icorpctl: the operator's command. Everything is in libcli.a.
 */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return icorpctl_tool(argc, argv, stdout, stderr);
}
