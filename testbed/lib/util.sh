# shellcheck shell=bash
# Small helpers of the testbed: messages, polling with a deadline, and the record.
#
# The record ($STATE/record) holds a line for everything that `up` creates, written right after the creation:
#     pid PID STARTTIME NETNS-INODE WHAT        a process of ours on this machine
#     tap NAME / link NAME                      made in the ether namespace (they die with it)
#     mount ELEMENT PATH                        made in an element's private mount namespace (dies with it)
# Nothing of the testbed lives outside processes and $STATE: network and mount namespaces have no names in the file
# system, so they last exactly as long as the processes inside them. `down` is therefore: find the processes, end
# them, remove $STATE. See down.sh.

die() { printf 'testbed: %s\n' "$*" >&2; exit 1; }
say() { [ -n "${TB_QUIET:-}" ] || printf 'testbed: %s\n' "$*" >&2; }

# poll SECONDS COMMAND…: until the command succeeds; 1 when the time is over. Wall time does for a deadline here.
poll() {
	local end=$((SECONDS + $1)); shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# Fields of /proc/PID/stat after the command name: 20 is the start time. Empty when there is no such process.
start_time() {
	local line
	{ read -r line < "/proc/$1/stat"; } 2>/dev/null || return 1
	line=${line##*) }
	# shellcheck disable=SC2086
	set -- $line
	printf '%s' "${20}"
}

netns_inode() { readlink "/proc/$1/ns/net" 2>/dev/null; }

# The process with that id is still the one we started.
alive() {
	[ -n "$1" ] && [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ] && [ "$(proc_state "$1")" != Z ]
}

proc_state() {
	local line
	{ read -r line < "/proc/$1/stat"; } 2>/dev/null || return 1
	line=${line##*) }
	printf '%s' "${line%% *}"
}

record() { printf '%s\n' "$*" >> "$STATE/record"; }
record_pid() { record pid "$1" "$(start_time "$1")" "$(netns_inode "$1")" "$2"; }

# "a b c" quoted for a shell.
quote() { local out; out=$(printf '%q ' "$@"); printf '%s' "${out% }"; }

# 100M, 2G, 64k -> bit/s.
bits() {
	case $1 in
	*[kK]) echo $((${1%?} * 1000)) ;;
	*M) echo $((${1%?} * 1000000)) ;;
	*G) echo $((${1%?} * 1000000000)) ;;
	*) echo $(($1)) ;;
	esac
}

json_string() {
	local s=$1
	s=${s//\\/\\\\}; s=${s//\"/\\\"}; s=${s//$'\n'/ }; s=${s//$'\t'/ }
	printf '"%s"' "$s"
}
