# tests of agent
AGENT_TEST_LIBS = $(AGENT_LIBS) $(CMOCKA_LIBS)
AGENT_TESTS = tests/unit/test_agent_policy tests/unit/test_agent_core tests/unit/test_agent_boot tests/unit/test_agent_apps \
	tests/unit/test_agent_measure
check_PROGRAMS += $(AGENT_TESTS)
TESTS += $(AGENT_TESTS)

tests_unit_test_agent_policy_SOURCES = tests/unit/test_agent_policy.c
tests_unit_test_agent_policy_LDADD = $(AGENT_TEST_LIBS)
tests_unit_test_agent_core_SOURCES = tests/unit/test_agent_core.c
tests_unit_test_agent_core_LDADD = $(AGENT_TEST_LIBS)
tests_unit_test_agent_boot_SOURCES = tests/unit/test_agent_boot.c
tests_unit_test_agent_boot_LDADD = $(AGENT_TEST_LIBS)
tests_unit_test_agent_apps_SOURCES = tests/unit/test_agent_apps.c
tests_unit_test_agent_apps_LDADD = $(AGENT_TEST_LIBS)
tests_unit_test_agent_measure_SOURCES = tests/unit/test_agent_measure.c
tests_unit_test_agent_measure_LDADD = $(AGENT_TEST_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz_boot
tests_fuzz_fuzz_boot_SOURCES = tests/fuzz/fuzz_boot.c
tests_fuzz_fuzz_boot_LDADD = $(FUZZ_DRIVER) $(AGENT_LIBS)

# The agent as a whole, with icorp, on the loopback interface.
check_PROGRAMS += tests/unit/agent-app tests/unit/test_agent_e2e
TESTS += tests/unit/test_agent_e2e
tests_unit_agent_app_SOURCES = tests/unit/agent_app.c
tests_unit_test_agent_e2e_SOURCES = tests/unit/test_agent_e2e.c
tests_unit_test_agent_e2e_LDADD = cli/libcli.a $(AGENT_TEST_LIBS)
EXTRA_tests_unit_test_agent_e2e_DEPENDENCIES = tests/unit/agent-app$(EXEEXT)
