# cli: icorp (inside an ISC) and icorpctl (the operator's)
noinst_LIBRARIES += cli/libcli.a
cli_libcli_a_SOURCES = cli/cli.h cli/gk.c cli/icorp.c cli/icorpctl.c cli/pcap.c cli/sockets.c cli/sockets.h \
	cli/stream.c cli/stream.h cli/trace.c
cli_libcli_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/agent # <icorp.h>, as other users of libicorp see it
cli_libcli_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
CLI_LIBS = cli/libcli.a agent/libicorp.a lib/libhttp.a lib/libbase.a $(CURL_LIBS) $(EVENT_LIBS) $(CONFUSE_LIBS) \
	$(JANSSON_LIBS)

bin_PROGRAMS += icorp icorpctl
icorp_SOURCES = cli/icorp_main.c
icorp_LDADD = $(CLI_LIBS)
icorpctl_SOURCES = cli/icorpctl_main.c
icorpctl_LDADD = $(CLI_LIBS)
dist_man_MANS += man/icorp.1 man/icorpctl.8

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = packaging/completion/icorp packaging/completion/icorpctl
