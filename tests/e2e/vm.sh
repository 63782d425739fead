#!/bin/bash
# The vm adaptor with a real libvirtd and LXC: ISCs start, answer, change while they run, die, and leave nothing.
#
#     adaptor_drive_vm -- libvirtd          one private network and mount namespace, "the server"
#                            |-- ISC 7 10.64.7.66  =veth=  169.254.1.1 (the host end of every ISC's link)
#                            `-- ISC 8 10.64.8.66  =veth=  169.254.1.1
#
# usage: tests/e2e/vm.sh [BUILDDIR]; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-${BUILDDIR:-$top}}" && pwd)
driver=lxc
[ -e /usr/lib/libvirt/libvirt_lxc ] || [ -e /usr/libexec/libvirt_lxc ] || { echo "1..0 # SKIP needs libvirt's LXC driver"; exit 77; }
# shellcheck source=tests/e2e/vm.d/server.sh
. "$top/tests/e2e/vm.d/server.sh"

"$top/testbed/mkimage" -q "$D/image" "$build" || skip "no image can be made"
cat > "$D/image/usr/sbin/test-init" <<- 'END'
	#!/bin/sh
	exec < /dev/null > /run/log 2>&1
	export ICORP_NAME=shop ICORP_PORT=8080 ICORP_ADDRESS
	ICORP_ADDRESS=$(sed -n 's/.*"address":"\([^"]*\)".*/\1/p' /run/icorp/boot.json)
	exec /usr/lib/icorp/apps/httpd
END
chmod 755 "$D/image/usr/sbin/test-init"

