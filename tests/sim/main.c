/* icorp-sim. Everything is in libsim.a. */
#include "tests/sim/icorp_sim.h"

int main(int argc, char **argv)
{
	return icorp_sim(argc, argv);
}
