#!/bin/bash
# Every daemon under valgrind: it starts, answers on its control socket, reloads on SIGHUP, ends on SIGTERM with status 0; no invalid
# access, nothing used uninitialised, nothing lost. The adaptors are null and all sockets are on the loopback of a network namespace
# of its own, so that no privileges are needed.
#
# usage: tests/valgrind/daemons.sh [BUILDDIR] (a build without sanitizers). 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-${BUILDDIR:-$top}}" && pwd)

skip() { echo "1..0 # SKIP $*"; exit 77; }
command -v valgrind > /dev/null || skip "needs valgrind"
command -v ip > /dev/null || skip "needs ip"
[ -x "$build/icorpctl" ] || skip "needs a build in $build"
! grep -q __asan_init "$build/icorpctl" || skip "needs a build without sanitizers"
if [ -z "${INSIDE-}" ]; then
	namespaces=-n
	[ "$(id -u)" = 0 ] || namespaces=-Urn
	unshare $namespaces true 2> /dev/null || skip "needs network namespaces, and user namespaces when not root"
	INSIDE=1 exec unshare $namespaces "$0" "$build"
fi
ip link set lo up || skip "cannot raise the loopback"

dir=$(mktemp -d) failed=0 pid=
finish() {
	[ -z "$pid" ] || kill -9 "$pid" 2> /dev/null
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $*"; failed=1; }
ctl() { "$build/icorpctl" -s "$dir/$1.sock" "${@:2}"; }

within() { # SECONDS COMMAND…
	local end=$((SECONDS + $1)); shift
	until "$@" > /dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
ended() { ! grep -qs '^State:.[^Z]' "/proc/$pid/status"; } # gone, or waiting to be waited for
answers_or_ended() { ctl "$1" version || ended; }

# daemon NAME RELOADS COMMAND… -- QUESTION…: each question is one command on the control socket NAME.sock
daemon() {
	local name=$1 reloads=$2 status command=() question; shift 2
	while [ "$1" != -- ]; do command+=("$1"); shift; done
	shift
	valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect \
		--errors-for-leak-kinds=definite,indirect --suppressions="$top/tests/valgrind/known.supp" \
		--log-file="$dir/$name.valgrind" "${command[@]}" > "$dir/$name.out" 2>&1 < /dev/null &
	pid=$!
	within 30 answers_or_ended "$name"
	if ctl "$name" version > /dev/null 2>&1; then
		ok "$name starts and answers"
		for question; do
			# shellcheck disable=SC2086 # words
			if ctl "$name" --json $question > "$dir/answer" 2>&1; then ok "$name: $question"
			else not_ok "$name: $question: $(head -c 300 "$dir/answer")"; fi
		done
		if [ "$reloads" = yes ]; then
			kill -HUP $pid
			if within 10 ctl "$name" version && ! ended; then ok "$name goes on after SIGHUP"
			else not_ok "$name does not answer after SIGHUP"; fi
		fi
	else
		not_ok "$name does not answer"
	fi
	kill -TERM $pid 2> /dev/null
	within 20 ended || kill -9 $pid
	wait $pid; status=$?
	pid=
	if [ $status = 0 ]; then ok "$name ends on SIGTERM with status 0, valgrind-clean"
	else
		not_ok "$name ended with status $status (99: valgrind found something)"
		sed 's/^/# /' "$dir/$name.valgrind" | head -n 60
		tail -n 20 "$dir/$name.out" | sed 's/^/# /'
	fi
}

mkdir "$dir/www"
cat > "$dir/signald.conf" <<- END
	name = "r1"
	kind = "router"
	address = "127.0.0.1"
	transport = "udp"
	integrity = false
	user = "$(id -un)"
	control = "$dir/signald.sock"
	adaptor_dir = "$build"
	port lo { speed = 100M }
	resource bandwidth { step = 1000000 }
	adaptor null { type = "null" }
END
cat > "$dir/gatekeeper.conf" <<- END
	listen = "127.0.0.1:18080"
	store = "$dir/gatekeeper.db"
	www = "$dir/www"
	anonymous = "read"
	control = "$dir/gatekeeper.sock"
	class silver { rate = 15M }
END
cat > "$dir/proxy.conf" <<- END
	name = "ar1"
	control = "$dir/proxy.sock"
	addresses = false
	kernel = false
END
cat > "$dir/boot.json" <<- END
	{"icorp": 7, "leader": "127.0.0.1", "revision": 1, "name": "shop", "endpoint": "127.0.0.1", "address": "127.0.0.1",
	 "host": "127.0.0.1", "port": 3455, "listen": 3456, "key_id": 1,
	 "key": "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"}
END

daemon signald yes "$build/icorp-signald" -c "$dir/signald.conf" -- help "show status" "show sessions" "show ports" \
	"show neighbours" "show counters" "show errors" "show timers" "show adaptors" "-T 0.5 trace 7" "-T 0.5 pcap -"
daemon gatekeeper yes "$build/icorp-gatekeeper" -c "$dir/gatekeeper.conf" -- help "show elements" "show icorps" "show dns"
daemon proxy yes "$build/icorp-proxy" -c "$dir/proxy.conf" -- help "show icorps" "show policies"
ln -s "$dir/agent/agent.sock" "$dir/agent.sock"
mkdir "$dir/agent"
daemon agent no "$build/icorp-agent" -b "$dir/boot.json" -r "$dir/agent" --apps "$dir/www" -- help status "show policy"
exit $failed
