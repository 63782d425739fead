# tests of gatekeeper
GK_TEST_LIBS = $(GATEKEEPER_LIBS) $(CMOCKA_LIBS)
GK_TESTS = tests/unit/test_gk_l2 tests/unit/test_gk_plan tests/unit/test_gk_input tests/unit/test_gk_store \
	tests/unit/test_gk_compose tests/unit/test_gk_api \
	tests/unit/test_gk_dns tests/unit/test_gk_conns tests/unit/test_gk_revise tests/unit/test_gk_report_queue
check_PROGRAMS += $(GK_TESTS)
TESTS += $(GK_TESTS)
EXTRA_DIST += tests/golden/l2 tests/golden/gatekeeper tests/e2e/browser.sh tests/e2e/browser.py

tests_unit_test_gk_l2_SOURCES = tests/unit/test_gk_l2.c tests/unit/proxy_golden.c tests/unit/proxy_golden.h
tests_unit_test_gk_l2_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_plan_SOURCES = tests/unit/test_gk_plan.c
tests_unit_test_gk_plan_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_input_SOURCES = tests/unit/test_gk_input.c
tests_unit_test_gk_input_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_store_SOURCES = tests/unit/test_gk_store.c
tests_unit_test_gk_store_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_compose_SOURCES = tests/unit/test_gk_compose.c tests/unit/proxy_golden.c tests/unit/proxy_golden.h
tests_unit_test_gk_compose_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_api_SOURCES = tests/unit/test_gk_api.c tests/unit/gk_world.c tests/unit/gk_world.h
tests_unit_test_gk_api_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_dns_SOURCES = tests/unit/test_gk_dns.c tests/unit/gk_world.c tests/unit/gk_world.h
tests_unit_test_gk_dns_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_conns_SOURCES = tests/unit/test_gk_conns.c tests/unit/gk_world.c tests/unit/gk_world.h
tests_unit_test_gk_conns_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_revise_SOURCES = tests/unit/test_gk_revise.c tests/unit/gk_world.c tests/unit/gk_world.h
tests_unit_test_gk_revise_LDADD = $(GK_TEST_LIBS)
tests_unit_test_gk_report_queue_SOURCES = tests/unit/test_gk_report_queue.c
tests_unit_test_gk_report_queue_LDADD = $(SIGNALD_LIBS) $(CMOCKA_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz_gatekeeper
tests_fuzz_fuzz_gatekeeper_SOURCES = tests/fuzz/fuzz_gatekeeper.c
tests_fuzz_fuzz_gatekeeper_LDADD = $(FUZZ_DRIVER) $(GATEKEEPER_LIBS)
