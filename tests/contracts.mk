# tests of contracts
CONTRACT_TEST_LIBS = contracts/libcontracts.a lib/libcryptobase.a lib/libbase.a $(XML_LIBS) $(ZLIB_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/test_contract tests/unit/test_contract_golden
TESTS += tests/unit/test_contract tests/unit/test_contract_golden
EXTRA_DIST += tests/golden/contract tests/golden/contract-diff

tests_unit_test_contract_SOURCES = tests/unit/test_contract.c
tests_unit_test_contract_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_contract_LDADD = $(CONTRACT_TEST_LIBS) $(CMOCKA_LIBS)

tests_unit_test_contract_golden_SOURCES = tests/unit/test_contract_golden.c
tests_unit_test_contract_golden_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_contract_golden_LDADD = $(CONTRACT_TEST_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_contract_property
TESTS += tests/unit/test_contract_property
tests_unit_test_contract_property_SOURCES = tests/unit/test_contract_property.c
tests_unit_test_contract_property_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(XML_CFLAGS)
tests_unit_test_contract_property_LDADD = $(CONTRACT_TEST_LIBS) $(CMOCKA_LIBS)

# bench/contract: how fast a contract is read
noinst_PROGRAMS += bench/contract
bench_contract_SOURCES = bench/contract.c
bench_contract_CPPFLAGS = $(AM_CPPFLAGS) $(XML_CFLAGS)
bench_contract_LDADD = $(CONTRACT_TEST_LIBS)
