# tests of proxy
PROXY_TEST_LIBS = $(PROXY_LIBS) $(CMOCKA_LIBS)
PROXY_TESTS = tests/unit/test_proxy_policy tests/unit/test_proxy_spec tests/unit/test_proxy_kernel \
	tests/unit/test_proxy_relay tests/unit/test_proxy_balance tests/unit/test_proxy_table
check_PROGRAMS += $(PROXY_TESTS)
TESTS += $(PROXY_TESTS)

tests_unit_test_proxy_policy_SOURCES = tests/unit/test_proxy_policy.c
tests_unit_test_proxy_policy_LDADD = $(PROXY_TEST_LIBS)
tests_unit_test_proxy_spec_SOURCES = tests/unit/test_proxy_spec.c tests/unit/proxy_golden.c tests/unit/proxy_golden.h
tests_unit_test_proxy_spec_LDADD = $(PROXY_TEST_LIBS)
tests_unit_test_proxy_kernel_SOURCES = tests/unit/test_proxy_kernel.c tests/unit/proxy_golden.c tests/unit/proxy_golden.h
tests_unit_test_proxy_kernel_LDADD = $(PROXY_TEST_LIBS)
check_LIBRARIES += tests/unit/libproxyworld.a
tests_unit_libproxyworld_a_SOURCES = tests/unit/proxy_world.c tests/unit/proxy_world.h
tests_unit_test_proxy_relay_LDADD = tests/unit/libproxyworld.a $(PROXY_TEST_LIBS) -lpthread
tests_unit_test_proxy_balance_LDADD = tests/unit/libproxyworld.a $(PROXY_TEST_LIBS) -lpthread
tests_unit_test_proxy_table_LDADD = tests/unit/libproxyworld.a $(PROXY_TEST_LIBS) -lpthread

check_PROGRAMS += tests/unit/test_route
TESTS += tests/unit/test_route
tests_unit_test_route_SOURCES = tests/unit/test_route.c tests/unit/proxy_golden.c tests/unit/proxy_golden.h
tests_unit_test_route_LDADD = adaptors/libadaptornet.a $(ADAPTOR_HOST_LIBS) $(MNL_LIBS) $(CMOCKA_LIBS)

# The program, both data paths, in network namespaces.
check_PROGRAMS += tests/e2e/proxy_helper
tests_e2e_proxy_helper_SOURCES = tests/e2e/proxy_helper.c
tests_e2e_proxy_helper_LDADD = $(BASE_LIBS)
TESTS += tests/e2e/proxy_paths.sh tests/e2e/needed.sh
EXTRA_DIST += tests/e2e/proxy_paths.sh tests/e2e/needed.sh

check_PROGRAMS += tests/unit/test_proxy_adaptor
TESTS += tests/unit/test_proxy_adaptor
tests_unit_test_proxy_adaptor_SOURCES = tests/unit/test_proxy_adaptor.c
tests_unit_test_proxy_adaptor_LDADD = adaptors/libadaptornet.a $(ADAPTOR_HOST_LIBS) $(PROXY_TEST_LIBS) -lpthread

FUZZ_TARGETS += tests/fuzz/fuzz_proxy_spec
tests_fuzz_fuzz_proxy_spec_SOURCES = tests/fuzz/fuzz_proxy_spec.c
tests_fuzz_fuzz_proxy_spec_LDADD = $(FUZZ_DRIVER) $(PROXY_LIBS)
