# shellcheck shell=bash
# Our own daemons: their programs, their start and when they are ready. Their configuration is in config.sh.
#
# Each element's daemons keep to $STATE/ELEMENT: NAME.conf, token, run/ (sockets; a tmpfs inside UML kernels), log/.

# Where programs are: the folders of a build tree, and of an installed prefix.
element_path() {
	local d out=''
	for d in signald gatekeeper proxy agent cli adaptors bin sbin libexec/icorpmaker .; do
		[ ! -d "$BINDIR/$d" ] || out+="$BINDIR/$d:"
	done
	printf '%s' "$out/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

program() { PATH=$ELEMENT_PATH command -v "$1"; }

programs_check() {
	local p
	[ -n "$BINDIR" ] || die "give --bindir: a build tree or an installed prefix"
	ELEMENT_PATH=$(element_path)
	for p in icorp-signald icorp-gatekeeper icorp-proxy icorp-adaptor icorp-adaptor-vm; do
		program $p > /dev/null || die "no $p in $BINDIR; build it, or give another --bindir"
	done
	[ "${SET[l2]}" != lldpd ] || program lldpd > /dev/null || die "lldpd is missing; install lldpd"
}

# A program's configuration is fine by its own word.
config_ok() { # ELEMENT PROGRAM FILE
	local out
	out=$(run_in "$1" "$(program "$2")" -t -c "$3" < /dev/null 2>&1) || die "$1: $out"
}

# Someone accepts connections on the daemon's control socket.
control_answers() { # ELEMENT DAEMON
	run_in "$1" timeout 2 socat -u OPEN:/dev/null "UNIX-CONNECT:$STATE/$1/run/$2.sock" < /dev/null > /dev/null 2>&1
}

daemon_pid_of() { awk -v e="$1" -v d="$2" '$1 == e && $2 == d { p = $3 " " $4 } END { print p }' "$STATE/daemons"; }

daemon_ready() { # ELEMENT DAEMON: 0 also when it is dead, so that waiting ends
	local pid start
	read -r pid start <<< "$(daemon_pid_of "$1" "$2")"
	daemon_alive "$1" "$pid" "$start" || return 0
	control_answers "$1" "$2"
}

daemon_wait() { # ELEMENT DAEMON
	local pid start log=$STATE/$1/log/$2.log
	[ "${HOW[$1]}" != uml ] || log=$STATE/$1/log/daemons.log
	poll 60 daemon_ready "$1" "$2" || die "$1: $2 did not become ready: $(tail -n 3 "$log")"
	read -r pid start <<< "$(daemon_pid_of "$1" "$2")"
	daemon_alive "$1" "$pid" "$start" || die "$1: $2 ended: $(tail -n 3 "$log")"
}

# The ISCs' root file system, for all servers, and a virtual machine's of it where a server has those.
image_up() {
	local n
	for n in "${NODES[@]}"; do [ "${KIND[$n]}" != server ] || break; done
	[ "${KIND[$n]}" = server ] || return 0
	[ -x "$LIB/../mkimage" ] || die "testbed/mkimage is missing"
	"$LIB/../mkimage" "$STATE/image" "$BINDIR" >> "$STATE/image.log" 2>&1 ||
		die "cannot make the ISCs' image: $(tail -n 3 "$STATE/image.log")"
	for n in "${NODES[@]}"; do
		[ "${SOFTWARE[$n]}" = qemu ] || continue
		"$LIB/../mkvm" "$STATE/image-vm" "$STATE/image" "$BINDIR/kernel" >> "$STATE/image.log" 2>&1 ||
			die "cannot make the virtual machines' image: $(tail -n 3 "$STATE/image.log")"
		break
	done
}

# Starts a daemon that has ended again, as its supervisor would.
daemon_again() { # ELEMENT DAEMON
	local pid start
	[ -n "${KIND[$1]:-}" ] && [ -r "$STATE/$1/$2.command" ] || die "no daemon '$2' on '$1'; see testbed status"
	read -r pid start <<< "$(daemon_pid_of "$1" "$2")"
	! daemon_alive "$1" "$pid" "$start" || die "$1: $2 has not ended"
	eval "daemon_start $1 $2 $(< "$STATE/$1/$2.command")"
	case $2 in signald | gatekeeper | proxy) daemon_wait "$1" "$2" ;; esac
}

# An lldpd of its own, that announces all addresses of the element on all links. It is not root when it reads its files: they
# are in the element's own /run.
lldpd_up() { # ELEMENT
	lldpd_config "$1" | run_in "$1" sh -c 'mkdir -p /run/lldpd && cat > /run/lldpd.conf' || die "$1: no room for lldpd's files"
	daemon_start "$1" lldpd "$(program lldpd)" -d -I 'eth*' -m '*' -O /run/lldpd.conf
}

daemons_up() {
	local n gk; gk=$(gatekeeper_node)
	image_up
	secrets_make
	if [ -n "$gk" ]; then
		gatekeeper_config "$gk" > "$STATE/$gk/gatekeeper.conf"
		config_ok "$gk" icorp-gatekeeper "$STATE/$gk/gatekeeper.conf"
		daemon_start "$gk" gatekeeper "$(program icorp-gatekeeper)" -c "$STATE/$gk/gatekeeper.conf"
		daemon_wait "$gk" gatekeeper
	fi
	for n in "${NODES[@]}"; do
		controlled "$n" || continue
		[ "${SET[l2]}" != lldpd ] || lldpd_up "$n"
		signald_config "$n" > "$STATE/$n/signald.conf"
		if [ "${KIND[$n]}" = access ] && [ -z "$TB_NULL" ]; then
			proxy_config "$n" > "$STATE/$n/proxy.conf"
			config_ok "$n" icorp-proxy "$STATE/$n/proxy.conf"
			daemon_start "$n" proxy "$(program icorp-proxy)" -c "$STATE/$n/proxy.conf"
			daemon_wait "$n" proxy
		fi
		config_ok "$n" icorp-signald "$STATE/$n/signald.conf"
		daemon_start "$n" signald "$(program icorp-signald)" -c "$STATE/$n/signald.conf"
	done
	for n in "${NODES[@]}"; do if controlled "$n"; then daemon_wait "$n" signald; fi; done
}
