# proxy: icorp-proxy, the IS Proxy. Links libnftables (GPL-2 only), hence nothing of OpenSSL.
noinst_LIBRARIES += proxy/libproxy.a
proxy_libproxy_a_SOURCES = \
	proxy/address.c proxy/address.h \
	proxy/commands.c proxy/commands.h \
	proxy/settings.c proxy/settings.h \
	proxy/conn.c proxy/conn.h \
	proxy/daemon.c proxy/daemon.h \
	proxy/health.c proxy/health.h \
	proxy/kernel.c proxy/kernel.h \
	proxy/nft.c proxy/nft.h \
	proxy/policy.c proxy/policy.h proxy/policy_leastconn.c proxy/policy_roundrobin.c proxy/policy_weighted.c \
	proxy/probe.c proxy/probe.h \
	proxy/proxy.c proxy/table.c proxy/table.h proxy/target.c \
	proxy/pump.c proxy/pump.h \
	proxy/relay.c proxy/relay.h \
	proxy/spec.c proxy/spec.h \
	proxy/timer.c proxy/timer.h
proxy_libproxy_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS) $(MNL_CFLAGS) $(NFT_CFLAGS)
PROXY_LIBS = proxy/libproxy.a $(BASE_LIBS) $(MNL_LIBS) $(NFT_LIBS)

sbin_PROGRAMS += icorp-proxy
icorp_proxy_SOURCES = proxy/main.c
icorp_proxy_LDADD = $(PROXY_LIBS)

EXTRA_DIST += doc/proxy.md
dist_man_MANS += man/icorp-proxy.8
