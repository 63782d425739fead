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
NAME=ft$$ NULL='' KEEP=${FAILURES_KEEP:-}
# shellcheck source=../lib/stage.sh
. "$TOP/tests/lib/stage.sh"
# shellcheck source=../../scripts/demo.d/steps.sh
. "$TOP/scripts/demo.d/steps.sh"

ended() { ! in_ "$1" kill -0 "$2" < /dev/null 2> /dev/null; } # ELEMENT PID: a UML kernel has its own numbers
kill_daemon() { # SIGNAL ELEMENT DAEMON: and waits until it has ended
	local pid; pid=$(daemon_pid "$2" "$3")
	in_ "$2" kill "-$1" "$pid" < /dev/null && check 10 "$3 of $2 is ended" ended "$2" "$pid"
}

# An ICorp of silver's class, or another one, by its name; sets ID, HOST.
request() { # NAME [CLASS [LEADER OTHER]]
	cat <<- END
		<request xmlns="urn:icorp:contract:1">
		  <name>$1</name>
		  <class>${2:-silver}</class>
		  <endpoints><access element="${3:-ar1}" leader="yes"/><access element="${4:-ar2}"/><servers count="2"/></endpoints>
		  <services><service name="web" port="80"/></services>
		  <applications><application name="httpd"/></applications>
		</request>
	END
}
post() { # FILE
	api POST /v1/icorps -H 'Content-Type: application/xml' --data-binary "@$1"
}
create() { # NAME [CLASS [LEADER OTHER]]
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
nothing_left() { check 60 "kernels, libvirt and DNS are as they were in the beginning" same_as_before; }
serving() { # NAME [CLASS [LEADER OTHER]]: it is complete and users get pages from both ISCs
	create "$@" || return
	check 30 "ICorp $ID completes" icorp_is "$ID" complete || return
	check 15 "user1 gets pages from both ISCs" pages_from user1 "$HOST" 4 2 || return
	PREFIX=$(network_of "$(api GET "/v1/icorps/$ID/contract" -H 'Accept: application/xml')")
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
# shellcheck source=failures.d/kills.sh
. "$TOP/tests/e2e/failures.d/kills.sh"

stage_set tcpdump
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
