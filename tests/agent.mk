# tests of agent
AGENT_TEST_LIBS = $(AGENT_LIBS) $(CMOCKA_LIBS)
AGENT_TESTS = tests/unit/test_agent_policy tests/unit/test_agent_core
check_PROGRAMS += $(AGENT_TESTS)
TESTS += $(AGENT_TESTS)

tests_unit_test_agent_policy_SOURCES = tests/unit/test_agent_policy.c
tests_unit_test_agent_policy_LDADD = $(AGENT_TEST_LIBS)
tests_unit_test_agent_core_SOURCES = tests/unit/test_agent_core.c
tests_unit_test_agent_core_LDADD = $(AGENT_TEST_LIBS)
