#!/bin/sh
# `make install DESTDIR=…` puts everything where it belongs, and `make uninstall` takes all of it away.
# usage: install.sh   (in the build directory, after `make all`; srcdir in the environment). 77: skipped.
top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
[ -x ./icorp-signald ] || { echo "install: # SKIP nothing is built here"; exit 77; }
dest=$(mktemp -d) || exit 1
trap 'rm -rf "$dest"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
wrong() { echo "FAILED: $*"; failed=1; }
unset MAKEFLAGS MAKELEVEL MFLAGS
dirs="prefix=/usr sysconfdir=/etc localstatedir=/var"

# shellcheck disable=SC2086 # a list
make -s install $dirs "DESTDIR=$dest" > "$dest.log" 2>&1 || { cat "$dest.log"; rm -f "$dest.log"; echo "FAILED: make install"; exit 1; }
rm -f "$dest.log"
has() { # MODE FILE
	[ -f "$dest/$2" ] || { wrong "$2 is not installed"; return; }
	[ "$(stat -c %a "$dest/$2")" = "$1" ] || wrong "$2: mode $(stat -c %a "$dest/$2"), not $1"
}
for p in icorp-signald icorp-gatekeeper icorp-proxy icorp-agent; do has 755 usr/sbin/$p; has 644 usr/share/man/man8/$p.8; done
for p in icorp icorpctl icorp-sim; do has 755 usr/bin/$p; has 644 usr/share/bash-completion/completions/$p; done
for p in icorp-adaptor icorp-adaptor-vm; do has 755 usr/libexec/icorpmaker/$p; has 644 usr/share/man/man8/$p.8; done
has 644 usr/share/man/man1/icorp.1
has 644 usr/share/man/man1/icorp-sim.1
has 644 usr/share/icorpmaker/demo.topo
has 644 usr/share/man/man8/icorpctl.8
has 644 usr/include/icorp.h
has 644 usr/lib/libicorp.a
has 644 usr/share/icorpmaker/contract.rng
for p in icorp-gatekeeper icorp-signald; do has 644 usr/lib/sysusers.d/$p.conf; done
for f in "$top"/gatekeeper/www/*; do has 644 "usr/share/icorpmaker/www/${f##*/}"; done
for f in "$top"/packaging/examples/*; do has 644 "usr/share/doc/icorpmaker/examples/${f##*/}"; done
for f in "$top"/packaging/*.service.in; do
	unit=${f##*/} unit=${unit%.in}
	has 644 "usr/lib/systemd/system/$unit"
	! grep -nE '@[a-z]+@' "$dest/usr/lib/systemd/system/$unit" || wrong "$unit: not filled in"
	program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$dest/usr/lib/systemd/system/$unit")
	[ -n "$program" ] || wrong "$unit starts nothing"
done

# shellcheck disable=SC2086 # a list
make -s uninstall $dirs "DESTDIR=$dest" > /dev/null 2>&1 || wrong "make uninstall"
left=$(find "$dest" ! -type d)
[ -z "$left" ] || wrong "left after uninstall: $left"
[ $failed = 0 ] && echo "install: all in its place, and gone again"
exit $failed
