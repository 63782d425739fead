# What an installation needs besides programs: systemd's units, users for the gatekeeper and the controller, examples of configuration files
UNITS = packaging/icorp-gatekeeper.service packaging/icorp-proxy.service packaging/icorp-signald.service
EXTRA_DIST += $(UNITS:.service=.service.in)
CLEANFILES += $(UNITS)

$(UNITS): Makefile $(UNITS:.service=.service.in)
	$(AM_V_GEN)$(MKDIR_P) packaging && $(SED) -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
		$(srcdir)/$@.in >$@.tmp && mv $@.tmp $@

if SYSTEMD
nodist_systemdsystemunit_DATA = $(UNITS)
sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = packaging/icorp-gatekeeper.conf packaging/icorp-signald.conf
endif

examplesdir = $(docdir)/examples
dist_examples_DATA = packaging/examples/gatekeeper.conf packaging/examples/proxy.conf packaging/examples/signald-access.conf \
	packaging/examples/signald-router.conf packaging/examples/signald-server.conf packaging/examples/signald-switch.conf \
	packaging/examples/keyring packaging/examples/tokens packaging/examples/knot.conf
