# What of the testbed can be tested without privileges; the rest is tests/e2e/*.sh, run by scripts/check.
TESTS += tests/testbed-topology.sh
EXTRA_DIST += tests/testbed-topology.sh tests/golden/topology tests/e2e/testbed.sh tests/e2e/demo.sh tests/e2e/demo-null.sh \
	tests/e2e/demo-interrupt.sh tests/e2e/failures.sh tests/e2e/ways.sh tests/e2e/ways.d tests/e2e/failures.d tests/e2e/restarts.sh tests/e2e/kills.sh tests/e2e/datagrams.py
