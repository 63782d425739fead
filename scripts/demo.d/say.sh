# shellcheck shell=bash
# How the demo speaks, waits and counts.
#     step N        runs step_N, whose first line of output is its title; counts it when it returned 0
#     asked/saw     what was asked of the system and what was seen in the world
#     within S WHAT COMMAND…   polls until the command succeeds; says so, with what it printed, or fails with a clear
#                   message. A step is a chain of these: `within … || return`.

STEPS_OK=0
BACKGROUND=()

die() { printf 'demo: %s\n' "$*" >&2; exit 1; }
note() { printf 'demo: %s …\n' "$*"; }
asked() { printf '  asked  %s\n' "$*"; }
indent() { sed 's/^/         /'; }
saw() { printf '  saw    %s\n' "$1"; [ $# -lt 2 ] || printf '%s\n' "$2" | indent; }
failed() { printf '  FAILED %s\n' "$1" >&2; [ $# -lt 2 ] || [ -z "$2" ] || printf '%s\n' "$2" | indent >&2; return 1; }

now_ms() { local t=${EPOCHREALTIME/./}; echo $((t / 1000)); }

step() {
	local n=$1 began; began=$(now_ms)
	printf '\n%s. %s\n' "$n" "${TITLE[$n]}"
	if "step_$n"; then
		STEPS_OK=$((STEPS_OK + 1))
		printf '  step %s ok (%s ms)\n' "$n" $(($(now_ms) - began))
	else
		printf '  step %s FAILED\n' "$n"
		return 1
	fi
}

# within SECONDS WHAT COMMAND…: what the command printed is shown with it. It is asked again after a tenth of the time it has
# taken already (50 to 500 ms): to look costs what is looked at its processor.
within() {
	local limit=$1 what=$2 out began waited pause; shift 2
	began=$(now_ms)
	until out=$("$@" 2>&1); do
		waited=$(($(now_ms) - began))
		if [ $waited -ge $((limit * 1000)) ]; then
			failed "$what: not so within $limit s. Last seen:" "$out"
			return 1
		fi
		pause=$((waited < 500 ? 50 : waited > 5000 ? 500 : waited / 10))
		sleep "0.$(printf %03d $pause)"
	done
	WITHIN_MS=$(($(now_ms) - began))
	if [ -n "$out" ]; then saw "$what" "$out"; else saw "$what"; fi
}

# holds SECONDS COMMAND…: it succeeds now, and whenever it is asked for so long. The first that does not is what is printed.
holds() {
	local limit=$1 out began; shift
	began=$(now_ms)
	while [ $(($(now_ms) - began)) -lt $((limit * 1000)) ]; do
		if ! out=$("$@" 2>&1); then printf '%s\n' "$out"; return 1; fi
		sleep 0.1
	done
	printf '%s\n' "$out"
}

# Runs a program behind the demo, in a process group of its own; it ends with the demo at the latest.
behind() {
	setsid "$@" < /dev/null &
	BEHIND=$!
	BACKGROUND+=("$BEHIND")
}

stop_one() { kill -- "-$1" 2> /dev/null; wait "$1" 2> /dev/null; return 0; }
# All, or those started since there were COUNT of them.
stop_background() {
	local p
	for p in "${BACKGROUND[@]:${1:-0}}"; do stop_one "$p"; done
	BACKGROUND=("${BACKGROUND[@]:0:${1:-0}}")
}
