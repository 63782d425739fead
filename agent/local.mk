# agent: libicorp (installed, for software inside an ISC; needs only jansson), libagent, icorp-agent
lib_LIBRARIES = agent/libicorp.a
include_HEADERS = agent/icorp.h
agent_libicorp_a_SOURCES = agent/client_parse.h agent/client.c agent/client_parse.c agent/names.c
agent_libicorp_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)

noinst_LIBRARIES += agent/libagent.a
agent_libagent_a_SOURCES = agent/apps.h agent/boot.h agent/core.h agent/daemon.h agent/daemon_parts.h agent/demand.h \
	agent/link.h agent/measure.h agent/policy.h agent/processes.h agent/settings.h agent/show.h agent/spawn.h \
	agent/apps.c agent/boot.c agent/commands.c agent/core.c agent/daemon.c agent/demand.c agent/link.c agent/measure.c \
	agent/options.c agent/policy.c agent/processes.c agent/settings.c agent/show.c agent/spawn.c agent/state.c
agent_libagent_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)

AGENT_LIBS = agent/libagent.a agent/libicorp.a lib/libhttp.a lib/libcryptobase.a lib/libbase.a $(CURL_LIBS) \
	$(CRYPTO_LIBS) $(EVENT_LIBS) $(CONFUSE_LIBS) $(JANSSON_LIBS)

sbin_PROGRAMS += icorp-agent
icorp_agent_SOURCES = agent/main.c
icorp_agent_LDADD = $(AGENT_LIBS)
dist_man_MANS += man/icorp-agent.8
