#!/bin/bash
# A controller's audits and what else it reads again, with the null adaptor and no privileges: what a former life left is removed once nobody can claim
# it any more, again every `audit` seconds and when asked; log, `show status` and reload say so.
#
# usage: tests/e2e/audit.sh [BUILDDIR]. 0: passed, else failed. A line per check.
set -u
build=$(cd "${1:-${BUILDDIR:-.}}" && pwd)
dir=$(mktemp -d) failed=0 pid=
finish() { trap - EXIT; [ -z "$pid" ] || { kill "$pid"; wait "$pid"; } 2> /dev/null; rm -rf "$dir"; }
trap finish EXIT
trap 'exit 130' INT TERM

check() { local what=$1; shift; if "$@"; then echo "ok - $what"; else echo "not ok - $what"; tail -n 3 "$dir/log" | sed 's/^/# /'; failed=1; fi; }
within() { local end=$((SECONDS + $1)); shift; until "$@" > /dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.05; done; }
ctl() { "$build/icorpctl" -s "$dir/sock" "$@"; }
status_has() { ctl --json show status | tr -d ' \n' | grep -q "$1"; }
gone() { [ ! -e "$dir/record/$1-10.200.1.11.json" ]; }
# A record that a former process left; and something that is not ours.
orphan() { echo '{"icorp":'"$1"',"leader":"10.200.1.11"}' > "$dir/record/$1-10.200.1.11.json"; }
config() { # RECOVERY AUDIT [MORE]
	cat > "$dir/conf" <<- END
		name = "alone"
		kind = "router"
		address = "127.9.9.1"
		transport = "udp"
		integrity = false
		l2 = "config"
		control = "$dir/sock"
		adaptor_dir = "$build"
		recovery = $1
		audit = $2
		port lo { speed = 100M }
		adaptor one {
			type = "null"
			options = {"record=$dir/record"}
		}
		${3-}
	END
}

mkdir "$dir/record"
echo mine > "$dir/record/notes.txt"
orphan 99
echo broken > "$dir/record/95-10.200.1.11.json"     # of which no inventory can speak
config 2s 1d
"$build/icorp-signald" -c "$dir/conf" 2> "$dir/log" & pid=$!
check "it starts" within 10 ctl version
early=$(ctl audit 2>&1)
check "an audit before the recovery time is over is refused with the reason" grep -q "recovery time" <<< "$early"
check "what may still be claimed is left" test -e "$dir/record/99-10.200.1.11.json"
check "what nobody claimed is removed" within 20 gone 99
check "the first audit removes what no inventory spoke of" within 20 gone 95
check "the log says so" within 5 grep -q 'adaptor one: the audit removed 1 orphans and repaired 0' "$dir/log"
check "and show status" status_has '"audits":1,"orphans_removed":1,"drift_repaired":0,"audits_failed":0'
orphan 98
ctl audit > /dev/null
check "asked for, another" within 5 gone 98
check "the counts grow" within 5 status_has '"audits":2,"orphans_removed":2'
orphan 97
config 2s 1s
kill -HUP "$pid"
check "the interval is read again: it comes by itself" within 10 gone 97
orphan 96
check "and again" within 10 gone 96
check "what is not ours is left" grep -q mine "$dir/record/notes.txt"
steps() { # FLOOR CEILING, of 2 Mbit/s up and 1 down for class gold
	printf '%s\n' "steps gold-rate {" 'class = "gold"' 'resource = "bandwidth"' "step = 2000000" "decrement = 1000000" \
		"floor = $1" "ceiling = $2" "}"
}
shows() { ctl --json show ports | tr -d ' \n' | grep -q "$1"; }
config 2s 1s "$(steps 4000000 3000000)"
kill -HUP "$pid"
check "a floor above its ceiling is refused, with the reason" within 5 grep -q 'not reloaded: .*steps: .*no floor above its ceiling' "$dir/log"
check "and nothing is changed" shows '"steps":\[\]'
config 2s 1s "$(steps 3000000 9000000)"
kill -HUP "$pid"
check "a class's steps are read again" within 5 \
	shows '"class":"gold","resource":"bandwidth","step":2000000,"decrement":1000000,"floor":3000000,"ceiling":9000000'
rm -rf "$dir/record"
check "an audit that fails says why" within 10 status_has '"audits_failed":[1-9][0-9]*,"audit_reason":"[^"]'
check "in the log, too" grep -q 'adaptor one: the audit failed: ' "$dir/log"
exit $failed
