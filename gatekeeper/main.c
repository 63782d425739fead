#include "gatekeeper/gatekeeper.h"

int main(int argc, char **argv)
{
	return gatekeeper_main(argc, argv);
}
