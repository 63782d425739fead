# shellcheck shell=bash
# A testbed of one's own for an end-to-end test, and what is looked at there. The test sets TOP, NAME and KEEP (not empty:
# it stays up afterwards) before it reads this, and calls stage_set once; its checks are lines that are counted in FAILED.
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck source=scripts/demo.d/say.sh
. "$TOP/scripts/demo.d/say.sh"
# shellcheck source=scripts/demo.d/look.sh
. "$TOP/scripts/demo.d/look.sh"

FAILED=0 CASE=testbed
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

# Changes a controller's configuration while it runs.
reload() { # ELEMENT SED-EXPRESSION
	sed -i "$2" "$STATE/$1/signald.conf" && kill -HUP "$(daemon_pid "$1" signald)"
}

# These users ask HOST for pages again and again, until users_served: each has had at least so many by then, and none of
# its requests failed, the one under way included.
users_ask() { # USER…
	local u
	ASKING=("$@")
	rm -f "$WORK/enough"
	for u; do
		behind "${TB[@]}" exec "$u" bash "$TOP/scripts/demo.d/inside.sh" requests "$HOST" "$WORK/enough" > "$WORK/requests.$u"
	done
}
users_served() { # [PAGES]
	local u
	for u in "${ASKING[@]}"; do check 10 "$u has had ${1:-1} pages" has_had "$u" "${1:-1}" || return; done
	touch "$WORK/enough"
	for u in "${ASKING[@]}"; do
		check 10 "$u has finished its last request" grep -x end "$WORK/requests.$u" || return
		check 0 "no request of $u's failed meanwhile" none_failed "$u" || return
	done
}
has_had() { # USER PAGES
	local n; n=$(awk '$2 == "ok"' "$WORK/requests.$1" | wc -l)
	echo "$n pages"
	[ "$n" -ge "$2" ]
}
# But for those begun at a time that a line of excused.USER names: "FROM UNTIL", ms.
none_failed() { # USER
	touch "$WORK/excused.$1"
	awk 'FILENAME ~ /excused/ { from[n] = $1; until[n++] = $2; next }
		function excused(t, i) { for (i = 0; i < n; i++) if (t >= from[i] && t <= until[i]) return 1; return 0 }
		$2 == "ok" { ok++ } $2 == "FAIL" { if (excused($1)) during++; else { bad++; print } }
		END { if (n) printf "%d failed when they may, in %d intervals; ", during, n; printf "%d pages, %d requests failed\n", ok, bad; exit bad > 0 }' \
		"$WORK/excused.$1" "$WORK/requests.$1"
}

skip() { echo "1..0 # SKIP $*"; exit 77; }

stage_end() {
	local status=$?
	trap - EXIT
	stop_background
	[ -z "$KEEP" ] || { echo "# kept: ICORP_TESTBED_DIR=$ICORP_TESTBED_DIR testbed --name $NAME"; exit $status; }
	tb -q down || status=1
	rm -rf "$ICORP_TESTBED_DIR"
	exit $status
}

# A folder for it, removed with all in it when the test ends, however it does. Skips without root or one of the programs.
stage_set() { # PROGRAM…
	local p
	[ "$(id -u)" = 0 ] || skip "needs root"
	for p in ip bridge tc nft nsenter curl virsh libvirtd knotd kdig jq python3 "$@"; do
		command -v "$p" > /dev/null || skip "needs $p"
	done
	export ICORP_TESTBED_DIR; ICORP_TESTBED_DIR=$(mktemp -d /var/tmp/icorp-test.XXXXXX)
	STATE=$ICORP_TESTBED_DIR/icorp-testbed-$NAME WORK=$ICORP_TESTBED_DIR/work
	mkdir "$WORK"
	trap stage_end EXIT
	trap 'exit 130' INT TERM HUP
}
