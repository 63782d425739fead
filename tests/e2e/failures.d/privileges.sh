# shellcheck shell=bash
# What parses packets has nothing to lose: the kernel says so of every controller. And whoever of the three, controller,
# launcher and adaptors, is killed, takes along what would be left without an owner.

launcher_pid() { in_ "$1" pgrep -P "$(daemon_pid "$1" signald)" -x icorp-launcher < /dev/null; }
started_by_root() { # ELEMENT: its launcher and its adaptors
	local pids; pids=$(launcher_pid "$1") && pids+=" $(in_ "$1" pgrep -P "$pids" < /dev/null)" || return
	in_ "$1" sh -c "for p in ${pids//$'\n'/ }; do grep -H ^Uid: /proc/\$p/status; done" < /dev/null | tee "$WORK/uids"
	[ "$(wc -l < "$WORK/uids")" -ge 2 ] && ! grep -v 'Uid:.0.0.0.0$' "$WORK/uids"
}
not_root() { local now; now=$(ctl "$1" show status | jq -c '{user, user_reason}'); echo "$now"; [[ $now =~ ^'{"user":"'(icorp|nobody)'","user_reason":""}'$ ]]; }
all_ended() { local p; for p; do ended r2 "$p" || { echo "$p runs"; return 1; }; done; }
reloaded() { local now; now=$(log_has "$1" signald 'reloaded'); echo "$now"; [[ $now == *"] $1 info: reloaded:"* ]]; }

# What dies with PROCESS, which is killed: the controller, its launcher and all adaptors.
all_die_with() { # controller|launcher
	local controller launcher; local -a adaptors
	controller=$(daemon_pid r2 signald) launcher=$(launcher_pid r2)
	mapfile -t adaptors < <(pgrep -P "$launcher")
	[ ${#adaptors[@]} = 3 ] || { fail "r2 has three adaptors" "${adaptors[*]}"; return 1; }
	kill -9 "${!1}"
	check 10 "r2's $1 is killed: its controller, launcher and adaptors end" all_ended "$controller" "$launcher" "${adaptors[@]}"
}
again_r2() {
	tb -q start r2 signald || { fail "r2's controller starts again"; return 1; }
	check 15 "r2's controller registers again" registered
}

case_privileges() {
	local n
	check 10 "no controller is root, has capabilities, or gets any" unprivileged "${ELEMENTS[@]}" || return
	for n in s1 srv1; do check 5 "$n's adaptors are started by root" started_by_root "$n" || return; done
	check 5 "r1 says who it is" not_root r1 || return
	check 1 "only root may read r1's keyring" test "$(stat -c '%U %a' "$STATE/r1/keyring")" = "root 600" || return
	kill -HUP "$(daemon_pid r1 signald)"
	check 5 "r1 reads it again on SIGHUP, and its configuration" reloaded r1 || return
	all_die_with controller && again_r2 && all_die_with launcher || return
	check 1 "its controller said why it stopped" log_has r2 signald 'error: the launcher has ended' || return
	again_r2
}
