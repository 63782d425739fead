# gatekeeper: the daemon as a library, its program, and the pages
noinst_LIBRARIES += gatekeeper/libgatekeeper.a
gatekeeper_libgatekeeper_a_SOURCES = gatekeeper/admit.h gatekeeper/compose.h gatekeeper/config.h gatekeeper/conns.h \
	gatekeeper/control.h gatekeeper/dns.h gatekeeper/dns_message.h gatekeeper/elements.h gatekeeper/events.h \
	gatekeeper/fdb.h gatekeeper/form.h gatekeeper/gatekeeper.h gatekeeper/handlers.h gatekeeper/icorps.h \
	gatekeeper/input.h gatekeeper/l2.h gatekeeper/l2map.h gatekeeper/lifecycle.h gatekeeper/metrics.h \
	gatekeeper/pages.h gatekeeper/placement.h gatekeeper/plan.h gatekeeper/price.h gatekeeper/problem.h \
	gatekeeper/registration.h gatekeeper/report.h gatekeeper/request.h gatekeeper/route.h gatekeeper/server.h \
	gatekeeper/store.h gatekeeper/stream.h gatekeeper/tokens.h gatekeeper/waits.h gatekeeper/work.h \
	gatekeeper/admit.c gatekeeper/api.c gatekeeper/compose.c gatekeeper/config.c gatekeeper/conns.c \
	gatekeeper/control.c gatekeeper/dns.c gatekeeper/dns_message.c gatekeeper/elements.c gatekeeper/events.c \
	gatekeeper/fdb.c gatekeeper/form.c gatekeeper/gatekeeper.c gatekeeper/icorps.c gatekeeper/icorps_view.c \
	gatekeeper/info.c gatekeeper/input.c gatekeeper/l2.c gatekeeper/l2map.c gatekeeper/lifecycle.c \
	gatekeeper/metrics.c gatekeeper/options.c gatekeeper/pages.c gatekeeper/placement.c gatekeeper/plan.c \
	gatekeeper/price.c gatekeeper/problem.c gatekeeper/registrar.c gatekeeper/registration.c gatekeeper/report.c \
	gatekeeper/request.c gatekeeper/revise.c gatekeeper/revise.h gatekeeper/route.c gatekeeper/server.c gatekeeper/store_sqlite.c gatekeeper/stream.c \
	gatekeeper/tokens.c gatekeeper/waits.c gatekeeper/work.c
gatekeeper_libgatekeeper_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(EVENT_SSL_CFLAGS) $(SSL_CFLAGS) $(JANSSON_CFLAGS) \
	$(SQLITE_CFLAGS) $(LDNS_CFLAGS) $(XML_CFLAGS)
GATEKEEPER_LIBS = gatekeeper/libgatekeeper.a contracts/libcontracts.a lib/libcryptobase.a lib/libbase.a \
	$(EVENT_SSL_LIBS) $(EVENT_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(LDNS_LIBS) \
	$(CONFUSE_LIBS) $(XML_LIBS) $(ZLIB_LIBS)

sbin_PROGRAMS += icorp-gatekeeper
icorp_gatekeeper_SOURCES = gatekeeper/main.c
icorp_gatekeeper_LDADD = $(GATEKEEPER_LIBS)

wwwdir = $(pkgdatadir)/www
dist_www_DATA = gatekeeper/www/index.html gatekeeper/www/icorp.html gatekeeper/www/style.css gatekeeper/www/app.js \
	gatekeeper/www/icorp.js gatekeeper/www/common.js gatekeeper/www/icon.svg gatekeeper/www/openapi.json
EXTRA_DIST += doc/gatekeeper-api.md
dist_man_MANS += man/icorp-gatekeeper.8
