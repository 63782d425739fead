# shellcheck shell=bash
# Takes a testbed down, also one whose `up` was killed at any point, and leaves nothing. The processes of a testbed are
#   - those of the record that are still the ones we started (same start time),
#   - those with ICORP_TESTBED=its state directory in their environment (all we start have it, so has what they start);
#     the directory, not the name: someone else may use the same name elsewhere,
#   - those in a network namespace of any of these, and all descendants (libvirt's containers),
#   - those in the control group of a container that a libvirtd of ours says it runs.
# Whoever was found once is remembered, in the record too: when a container's controller ends first, its processes have
# no more tie to us. Domains are destroyed through their libvirtd before, so that it removes their cgroups. When the
# processes are gone, so are the namespaces, and with them links, taps, mounts and rules; then the state directory is
# removed.

declare -A SEEN=() # pid -> start time

# Fills VICTIMS with the pids of the testbed. Reads /proc once per call.
find_processes() {
	local pid what start dir line ns more
	local -A own=() netns=() parent=()
	local mine first; mine=$(netns_inode self) first=$(netns_inode 1)
	if [ -r "$STATE/record" ]; then
		while read -r what pid start ns _; do
			[ "$what" = pid ] || continue
			! alive "$pid" "$start" || own[$pid]=1
		done < "$STATE/record"
	fi
	while IFS=/ read -r _ _ pid _; do own[$pid]=1; done \
		< <(grep -lasFxz "ICORP_TESTBED=$STATE" /proc/[0-9]*/environ 2>/dev/null)
	for pid in "${!SEEN[@]}"; do ! alive "$pid" "${SEEN[$pid]}" || own[$pid]=1; done
	while read -r pid; do own[$pid]=1; done < <(container_cgroups | while read -r dir; do
		find "$dir" -name cgroup.procs -exec cat {} + 2> /dev/null; done | sort -u)
	unset 'own[$$]' 'own[$BASHPID]'
	for pid in "${!own[@]}"; do
		ns=$(netns_inode "$pid") || continue
		[ -z "$ns" ] || [ "$ns" = "$mine" ] || [ "$ns" = "$first" ] || netns[$ns]=1
	done
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		{ read -r line < "$dir/stat"; } 2>/dev/null || continue
		line=${line##*) }
		# shellcheck disable=SC2086
		set -- $line
		parent[$pid]=$2
		ns=$(netns_inode "$pid") || continue
		[ -z "$ns" ] || [ -z "${netns[$ns]:-}" ] || own[$pid]=1
	done
	more=1
	while [ "$more" = 1 ]; do
		more=0
		for pid in "${!parent[@]}"; do
			if [ -n "${own[$pid]:-}" ] || [ -z "${own[${parent[$pid]}]:-}" ]; then continue; fi
			own[$pid]=1 more=1
		done
	done
	VICTIMS=("${!own[@]}")
	remember
}

# What was found for the first time goes into the record before it gets any signal.
remember() {
	local pid start
	for pid in "${VICTIMS[@]}"; do
		[ -z "${SEEN[$pid]:-}" ] || continue
		start=$(start_time "$pid") || continue
		SEEN[$pid]=$start
		[ ! -d "$STATE" ] || record pid "$pid" "$start" "$(netns_inode "$pid")" found
	done
}

# The control groups (v1 or v2) of the containers that our libvirtds run or, having died, ran: their names hold the
# process id of the container's controller, which libvirtd keeps in our state directory.
container_cgroups() {
	local xml pid
	for xml in "$STATE"/*/libvirt/run/lxc/*.xml; do
		[ -e "$xml" ] || continue
		pid=$(sed -n "s/^<domstatus .*pid='\([0-9]*\)'.*/\1/p" "$xml")
		[ -n "$pid" ] || continue
		find /sys/fs/cgroup -type d \( -name "lxc-$pid-*.libvirt-lxc" -o -name "machine-lxc?x2d$pid?x2d*.scope" \) 2> /dev/null
	done
}

# True when no process is left; otherwise the signal was sent once more.
kill_processes() { # SIGNAL
	find_processes
	[ ${#VICTIMS[@]} -gt 0 ] || return 0
	kill "-$1" "${VICTIMS[@]}" 2>/dev/null
	return 1
}

stop_domains() {
	local sock d
	for sock in "$STATE"/*/libvirt/run/libvirt-sock; do
		[ -S "$sock" ] || continue
		for d in $(timeout 5 virsh -c "lxc:///system?socket=$sock" list --name 2>/dev/null); do
			timeout 5 virsh -c "lxc:///system?socket=$sock" destroy "$d" > /dev/null 2>&1
		done
	done
}

# Containers whose libvirtd is dead leave empty cgroups. Which are ours is noted before anything ends, and they are
# removed when all has. Other people's are not touched.
note_cgroups() {
	[ -d "$STATE" ] || return 0
	container_cgroups | while read -r dir; do record cgroup "$dir"; done
}

sweep_cgroups() {
	local what dir
	[ -r "$STATE/record" ] || return 0
	while read -r what dir; do
		[ "$what" = cgroup ] && [ -d "$dir" ] || continue
		find "$dir" -depth -type d -exec rmdir {} + 2> /dev/null # which refuses what has processes in it
	done < "$STATE/record"
}

teardown() {
	local tries=5
	# Controllers and agents first: nothing should be signaled or restarted while the rest goes.
	if [ -r "$STATE/daemons" ]; then
		local pid start
		while read -r _ _ pid start; do
			[ "$start" = - ] || ! alive "$pid" "$start" || kill "$pid" 2>/dev/null
		done < "$STATE/daemons"
	fi
	find_processes
	note_cgroups
	stop_domains
	kill_processes TERM || poll 3 no_processes || poll 10 kill_processes KILL ||
		{ say "these processes do not go: ${VICTIMS[*]}"; return 1; }
	sweep_cgroups
	until rm -rf --one-file-system "$STATE" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || break
		sleep 0.1
	done
	[ ! -e "$STATE" ] || { say "cannot remove $STATE"; return 1; }
}

no_processes() { find_processes; [ ${#VICTIMS[@]} = 0 ]; }