options=("image.web=$D/image" init=/usr/sbin/test-init)
domain=icorp-7-$hex
first() { # DOMAIN -> the pid of the ISC's first process
	local pid; pid=$(virsh_ domid "$1"); pid=$(cat "/proc/$pid/task/$pid/children"); echo "${pid%% *}"
}
inside() { local pid; pid=$(first "$1"); shift; nsenter -t "$pid" -m -n -p -u -i -- "$@"; }
inside_cannot() { ! inside "$@" 2> /dev/null; }
caps_are_few() { local caps; caps=$(awk '/^CapBnd/ { print $2 }' "/proc/$(first "$domain")/status"); (((16#$caps & (1 << 21 | 1 << 12)) == 0)); }

# ---- the checks -----------------------------------------------------------------------------------------------
check "this machine's root is refused as an image" bash -c "
	out=\$('$drive' vm 'uri=$uri' image.web=/ 'state=$D/state' < /dev/null); [[ \$out == *'no image'* ]] || { echo \"\$out\"; false; }"
terms t-mail 7 1024 65536 1 mail
out=$(drive <<< "check $D/t-mail")
check "an unknown image is refused by name" has "$out" "check: No such file or directory: no image mail on this server"
terms t-huge 7 1024 99999999999 1
out=$(drive <<< "check $D/t-huge")
check "more memory than the server has is refused" has "$out" "check: No space left on device"

terms t7 7 1024 65536 1
begin=$(date +%s%N)
out=$(drive <<< "apply $D/t7")
took=$((($(date +%s%N) - begin) / 1000000))
check "an ISC starts ($took ms with a new adaptor process)" has "$out" "apply: ok"
check "CPU shares are enforced" has "$out" "grant 2 applied enforced 1024"
check "memory is enforced" has "$out" "grant 3 applied enforced 65536"
check "disk says what it is" has "$out" "grant 4 applied best-effort 8"
check "libvirt has the domain with the ICorp's name" has "$(virsh_ desc --title $domain)" shop
check "its page comes over the routed link" until_true 10 answers 7
check "the page names the server" has "$(page 7)" 'on <b id="host">10.200.2.21</b>'
link=$(on ip -o -4 addr show | grep 169.254.1.1)
check "the host end is 169.254.1.1 with the ISC as peer" has "$link" "inet 169.254.1.1 peer 10.64.7.66/32"
check "the ISC's address is its own" has "$(inside $domain /bin/ip addr show eth0)" "10.64.7.66"
check "the ISC's gateway is the host" has "$(inside $domain /bin/ip route)" "default via 169.254.1.1 dev eth0"
check "boot.json is there for the ISC" has "$(inside $domain /bin/cat /run/icorp/boot.json)" '"endpoint":"10.200.2.21"'
check "boot.json is for root only" test "$(stat -c %a "$D/state/$domain" "$D/state/$domain/boot.json" | xargs)" = "700 600"
check "the ISC cannot write its root" inside_cannot $domain /bin/touch /usr/x
check "the ISC cannot write what boots it" inside_cannot $domain /bin/touch /run/icorp/x
check "its root lacks CAP_SYS_ADMIN and CAP_NET_ADMIN" caps_are_few

terms t8 8 512 65536 1
out=$(drive <<< "apply $D/t8")
check "a second ISC starts beside it" until_true 10 answers 8
check "the ISCs reach each other through the host" has "$(nsenter -t "$(first $domain)" -n curl -s --max-time 2 http://10.64.8.66:8080/)" 10.64.8.66

id=$(virsh_ domid $domain)
terms t7b 7 2048 131072 1
begin=$(date +%s%N)
out=$(drive <<< "apply $D/t7b")
took=$((($(date +%s%N) - begin) / 1000000))
check "more CPU and memory while it runs ($took ms)" has "$out" "grant 2 applied enforced 2048"
check "virsh schedinfo shows the shares" has "$(virsh_ schedinfo $domain | tr -s ' ')" "cpu_shares : 2048"
check "virsh memtune shows the memory" has "$(virsh_ memtune $domain | tr -s ' ')" "hard_limit : 131072"
sed -i 's/shares=2048/shares=2048 quota=30000/' "$D/t7b"
out=$(drive <<< "apply $D/t7b")
check "a CPU quota while it runs" has "$(virsh_ schedinfo $domain | tr -s ' ')" "vcpu_quota : 30000"
out=$(drive <<< "apply $D/t7")
check "and back, by less" has "$(virsh_ schedinfo $domain | tr -s ' ')" "cpu_shares : 1024"
check "and without a quota" bash -c "! grep -q 'vcpu_quota *: 30000' <<< '$(virsh_ schedinfo $domain)'"
terms t7c 7 1024 4 1
out=$(drive <<< "apply $D/t7c")
check "less memory than it uses is refused, with the reason" has "$out" "grant 3 refused enforced 65536"
check "the ISC never noticed" test "$id" = "$(virsh_ domid $domain)"
out=$(drive <<< "measure")
check "its use is measured" jq -e '.sessions | length == 2 and all(.memory_kib > 0 and .rx_bytes > 0)' <<< "${out#*measure: }"

disown $libvirtd; kill -9 "$libvirtd"
out=$( (sleep 1; libvirtd_start) & drive <<< "apply $D/t7b")
check "libvirtd down: the apply waits and goes through" has "$out" "grant 2 applied enforced 2048"
check "the ISC outlived libvirtd" test "$id" = "$(virsh_ domid $domain)"

coproc frozen { drive; }
exec 5>&"${frozen[1]}" 6<&"${frozen[0]}"
answer() { local line; while IFS= read -r -t 25 -u 6 line; do case $line in "$1: "*) echo "$line"; return 0 ;; esac; done; return 1; }
echo show >&5; answer show > /dev/null
libvirtd=$(cat "$D/libvirtd.pid")
kill -STOP "$libvirtd"
begin=$SECONDS
echo measure >&5
out=$(answer measure)
check "libvirtd frozen: a call under way ends after $((SECONDS - begin)) s" has "$out" "measure: Resource temporarily unavailable"
kill -CONT "$libvirtd"
echo "apply $D/t7b" >&5
check "libvirtd thawed: it connects anew" has "$(answer apply)" "apply: ok"
exec 5>&- 6<&-

kill -9 "$(first $domain)"
check "an ISC whose first process is killed is gone" until_true 10 no_domain $domain
out=$(drive <<< "apply $D/t7b")
check "the same terms leave it dead and say so" has "$out" "grant 2 refused none 0 the ISC has stopped"
check "really" no_domain $domain
terms t7d 7 1024 65536 2
out=$(drive <<< "apply $D/t7d")
check "a new revision starts it again" until_true 10 answers 7

if [ -x "$D/image/usr/libexec/icorp/icorp-agent" ]; then
	options[1]=init=/usr/sbin/icorp-agent
	terms t6 6 1024 131072 1
	out=$(drive <<< "apply $D/t6")
	check "the ISC's controller is the first process and starts the application" until_true 20 answers 6
	check "its page says who serves it" has "$(page 6)" '<b id="isc">10.64.6.66</b> on <b id="host">10.200.2.21</b>'
	check "it is the program, not its starter" grep -qx icorp-agent "/proc/$(first icorp-6-$hex)/comm"
	check "what it says goes to a file, not to a console that no one reads" test -s "/proc/$(first icorp-6-$hex)/root/run/icorp-agent.log"
	check "icorp runs in the ISC" has "$(inside icorp-6-$hex /usr/bin/icorp --version)" icorp
	[ $failed = 0 ] || sed 's/^/# /' "/proc/$(first icorp-6-$hex)/root/run/icorp-agent.log" | tail -n 20
	out=$(drive <<< "revoke 6 $leader")
	options[1]=init=/usr/sbin/test-init
fi

# A server without partitions.
whole() { on timeout 60 "$drive" vm "uri=$uri" "${options[@]}" "state=$D/whole" whole=yes 2>> "$D/drive.log"; }
terms t6 6 1024 131072 1
terms t6b 6 2048 262144 1
terms t9 9 1024 65536 1
out=$(whole <<< "apply $D/t6")
check "a server without partitions is one ISC" has "$out" "grant 3 applied enforced 131072 the whole server"
check "its memory is the server's" has "$(virsh_ nodeinfo)" "$(virsh_ dominfo "icorp-6-$hex" | awk '/^Max memory/ { print $3, $4 }')"
out=$(whole <<< "apply $D/t6b")
check "more CPU is refused, with the reason" has "$out" "grant 2 refused enforced 1024 the ISC is the whole server"
check "and more memory" has "$out" "grant 3 refused enforced 131072 the ISC is the whole server"
out=$(whole <<< "apply $D/t9")
check "another ICorp is refused while one has it" has "$out" "apply: No space left on device: the server is one ISC, which ICorp 6 has"
out=$(whole <<< "revoke 6 $leader
apply $D/t9
revoke 9 $leader")
check "and not afterwards" has "$out" "apply: ok"

cat > "$D/foreign.xml" <<- END
	<domain type='lxc'><name>icorp-9-$hex</name><memory unit='MiB'>32</memory><os><type>exe</type><init>/bin/sleep</init>
	<initarg>600</initarg></os><devices><filesystem type='mount'><source dir='$D/image'/><target dir='/'/></filesystem>
	<console type='pty'/></devices></domain>
END
virsh_ create "$D/foreign.xml" > /dev/null
out=$(drive <<< "audit 7 $leader")
check "an audit removes the orphan" has "$out" "audit: ok: 1 orphans, 0 repaired"
check "and only that" test "$(virsh_ list --name | sort | xargs)" = "$domain icorp-9-$hex"
out=$(drive <<< "apply $D/t9")
check "a foreign domain in the way is left alone" has "$out" "apply: File exists"
virsh_ destroy icorp-9-$hex > /dev/null

out=$(drive <<< "revoke 7 $leader
revoke 7 $leader
revoke 4294967295 255.255.255.255")
check "revoke, twice, and of what never was" test "$(grep -c 'revoke: ok' <<< "$out")" = 3
out=$(on env -C "$build" CONFORM_URI="$uri" CONFORM_IMAGE="$D/image" timeout 400 "$build/tests/conformance/conformance_vm" lxc 2>&1)
status=$?
check "it passes the conformance checks on LXC" test $status = 0
[ $status = 0 ] || grep -v '^\[ *\(RUN\|OK\)' <<< "$out" | cut -c 1-500 | head -n 60 | sed 's/^/# /'
if [ -x "$build/bench/vm" ]; then
	# shellcheck disable=SC2086
	out=$(on timeout 400 "$build/bench/vm" --uri "$uri" --image "$D/image" --init /usr/sbin/test-init ${BENCHFLAGS:---quick} 2>&1)
	check "bench/vm measures it beside bare libvirt" has "$out" "isc_resize_ms: "
	sed 's/^/# /' <<< "$out"
fi
nothing_left
exit $((failed > 0))
