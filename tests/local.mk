# One fragment per room; each adds its cmocka programs to check_PROGRAMS and TESTS.
include tests/lib.mk
include tests/contracts.mk
include tests/adaptors.mk
include tests/signald.mk
include tests/proxy.mk
include tests/gatekeeper.mk
include tests/agent.mk
include tests/cli.mk
include tests/testbed.mk
