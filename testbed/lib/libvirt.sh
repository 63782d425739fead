# shellcheck shell=bash
# A libvirtd of its own for every server, in the server's namespaces. All it keeps is in $STATE/SERVER/libvirt, which
# the anchor bound over /run/libvirt, /etc/libvirt and so on; from outside it is reached through
# DRIVER:///system?socket=$STATE/SERVER/libvirt/run/libvirt-sock, with DRIVER lxc, or qemu on a server that is qemu.

libvirt_socket() { printf '%s' "$STATE/$1/libvirt/run/libvirt-sock"; }
libvirt_uri() { printf '%s:///system?socket=%s' "${SOFTWARE[$1]:-lxc}" "$(libvirt_socket "$1")"; }

libvirt_config() {
	local dir=$STATE/$1/libvirt
	cat > "$dir/etc/libvirtd.conf" <<- 'END'
		auth_unix_ro = "none"
		auth_unix_rw = "none"
		log_filters = "3:*"
		log_outputs = "3:stderr"
	END
	cat > "$dir/etc/qemu.conf" <<- 'END'
		stdio_handler = "file"
		user = "root"
		group = "root"
		security_driver = "none"
	END
	printf 'security_driver = "none"\n' > "$dir/etc/lxc.conf"
}

libvirt_answers() { timeout 5 virsh -c "$(libvirt_uri "$1")" list > /dev/null 2>&1; }

libvirt_up() {
	local n; local -a servers=()
	for n in "${NODES[@]}"; do [ "${KIND[$n]}" != server ] || servers+=("$n"); done
	[ ${#servers[@]} -gt 0 ] && [ -z "$TB_NULL" ] || return 0
	command -v libvirtd > /dev/null || die "libvirtd is missing; install libvirt-daemon-system and libvirt-daemon-driver-lxc"
	for n in "${servers[@]}"; do
		libvirt_config "$n"
		daemon_start "$n" libvirtd libvirtd -f /etc/libvirt/libvirtd.conf -p "$STATE/$n/libvirt/libvirtd.pid"
	done
	for n in "${servers[@]}"; do
		poll 30 libvirt_answers "$n" || die "$n: libvirtd does not answer: $(tail -n 3 "$STATE/$n/log/libvirtd.log")"
	done
}
