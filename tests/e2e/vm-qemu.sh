#!/bin/bash
# The vm adaptor with a real libvirtd and QEMU without KVM: a virtual machine boots to its ISC's controller, changes its
# memory while it runs, dies, and leaves nothing.
#
#     adaptor_drive_vm -- libvirtd          one private network and mount namespace, "the server"
#                            `-- ISC 7 10.64.7.66  =tap=  169.254.1.1 (the host end of every ISC's link)
#
# usage: tests/e2e/vm-qemu.sh [BUILDDIR]; as root. 0: passed, 77: skipped, else failed. A line per check.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:-${BUILDDIR:-$top}}" && pwd)
driver=qemu
# shellcheck source=tests/e2e/vm.d/server.sh
. "$top/tests/e2e/vm.d/server.sh"
command -v qemu-system-x86_64 > /dev/null || skip "needs qemu-system-x86_64"
virsh_ domcapabilities --virttype qemu > /dev/null || skip "needs libvirt's QEMU driver"

"$top/testbed/mkimage" -q "$D/root" "$build" || skip "no image can be made"
[ -x "$D/root/usr/libexec/icorp/icorp-agent" ] || skip "needs icorp-agent"
# What the guest itself sees, on port 8081.
cat > "$D/root/usr/lib/icorp/apps/facts" <<- 'END'
	#!/bin/sh
	mkdir -p /tmp/facts/cgi-bin
	cat > /tmp/facts/cgi-bin/facts << 'CGI'
	#!/bin/sh
	printf 'Content-Type: text/plain\r\n\r\n'
	cat /proc/sys/kernel/random/boot_id /proc/1/comm /proc/cmdline
	grep MemTotal /proc/meminfo
	stat -c 'boot.json %a %U' /run/icorp/boot.json
	stat -c 'fw_cfg %a' /sys/firmware/qemu_fw_cfg/by_name/opt/icorp/boot.json/raw
	df -k /data | tail -n 1
	tail -n 5 /run/icorp-agent.log
	case $QUERY_STRING in
	end) kill 1 ;;
	spoof) ip addr add 10.64.9.5/32 dev eth0; busybox ping -c 3 -W 1 -I 10.64.9.5 169.254.1.1 ;;
	esac
	CGI
	chmod 755 /tmp/facts/cgi-bin/facts
	exec busybox httpd -f -p 8081 -h /tmp/facts
END
chmod 755 "$D/root/usr/lib/icorp/apps/facts"
"$top/testbed/mkvm" -q "$D/image" "$D/root" "$build/kernel" || skip "no kernel can be had"
options=("image.web=$D/image")
domain=icorp-7-$hex

facts() { page "$1" 8081/cgi-bin/facts; }
fact() { facts 7 | sed -n "s#^$1##p"; }
total() { fact 'MemTotal: *' | cut -d' ' -f1; }
boot_id() { facts 7 | head -n 1; }
more_than() { [ "$(total)" -gt "$1" ]; }
less_than() { local now; now=$(total); [ "${now:-$1}" -lt "$1" ]; }
facts_there() { facts 7 | grep -q MemTotal; }
isc() { terms "$@"; sed -i "s/^isc /isc most=262144 /; s/^app httpd/&\napp facts/" "$D/$1"; }

# ---- the checks -----------------------------------------------------------------------------------------------
out=$(on "$drive" vm "uri=$uri" "image.web=$D/root" "state=$D/state" < /dev/null 2>&1)
check "a directory without kernel is refused as an image" has "$out" "image web: no file kernel in $D/root"
isc t-huge 7 1024 99999999999 1
out=$(drive <<< "check $D/t-huge")
check "more memory than the server has is refused" has "$out" "check: No space left on device"

isc t7 7 1024 131072 1
begin=$(date +%s%N)
out=$(drive <<< "apply $D/t7")
took=$((($(date +%s%N) - begin) / 1000000))
check "a virtual machine starts ($took ms with a new adaptor process)" has "$out" "apply: ok"
check "memory says that it is a balloon" has "$out" "grant 3 applied best-effort 131072 a balloon"
check "disk is enforced, and says what the host has of block weights" has "$out" "grant 4 applied enforced 8"
if [ -n "$(virsh_ schedinfo $domain 2> /dev/null | grep cpu_shares)" ]; then
	check "CPU shares are enforced" has "$out" "grant 2 applied enforced 1024"
else
	check "CPU shares cannot be had here, and the grant says so" has "$out" "grant 2 applied none 1024"
