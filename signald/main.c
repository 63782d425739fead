#include "signald/daemon.h"

int main(int argc, char **argv)
{
	return signald_main(argc, argv);
}
