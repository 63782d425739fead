# shellcheck shell=bash
# Elements: a namespace (network and mount, held by an anchor process) or a user-mode-linux kernel (uml.sh), behind
# one way in: run_in ELEMENT COMMAND…. "ether" is the private namespace in which UML ports are wired and managed.
#
# $STATE/elements has a line per element: NAME KIND ns|uml PID STARTTIME MANAGEMENT-ADDRESS|-

declare -A HOW=() PID=() START=() MGMT=()

elements_load() {
	local n how pid start mgmt
	HOW=() PID=() START=() MGMT=()
	[ -r "$STATE/elements" ] || return 0
	while read -r n _ how pid start mgmt; do
		HOW[$n]=$how PID[$n]=$pid START[$n]=$start MGMT[$n]=$mgmt
	done < "$STATE/elements"
}

element_add() { # NAME KIND HOW PID MGMT
	HOW[$1]=$3 PID[$1]=$4 START[$1]=$(start_time "$4") MGMT[$1]=$5
	printf '%s %s %s %s %s %s\n' "$1" "$2" "$3" "$4" "${START[$1]}" "$5" >> "$STATE/elements"
}

anchor_start() { # ELEMENT KIND
	local dir=$STATE/$1
	mkdir -p "$dir/run" "$dir/log"
	env ICORP_TESTBED="$STATE" setsid unshare -n -m --propagation private \
		bash "$LIB/anchor.sh" "$STATE" "$1" "$2" "$TB_NULL" < /dev/null >> "$dir/log/anchor.log" 2>&1 9>&- &
	ANCHOR=$!
	disown
}

# Starts the anchors of the elements given as "name kind" lines on stdin and waits until each stands.
anchors_start() {
	local n kind; local -a names=()
	while read -r n kind; do
		anchor_start "$n" "$kind"
		record_pid "$ANCHOR" "anchor $n"
		names+=("$n"); PID[$n]=$ANCHOR KIND[$n]=$kind
	done
	for n in "${names[@]}"; do
		poll 20 test -e "$STATE/$n/ready" ||
			die "$n: its namespace did not come up: $(tail -n 3 "$STATE/$n/log/anchor.log")"
		record netns "$(netns_inode "${PID[$n]}")" "$n"
		element_add "$n" "${KIND[$n]}" ns "${PID[$n]}" -
	done
}

# run_in ELEMENT COMMAND…: runs it there with this stdin and stdout; its status.
run_in() {
	local n=$1; shift
	case ${HOW[$n]:-} in
	ns) nsenter -t "${PID[$n]}" -n -m -- env -C "$PWD" ICORP_TESTBED="$STATE" ICORP_ELEMENT="$n" \
		ICORP_RUNDIR="$STATE/$n/run" PATH="$ELEMENT_PATH" "$@" 9>&- ;;
	uml) uml_run "$n" "$@" ;;
	*) die "no element '$n' in testbed '$NAME'; see 'testbed status'" ;;
	esac
}

# daemon_start ELEMENT DAEMON COMMAND…: in the background, output to the element's log. The command is kept, so that it can
# be started again.
daemon_start() {
	local n=$1 daemon=$2 log=$STATE/$1/log/$2.log pid; shift 2
	quote "$@" > "$STATE/$n/$daemon.command"
	[ ! -e "$STATE/daemons" ] || sed -i "/^$n $daemon /d" "$STATE/daemons"
	if [ "${HOW[$n]}" = uml ]; then
		pid=$(run_in "$n" sh -c 'setsid "$@" < /dev/null > /dev/tty1 2>&1 & echo $!' sh "$@" < /dev/null)
		printf '%s %s %s -\n' "$n" "$daemon" "$pid" >> "$STATE/daemons"
		return
	fi
	setsid nsenter -t "${PID[$n]}" -n -m -- env -C "$STATE/$n" ICORP_TESTBED="$STATE" ICORP_ELEMENT="$n" \
		PATH="$ELEMENT_PATH" "$@" < /dev/null >> "$log" 2>&1 9>&- &
	pid=$!
	disown
	record_pid "$pid" "$daemon $n"
	printf '%s %s %s %s\n' "$n" "$daemon" "$pid" "$(start_time "$pid")" >> "$STATE/daemons"
}

# daemon_alive ELEMENT PID STARTTIME
daemon_alive() {
	if [ "${HOW[$1]}" = uml ]; then
		alive "${PID[$1]}" "${START[$1]}" && run_in "$1" test -d "/proc/$2" < /dev/null
	else
		alive "$2" "$3"
	fi
}

# A way from this machine's loopback to a TCP service inside, as seen from the first host; on the same port when that is
# free here, else on another. Ends with the testbed.
publish() { # ADDRESS:PORT
	local n port=${1##*:} here pid from=
	for n in "${NODES[@]}"; do [ "${KIND[$n]}" != host ] || { from=$n; break; }; done
	[ -n "$from" ] || die "publish needs a host in the topology"
	command -v socat > /dev/null || die "socat is missing; install socat"
	for here in "$port" $((20000 + RANDOM % 10000)) $((20000 + RANDOM % 10000)); do
		ICORP_TESTBED=$STATE setsid socat "TCP-LISTEN:$here,bind=127.0.0.1,fork,reuseaddr" \
			"EXEC:nsenter -t ${PID[$from]} -n socat - TCP\\:${1%:*}\\:$port" < /dev/null >> "$STATE/publish.log" 2>&1 9>&- &
		pid=$!
		disown
		record_pid "$pid" "publish $1"
		poll 2 publish_listens "$here" "$pid" && alive "$pid" "$(start_time "$pid")" || continue
		echo "http://127.0.0.1:$here/"
		return
	done
	die "cannot listen on 127.0.0.1:$port: $(tail -n 1 "$STATE/publish.log")"
}
publish_listens() { # PORT PID: or it has died
	[ ! -d "/proc/$2" ] || ss -Hltnp "sport = :$1" | grep -q "pid=$2,"
}
