# contracts: the document that describes an ICorp; its schema is installed and also built in
noinst_LIBRARIES += contracts/libcontracts.a
contracts_libcontracts_a_SOURCES = contracts/contract.h contracts/internal.h contracts/canon.c contracts/canon_read.c \
	contracts/check.c contracts/contract.c contracts/diff.c contracts/document.c contracts/errors.c contracts/explain.c \
	contracts/parts.c contracts/price.c contracts/read.c contracts/request.c contracts/schema.c contracts/squeeze.c \
	contracts/tree.c contracts/values.c
nodist_contracts_libcontracts_a_SOURCES = contracts/contract-rng.c
contracts_libcontracts_a_CFLAGS = $(AM_CFLAGS) $(XML_CFLAGS) $(ZLIB_CFLAGS)
CONTRACT_LIBS = contracts/libcontracts.a $(CRYPTOBASE_LIBS) $(XML_LIBS) $(ZLIB_LIBS)

contracts/contract-rng.c: contracts/contract.rng contracts/embed.awk
	$(AM_V_GEN)$(MKDIR_P) contracts && $(AWK) -v name=contract_rng -f $(srcdir)/contracts/embed.awk \
		$(srcdir)/contracts/contract.rng >$@.tmp && mv $@.tmp $@

dist_pkgdata_DATA += contracts/contract.rng
BUILT_SOURCES += contracts/contract-rng.c
CLEANFILES += contracts/contract-rng.c contracts/contract-rng.c.tmp
EXTRA_DIST += contracts/embed.awk doc/contract.md
