# tests of lib, and what the tests of all rooms share.
#
# Fuzz targets: `FUZZ_TARGETS += tests/fuzz/fuzz_NAME` with LDADD = $(FUZZ_DRIVER) …: a normal build replays
# tests/fuzz/corpus/NAME as a test; with --enable-fuzz (CC=clang) the program is a libFuzzer one and is not run by itself.
if FUZZ
FUZZ_DRIVER = $(FUZZ_ENGINE)
else
FUZZ_DRIVER = tests/fuzz/libdriver.a
check_LIBRARIES += tests/fuzz/libdriver.a
endif
tests_fuzz_libdriver_a_SOURCES = tests/fuzz/driver.c
FUZZ_TARGETS = tests/fuzz/fuzz_config tests/fuzz/fuzz_control tests/fuzz/fuzz_sse

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c tests/unit/config_sample.h
tests_fuzz_fuzz_config_LDADD = $(FUZZ_DRIVER) $(BASE_LIBS)
tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c
tests_fuzz_fuzz_control_LDADD = $(FUZZ_DRIVER) $(BASE_LIBS)
tests_fuzz_fuzz_sse_SOURCES = tests/fuzz/fuzz_sse.c
tests_fuzz_fuzz_sse_LDADD = $(FUZZ_DRIVER) $(HTTP_LIBS)

LIB_TESTS = tests/unit/test_config
check_PROGRAMS += $(LIB_TESTS)
TESTS += $(LIB_TESTS)

tests_unit_test_config_SOURCES = tests/unit/test_config.c tests/unit/config_sample.h
tests_unit_test_config_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
