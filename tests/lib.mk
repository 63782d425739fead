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

LIB_TESTS = tests/unit/test_addr tests/unit/test_config tests/unit/test_control tests/unit/test_heap \
	tests/unit/test_http tests/unit/test_idmap tests/unit/test_log tests/unit/test_loop tests/unit/test_mac tests/unit/test_pool tests/unit/test_privileges tests/unit/test_wheel tests/unit/test_wire tests/unit/test_writer
check_PROGRAMS += $(LIB_TESTS)
TESTS += $(LIB_TESTS)

tests_unit_test_addr_SOURCES = tests/unit/test_addr.c
tests_unit_test_addr_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_config_SOURCES = tests/unit/test_config.c tests/unit/config_sample.h
tests_unit_test_config_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_control_SOURCES = tests/unit/test_control.c
tests_unit_test_control_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
tests_unit_test_control_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_heap_SOURCES = tests/unit/test_heap.c
tests_unit_test_heap_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_pool_SOURCES = tests/unit/test_pool.c
tests_unit_test_pool_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_wheel_SOURCES = tests/unit/test_wheel.c
tests_unit_test_wheel_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_http_SOURCES = tests/unit/test_http.c
tests_unit_test_http_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
tests_unit_test_http_LDADD = $(HTTP_LIBS) $(CMOCKA_LIBS)
tests_unit_test_idmap_SOURCES = tests/unit/test_idmap.c
tests_unit_test_idmap_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_privileges_SOURCES = tests/unit/test_privileges.c
tests_unit_test_privileges_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_loop_SOURCES = tests/unit/test_loop.c
tests_unit_test_loop_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
tests_unit_test_loop_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_mac_SOURCES = tests/unit/test_mac.c
tests_unit_test_mac_LDADD = $(CRYPTOBASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_wire_SOURCES = tests/unit/test_wire.c
tests_unit_test_wire_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_writer_SOURCES = tests/unit/test_writer.c
tests_unit_test_writer_CPPFLAGS = $(AM_CPPFLAGS) $(XML_CFLAGS)
tests_unit_test_writer_LDADD = $(BASE_LIBS) $(XML_LIBS) $(CMOCKA_LIBS)

# Which room may include what; what newcomers meet: command lines, man pages, documents.
SCRIPT_TESTS = tests/bench.sh tests/layering.sh tests/options.sh tests/man.sh tests/documents.sh tests/install.sh
TESTS += $(SCRIPT_TESTS)
dist_check_SCRIPTS = $(SCRIPT_TESTS)
