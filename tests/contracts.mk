# tests of contracts
CONTRACT_TESTS = tests/unit/test_contract tests/unit/test_contract_golden tests/unit/test_contract_property
check_PROGRAMS += $(CONTRACT_TESTS)
TESTS += $(CONTRACT_TESTS)

tests_unit_test_contract_SOURCES = tests/unit/test_contract.c
tests_unit_test_contract_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_contract_LDADD = $(CONTRACT_LIBS) $(CMOCKA_LIBS)

tests_unit_test_contract_golden_SOURCES = tests/unit/test_contract_golden.c
tests_unit_test_contract_golden_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_contract_golden_LDADD = $(CONTRACT_LIBS) $(CMOCKA_LIBS)

tests_unit_test_contract_property_SOURCES = tests/unit/test_contract_property.c
tests_unit_test_contract_property_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(XML_CFLAGS)
tests_unit_test_contract_property_LDADD = $(CONTRACT_LIBS) $(CMOCKA_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz_contract
tests_fuzz_fuzz_contract_SOURCES = tests/fuzz/fuzz_contract.c
tests_fuzz_fuzz_contract_LDADD = $(FUZZ_DRIVER) $(CONTRACT_LIBS)
