# shellcheck shell=bash
# What is up: a line, or a JSON object, per element with its daemons.

status_daemons() { # ELEMENT -> "name state" lines
	local el daemon pid start
	[ -r "$STATE/daemons" ] || return 0
	while read -r el daemon pid start; do
		[ "$el" = "$1" ] || continue
		if daemon_alive "$el" "$pid" "$start"; then echo "$daemon up $pid"; else echo "$daemon dead $pid"; fi
	done < "$STATE/daemons"
}

status_text() {
	local n state daemons
	printf 'testbed %s: %s\n' "$NAME" "$STATE"
	for n in "${NODES[@]}"; do
		state=down
		! alive "${PID[$n]:-}" "${START[$n]:-}" || state=up
		daemons=$(status_daemons "$n" | while read -r d s _; do printf ' %s:%s' "$d" "$s"; done)
		printf '%-12s %-10s %-4s %-5s %-15s%s\n' "$n" "${KIND[$n]}" "${HOW[$n]:--}" "$state" "${CONTROL[$n]:--}" "$daemons"
	done
}

status_json() {
	local n state sep='' dsep d s p
	printf '{"name":%s,"state":%s,"elements":[' "$(json_string "$NAME")" "$(json_string "$STATE")"
	for n in "${NODES[@]}"; do
		state=false
		! alive "${PID[$n]:-}" "${START[$n]:-}" || state=true
		printf '%s{"name":%s,"kind":"%s","how":"%s","up":%s,"pid":%s,"address":%s,"daemons":[' "$sep" "$(json_string "$n")" \
			"${KIND[$n]}" "${HOW[$n]:-}" "$state" "${PID[$n]:-0}" "$(json_string "${CONTROL[$n]:-}")"
		sep=, dsep=
		while read -r d s p; do
			printf '%s{"name":"%s","pid":%s,"up":%s}' "$dsep" "$d" "$p" "$([ "$s" = up ] && echo true || echo false)"
			dsep=,
		done < <(status_daemons "$n" < /dev/null)
		printf ']}'
	done
	printf ']}\n'
}

# Every element stands.
status_ok() {
	local n
	for n in "${NODES[@]}"; do alive "${PID[$n]:-}" "${START[$n]:-}" || return 1; done
}

logs_show() { # ELEMENT
	local f
	for f in "$STATE/$1"/log/*.log; do
		[ -s "$f" ] || continue
		printf '== %s ==\n' "${f##*/}"
		cat "$f"
	done
}