fi
check "libvirt has the domain with the ICorp's name" has "$(virsh_ desc --title $domain)" shop
check "its application answers over the routed link" until_true 120 answers 7
echo "# $((($(date +%s%N) - begin) / 1000000)) ms from apply to the first page"
[ $failed = 0 ] || facts 7 | sed 's/^/# /'
check "the page names the server" has "$(page 7)" '<b id="isc">10.64.7.66</b> on <b id="host">10.200.2.21</b>'
check "facts can be had" until_true 10 facts_there
check "the ISC's controller is the first process" has "$(facts 7)" icorp-agent
check "boot.json is for root only, in the guest" has "$(facts 7)" "boot.json 600 root"
check "also where it comes from" has "$(facts 7)" "fw_cfg 400"
printf 'a5%.0s' 1 2 3 4 > "$D/key"
no_key() { ! { cat /proc/[0-9]*/cmdline 2> /dev/null; facts 7; } | grep -aqf "$D/key"; }
check "its key is in boot.json" grep -qf "$D/key" "$D/state/$domain/boot.json"
check "and in no command line" no_key
check "boot.json is for root only, on the host" test "$(stat -c %a "$D/state/$domain/boot.json")" = 600
check "its disk has the size that was bought" bash -c "[[ '$(fact '/dev/vda *' | tail -n 1)' =~ ^(7|8)[0-9]{3}\  ]]"

if [ -x "$D/root/usr/sbin/qemu-ga" ]; then
	shown() { local out; out=$(drive <<< show); jq -e '.sessions[0].guest_agent' <<< "${out#*show: }"; }
	check "its guest agent answers" until_true 20 shown
fi

# It is root, and may call itself what it likes.
dropped() { on nstat -asz IPReversePathFilter TcpExtIPReversePathFilter | awk '/IPReversePathFilter/ { print $2 }'; }
before=$(dropped)
page 7 '8081/cgi-bin/facts?spoof' | sed -n '/^PING/,$s/^/# /p'
check "what it sends from another's address goes nowhere: $(($(dropped) - before)) packets" test $(($(dropped) - before)) -ge 3
check "its own address is still served" facts_there

id=$(boot_id)
out=$(drive <<< measure)
check "its use is measured" jq -e '.sessions | length == 1 and all(.cpu_time_ns > 0 and .rx_bytes > 0)' <<< "${out#*measure: }"
before=$(total)
isc t7b 7 2048 229376 1
# A guest that has little of a CPU is asked again: its balloon is `partly` there at first.
balloon_is() { local out; out=$(drive <<< "apply $D/$1"); has "$out" "grant 3 applied best-effort $2"; }
check "more memory while it runs" until_true 30 balloon_is t7b 229376
check "the guest has it: $before KiB, then $(total) KiB" until_true 30 more_than $((before + 90000))
check "the same again changes nothing" balloon_is t7b 229376
isc t7c 7 2048 999424 1
as_far() { local out; out=$(drive <<< "apply $D/t7c"); has "$out" "grant 3 partly best-effort 262144 the machine was made with 262144 KiB"; }
check "as far as the contract allowed when it was made" until_true 30 as_far
check "less memory while it runs" until_true 60 balloon_is t7 131072
check "the guest gave it back" until_true 30 less_than $((before + 9000))
coproc auditor { drive; }
exec 5>&"${auditor[1]}" 6<&"${auditor[0]}"
answer() { local line; while IFS= read -r -t 30 -u 6 line; do case $line in "$1: "*) echo "$line"; return 0 ;; esac; done; return 1; }
echo "apply $D/t7" >&5; answer apply > /dev/null
virsh_ setmem $domain 200000 --live > /dev/null
check "someone else gives it more" until_true 30 more_than $((before + 50000))
echo "audit 7 $leader" >&5
check "an audit takes that back, and says so" has "$(answer audit)" "audit: ok: 0 orphans, 1 repaired"
check "the guest sees it" until_true 60 less_than $((before + 9000))
exec 5>&- 6<&-
check "the guest never restarted" test "$id" = "$(boot_id)"

cat > "$D/foreign.xml" <<- END
	<domain type='qemu'><name>icorp-9-$hex</name><memory unit='MiB'>32</memory><os><type>hvm</type></os>
	<devices><video><model type='none'/></video></devices></domain>
END
virsh_ create "$D/foreign.xml" > /dev/null
isc t9 9 1024 65536 1
out=$(drive <<< "apply $D/t9")
check "a foreign domain in the way is left alone" has "$out" "apply: File exists"
out=$(drive <<< "audit 7 $leader")
check "an audit finds nothing to do" has "$out" "audit: ok: 0 orphans, 0 repaired"
check "and touches nothing" test "$(virsh_ list --name | sort | xargs)" = "$domain icorp-9-$hex"
virsh_ destroy icorp-9-$hex > /dev/null

isc t8 8 512 65536 1
out=$(drive <<< "apply $D/t8
audit 7 $leader")
check "an audit removes an orphan" has "$out" "audit: ok: 1 orphans"
page 7 '8081/cgi-bin/facts?end' > /dev/null
check "an ISC whose first process ends is gone" until_true 60 no_domain $domain
out=$(drive <<< "apply $D/t7")
check "the same terms leave it dead and say so" has "$out" "grant 2 refused none 0 the ISC has stopped"
out=$(drive <<< "revoke 7 $leader
revoke 7 $leader")
check "revoke, twice" test "$(grep -c 'revoke: ok' <<< "$out")" = 2
nothing_left
exit $((failed > 0))
