#!/bin/bash
# Bad input gets a clear error, and nothing is lost or half done: what goes wrong is made to go wrong on the demo's
# testbed, with real kernels, libvirt, DNS and users. The cases are in failures.d/.
#
#   user1 -- ar1 --+                                   +-- srv1 (own libvirtd)
#                  s1 -- r1 ======== r2 -- lsw -- s2 --+
#   user2 -- ar2 --+ |     100 Mbit/s                  +-- srv2 (own libvirtd)
#                    gk (gatekeeper and DNS)
#
# usage: tests/e2e/failures.sh BUILDDIR [CASE…]; as root. 0: passed, 77: skipped, else failed. A line per check.
# FAILURES_REFRESH=TIME: every controller's R, instead of the demo's second.
# shellcheck source-path=SCRIPTDIR
set -u -o pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-${BUILDDIR:?usage: tests/e2e/failures.sh BUILDDIR}}
shift
CASES=("$@")
[ $# -gt 0 ] || CASES=(privileges refusals hop_refuses demand_refused preempted revisions datagrams libvirtd_down knotd_down killed gatekeeper_killed)
NAME=ft$$ NULL='' FAILED=0
# shellcheck source=../../scripts/demo.d/say.sh
. "$TOP/scripts/demo.d/say.sh"
# shellcheck source=../../scripts/demo.d/look.sh
. "$TOP/scripts/demo.d/look.sh"

# shellcheck source=../../scripts/demo.d/steps.sh
. "$TOP/scripts/demo.d/steps.sh"

# check SECONDS WHAT COMMAND…: as within, and a line that is counted.
check() {
	if within "$@"; then echo "ok - $CASE: $2 # $WITHIN_MS ms"; else fail "$2"; fi
}
fail() { # WHAT [OUTPUT]
	echo "not ok - $CASE: $1"
	[ $# -lt 2 ] || printf '%s\n' "$2" | sed 's/^/# /'
	FAILED=$((FAILED + 1))
	return 1
}

TB=("$TOP/testbed/testbed" --name "$NAME")
tb() { "${TB[@]}" "$@"; }
in_() { "${TB[@]}" exec "$@"; }
ctl() { in_ "$1" icorpctl --json "${@:2}" < /dev/null; } # ELEMENT COMMAND…

ended() { ! in_ "$1" kill -0 "$2" < /dev/null 2> /dev/null; } # ELEMENT PID: a UML kernel has its own numbers
kill_daemon() { # SIGNAL ELEMENT DAEMON: and waits until it has ended
	local pid; pid=$(daemon_pid "$2" "$3")
	in_ "$2" kill "-$1" "$pid" < /dev/null && check 10 "$3 of $2 is ended" ended "$2" "$pid"
}
# Changes a controller's configuration while it runs.
reload() { # ELEMENT SED-EXPRESSION
	sed -i "$2" "$STATE/$1/signald.conf" && kill -HUP "$(daemon_pid "$1" signald)"
}

# An ICorp of silver's class, or another one, by its name; sets ID, HOST.
request() { # NAME [CLASS]
	cat <<- END
		<request xmlns="urn:icorp:contract:1">
		  <name>$1</name>
		  <class>${2:-silver}</class>
		  <endpoints><access element="ar1" leader="yes"/><access element="ar2"/><servers count="2"/></endpoints>
		  <services><service name="web" port="80"/></services>
		  <applications><application name="httpd"/></applications>
		</request>
	END
}
post() { # FILE
	api POST /v1/icorps -H 'Content-Type: application/xml' --data-binary "@$1"
}
create() { # NAME [CLASS]
	local out
	request "$@" > "$WORK/request.xml"
	out=$(post "$WORK/request.xml")
	[ "$(status_of "$out")" = 201 ] || { fail "the request for $1 is accepted" "$out"; return 1; }
	ID=$(body_of "$out" | jq -r .id)
	HOST=$(body_of "$out" | jq -r .dns_name)
}
delete() {
	answered 202 '' DELETE "/v1/icorps/$ID" > /dev/null || { fail "DELETE of ICorp $ID is accepted"; return 1; }
	check 30 "the gatekeeper has forgotten ICorp $ID" icorp_gone "$ID"
}
nothing_left() { check 30 "kernels, libvirt and DNS are as they were in the beginning" same_as_before; }
serving() { # NAME [CLASS]: it is complete and users get pages from both ISCs
	create "$@" || return
	check 30 "ICorp $ID completes" icorp_is "$ID" complete || return
	check 15 "user1 gets pages from both ISCs" pages_from user1 "$HOST" 4 2 || return
	PREFIX=$(body_of "$(api GET "/v1/icorps/$ID/contract" -H 'Accept: application/xml')" | grep -oE 'prefix="[^"]*"' | cut -d'"' -f2)
}
# The same, asked again and again in the background, and that none failed.
users_ask() { local u; for u in user1 user2; do keep_asking $u > "$WORK/requests.$u"; done; }
users_served() {
	local u
	for u in user1 user2; do check 1 "no request of $u's failed meanwhile" none_failed "$WORK/requests.$u" || return; done
}
none_failed() { # FILE
	awk '$2 == "ok" { ok++ } $2 == "FAIL" { bad++; print } END { printf "%d pages, %d requests failed\n", ok, bad; exit bad > 0 || !ok }' "$1"
}
log_has() { # ELEMENT DAEMON TEXT: a grep -E pattern
	grep -E "$3" "$STATE/$1/log/$2.log" | tail -n 2
}

# shellcheck source=failures.d/refused.sh
. "$TOP/tests/e2e/failures.d/refused.sh"
# shellcheck source=failures.d/preempted.sh
. "$TOP/tests/e2e/failures.d/preempted.sh"
# shellcheck source=failures.d/datagrams.sh
. "$TOP/tests/e2e/failures.d/datagrams.sh"
# shellcheck source=failures.d/daemons.sh
. "$TOP/tests/e2e/failures.d/daemons.sh"
# shellcheck source=failures.d/privileges.sh
. "$TOP/tests/e2e/failures.d/privileges.sh"
# shellcheck source=failures.d/restarts.sh
. "$TOP/tests/e2e/failures.d/restarts.sh"
# shellcheck source=failures.d/revisions.sh
. "$TOP/tests/e2e/failures.d/revisions.sh"

skip() { echo "1..0 # SKIP $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root"
for p in ip bridge tc nft nsenter curl virsh libvirtd knotd kdig jq python3 tcpdump; do
	command -v $p > /dev/null || skip "needs $p"
done
export ICORP_TESTBED_DIR; ICORP_TESTBED_DIR=$(mktemp -d /var/tmp/ft.XXXXXX)
STATE=$ICORP_TESTBED_DIR/icorp-testbed-$NAME WORK=$ICORP_TESTBED_DIR/work
mkdir "$WORK"
finish() {
	local status=$?
	trap - EXIT
	stop_background
	[ -z "${FAILURES_KEEP:-}" ] || { echo "# kept: ICORP_TESTBED_DIR=$ICORP_TESTBED_DIR testbed --name $NAME"; exit $status; }
	tb -q down || status=1
	rm -rf "$ICORP_TESTBED_DIR"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

tb -q up "$TOP/testbed/demo.topo" --bindir "$build" ${FAILURES_REFRESH:+--set "refresh=$FAILURES_REFRESH"} || { CASE=testbed; fail "it comes up"; exit 1; }
registered() { body_of "$(api GET /v1/status)" | jq -e '.elements.alive == 8'; }
linked() { body_of "$(api GET /v1/l2)" | jq -e '.links | length == 7'; }
CASE=testbed
check 30 "all controllers register" registered || exit 1
check 30 "the layer-2 map is discovered" linked || exit 1
snapshot > "$WORK/before"
for CASE in "${CASES[@]}"; do
	began=$SECONDS
	"case_$CASE"
	echo "# $CASE: $((SECONDS - began)) s"
done
CASE=testbed
nothing_left
[ $FAILED = 0 ]
