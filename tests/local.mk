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
include tests/vm.mk

# After all of them: the corpora and golden cases are whole directories, so that a new case is only a new file.
check_PROGRAMS += $(FUZZ_TARGETS)
if !FUZZ
TESTS += $(FUZZ_TARGETS)
endif
EXTRA_DIST += tests/golden tests/fuzz/corpus tests/valgrind tests/cppcheck.cfg tests/cppcheck.txt scripts .ci

# libFuzzer on every target, or on those FUZZ names, SECONDS each; in a build of its own below this one.
SECONDS = 60
fuzz:
	$(top_srcdir)/scripts/fuzz "$(abs_top_builddir)/fuzz" $(SECONDS) $(FUZZ)
.PHONY: fuzz
