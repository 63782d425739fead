# tests of gatekeeper
GK_TEST_LIBS = $(GATEKEEPER_LIBS) $(CMOCKA_LIBS)
GK_TESTS = tests/unit/test_gk_l2 tests/unit/test_gk_plan tests/unit/test_gk_input tests/unit/test_gk_store
check_PROGRAMS += $(GK_TESTS)
TESTS += $(GK_TESTS)
EXTRA_DIST += tests/golden/l2

tests_unit_test_gk_l2_SOURCES = tests/unit/test_gk_l2.c tests/unit/proxy_golden.c tests/unit/proxy_golden.h
tests_unit_test_gk_l2_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_plan_SOURCES = tests/unit/test_gk_plan.c
tests_unit_test_gk_plan_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_input_SOURCES = tests/unit/test_gk_input.c
tests_unit_test_gk_input_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_store_SOURCES = tests/unit/test_gk_store.c
tests_unit_test_gk_store_LDADD = $(GK_TEST_LIBS)
