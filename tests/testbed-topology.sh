#!/bin/sh
# Every tests/golden/topology/*.topo is read by `testbed check`; the answer must be what NAME.expected says.
# -invalid in the name: it must be refused. "tests/testbed-topology.sh --update" writes the expected files.
srcdir=${srcdir:-$(dirname "$0")/..}
status=0
cd "$srcdir/tests/golden/topology" || exit 1
for f in *.topo; do
	got=$(bash ../../../testbed/testbed check "$f" 2>&1); rc=$?
	[ "${1:-}" != --update ] || printf '%s\n' "$got" > "${f%.topo}.expected"
	case $f in
	*-invalid.topo) [ $rc != 0 ] || { echo "$f: was accepted"; status=1; } ;;
	*) [ $rc = 0 ] || { echo "$f: was refused"; status=1; } ;;
	esac
	[ "$got" = "$(cat "${f%.topo}.expected")" ] || { echo "$f: said '$got'"; status=1; }
done
for f in ../../../testbed/*.topo; do bash ../../../testbed/testbed -q check "$f" || status=1; done
exit $status
