# shellcheck shell=bash
# A server for the vm adaptor's tests: a network and mount namespace with a libvirtd of its own. Sourced by vm.sh and
# vm-qemu.sh after they have set top, build and driver (lxc or qemu). Ends with everything it started.
drive=$build/tests/e2e/adaptor_drive_vm
failed=0 D=

skip() { echo "1..0 # SKIP $*"; exit 77; }
ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $1"; shift; printf '%s\n' "$*" | sed 's/^/# /'; failed=$((failed + 1)); }
check() { # WHAT COMMAND…
	local what=$1 out; shift
	if out=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "$out"; fi
}
has() { grep -qF -- "$2" <<< "$1" || { printf 'no "%s" in: %s\n' "$2" "$1"; return 1; }; }
until_true() { local end=$((SECONDS + $1)); shift; until "$@" > /dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.05; done; }

[ "$(id -u)" = 0 ] || skip "needs root"
for p in ip nsenter unshare curl virsh libvirtd busybox jq timeout; do command -v $p > /dev/null || skip "needs $p"; done
[ -x "$drive" ] || skip "needs $drive: make check TESTS="

D=$(mktemp -d /var/tmp/vmtest.XXXXXX)
chmod 755 "$D"
export VMTEST=$D
machines=$(ls -d /sys/fs/cgroup/*/machine /sys/fs/cgroup/machine 2> /dev/null)

pids() { grep -lasz "^VMTEST=$D\$" /proc/[0-9]*/environ 2> /dev/null | cut -d/ -f3 | grep -vx "$$"; }
gone() { ! pids | grep -q .; }
finish() {
	local d p
	trap - EXIT
	for d in $(virsh_ list --name 2> /dev/null); do virsh_ destroy "$d" > /dev/null 2>&1; done
	for p in $(pids); do [ "$p" = "$BASHPID" ] || kill "$p" 2> /dev/null; done
	until_true 5 gone || for p in $(pids); do [ "$p" = "$BASHPID" ] || kill -9 "$p" 2> /dev/null; done
	for d in /sys/fs/cgroup/*/machine /sys/fs/cgroup/machine; do
		grep -qxF "$d" <<< "$machines" || rmdir "$d" 2> /dev/null
	done
	rm -rf --one-file-system "$D"
}
trap finish EXIT
trap 'exit 130' INT TERM

# ---- the server -----------------------------------------------------------------------------------------------
mkdir -p "$D"/{run,lib,log,etc,cache,state}
printf 'auth_unix_rw = "none"\nlog_filters = "3:*"\nlog_outputs = "3:stderr"\n' > "$D/etc/libvirtd.conf"
printf 'security_driver = "none"\n' > "$D/etc/lxc.conf"
printf 'security_driver = "none"\nuser = "root"\ngroup = "root"\nstdio_handler = "file"\n' > "$D/etc/qemu.conf"
cat > "$D/anchor" <<- 'END'
	if [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then umount /sys/fs/cgroup/unified; fi
	mount -t tmpfs -o mode=755 tmpfs /run
	for d in run:/run/libvirt lib:/var/lib/libvirt log:/var/log/libvirt etc:/etc/libvirt cache:/var/cache/libvirt; do
		mkdir -p "${d#*:}" && mount --bind "$VMTEST/${d%%:*}" "${d#*:}" || exit 1
	done
	ip link set lo up && echo 1 > /proc/sys/net/ipv4/ip_forward && : > "$VMTEST/ready"
	exec sleep 600
END
setsid unshare -n -m --propagation private bash "$D/anchor" < /dev/null > "$D/anchor.log" 2>&1 &
anchor=$!
until_true 10 test -e "$D/ready" || skip "cannot make a server: $(cat "$D/anchor.log")"
on() { nsenter -t $anchor -n -m -- "$@"; }
libvirtd_start() {
	setsid nsenter -t $anchor -n -m -- libvirtd -f /etc/libvirt/libvirtd.conf -p "$D/libvirtd.pid" < /dev/null >> "$D/libvirtd.log" 2>&1 &
	libvirtd=$!
}
uri="$driver:///system?socket=$D/run/libvirt-sock"
virsh_() { timeout 20 virsh -c "$uri" "$@"; }
libvirtd_start
until_true 30 virsh_ list || skip "libvirtd does not run here: $(tail -n 3 "$D/libvirtd.log")"

# A leader of this run only: cgroups are the machine's, and another run may be under way.
leader=10.200.$(($$ / 250 % 250)).$(($$ % 250 + 1))
hex=$(printf '0ac8%02x%02x' $(($$ / 250 % 250)) $(($$ % 250 + 1)))
terms() { # FILE ID SHARES MEMORY REVISION [IMAGE]
	cat > "$D/$1" <<- END
		icorp $2
		leader $leader
		revision $5
		name shop
		endpoint srv1 server control=10.200.2.21 private=10.64.$2.66 local
		service web tcp 80 8080
		app httpd
		isc image=${6:-web} shares=$3 memory=$4 disk=8 vcpus=1 address=10.64.$2.66 host=169.254.1.1 port=3455
		key 42 a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5
	END
}
# Each call is a new adaptor process. options: what the tests add to uri and state.
drive() { on timeout 60 "$drive" vm "uri=$uri" "state=$D/state" "${options[@]}" 2>> "$D/drive.log"; }
page() { on curl -s --max-time 5 "http://10.64.$1.66:${2:-8080/}"; }
answers() { page "$1" | grep -q "10.64.$1.66"; }
no_domain() { ! virsh_ domid "$1"; }
no_links() { ! on ip -o link | grep ' ic'; }
no_cgroups() { ! find /sys/fs/cgroup -type d -name "*-icorp-[6789]-$hex*" 2> /dev/null | grep .; }
clean() { ! grep -E 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$D/drive.log"; }
nothing_left() {
	check "no domain is left" test -z "$(virsh_ list --name | xargs)"
	check "no directory is left" test -z "$(ls -A "$D/state")"
	check "no link is left" until_true 5 no_links
	check "no cgroup is left" until_true 5 no_cgroups
	check "the adaptor's processes were clean" clean
	[ $failed = 0 ] || { echo "# the adaptor and libvirtd said:"; tail -n 5 "$D/drive.log" "$D/libvirtd.log" | sed 's/^/# /'; }
}

