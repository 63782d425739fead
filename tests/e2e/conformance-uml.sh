#!/bin/bash
# The conformance checks of adaptors that need a kernel which filters VLANs, where this one cannot: in a user-mode-linux
# kernel that has nothing else to do. Its console is the checks' output.
#
# usage: tests/e2e/conformance-uml.sh [BUILDDIR [SUBJECT…]] (bridge); as root. 0: passed, 77: skipped, else failed.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-${BUILDDIR:-$top}}" && pwd)
shift
subjects=${*:-bridge}
program=$build/tests/conformance/conformance_net
LIB=$top/testbed/lib
# shellcheck source=../../testbed/lib/uml.sh
. "$LIB/uml.sh"
uml=$(uml_program)

skip() { echo "1..0 # SKIP $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
[ -n "$uml" ] || skip "needs user-mode-linux"
command -v busybox > /dev/null || skip "needs busybox"
[ -x "$program" ] || skip "needs $program: make check TESTS="
! grep -qs __asan_init "$program" || skip "needs a build without sanitizers: they do not fit into a user-mode-linux process"

D=$(mktemp -d /var/tmp/conformance.XXXXXX) pid=
finish() {
	trap - EXIT
	[ -z "$pid" ] || kill -9 -- "-$pid" 2> /dev/null
	rm -rf --one-file-system "$D"
}
trap finish EXIT
trap 'exit 130' INT TERM

cat > "$D/init" <<- END
	#!/bin/sh
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=$D
	mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /tmp
	mkdir -p /tmp/lib/modules; ln -s /usr/lib/uml/modules/\$(uname -r) /tmp/lib/modules/
	for m in veth bridge 8021q sch_ingress sch_htb cls_flower act_vlan act_skbedit act_gact nf_tables; do modprobe -d /tmp \$m; done
	cd $build && timeout ${CONFORMANCE_TIMEOUT:-500} $program $subjects 2>&1
	echo "=== \$?"
	busybox poweroff -f
END
chmod 755 "$D/init"
setsid env -i HOME="$D" PATH="$PATH" LD_PRELOAD="$(uml_preload "$D")" "$uml" mem=256M rootfstype=hostfs rootflags=/ rw \
	init="$D/init" quiet loglevel=1 umid="conformance$$" uml_dir="$D/uml" con=null con0=null,fd:1 < /dev/null > "$D/out" 2>&1 &
pid=$!
wait $pid
pid=
tr -d '\r' < "$D/out" | grep -v '^\[ *RUN\|^=== '
status=$(tr -d '\r' < "$D/out" | sed -n 's/^=== //p')
[ -n "$status" ] || { echo "no user-mode-linux kernel ran the checks to their end"; exit 1; }
exit "$status"
