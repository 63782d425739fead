# shellcheck shell=bash
# Takes a testbed down, also one whose `up` was killed at any point, and leaves nothing. The processes of a testbed are
#   - those of the record that are still the ones we started (same start time),
#   - those with ICORP_TESTBED=NAME in their environment (every process we start has it, so has what it starts),
#   - those in a network namespace of any of these, and all descendants (libvirt's containers).
# Domains are destroyed through their libvirtd first, so that it removes their cgroups. When the processes are gone,
# so are the namespaces, and with them links, taps, mounts and rules; then the state directory is removed.

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
		< <(grep -lasz "^ICORP_TESTBED=$NAME\$" /proc/[0-9]*/environ 2>/dev/null)
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

# Containers whose controller was killed leave empty cgroups named after its pid.
sweep_cgroups() {
	local dir pid
	find /sys/fs/cgroup -depth -type d -name 'lxc-[0-9]*' 2>/dev/null | while read -r dir; do
		pid=${dir##*/lxc-}; pid=${pid%%-*}
		# a zombie is in no cgroup any more
		[ "$(proc_state "$pid" || echo Z)" != Z ] || grep -qs . "$dir/cgroup.procs" || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null
	done
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
