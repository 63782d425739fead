/* icorp-adaptor and icorp-adaptor-vm: the adaptor processes. Which adaptors they have is decided by what is linked. */
#include <stdio.h>

#include "adaptors/host.h"

int main(int argc, char **argv)
{
	return adaptor_host_main(argc, argv, stdout, stderr);
}
