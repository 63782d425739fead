#!/bin/bash
# The process that keeps an element alive: its network and mount namespaces exist as long as it does. Started by
# element.sh inside both, it makes the element's own view of the file system and then sleeps.
#     anchor.sh STATE ELEMENT KIND [NULL]
# Private in every element: /sys (so that /sys/class/net shows the element's interfaces), /run (no host's resolver,
# D-Bus or machined), /etc/resolv.conf where the testbed wrote one, and on servers what libvirtd keeps.
set -eu
state=$1 element=$2 kind=$3 null=${4:-}
dir=$state/$element

private_sys() {
	local hold=$dir/hold
	# In a user namespace the host's cgroups cannot be had, and nobody needs them.
	if [ -n "$null" ]; then mount -t sysfs sysfs /sys; return; fi
	mkdir -p "$hold"
	mount --rbind /sys/fs/cgroup "$hold"
	if mount -t sysfs sysfs /sys 2>/dev/null; then
		mount --move "$hold" /sys/fs/cgroup
	else
		umount -R "$hold"
	fi
	# LXC fails where cgroup v1 controllers are mounted beside an (empty) unified hierarchy.
	if [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then umount /sys/fs/cgroup/unified; fi
}

private_libvirt() {
	local d
	mkdir -p /run/libvirt "$dir"/libvirt/{run,lib,log,etc,cache}
	for d in run:/run/libvirt lib:/var/lib/libvirt log:/var/log/libvirt etc:/etc/libvirt cache:/var/cache/libvirt; do
		mkdir -p "${d#*:}"
		mount --bind "$dir/libvirt/${d%%:*}" "${d#*:}"
	done
}

private_resolver() {
	local target
	target=$(readlink -m /etc/resolv.conf)
	mkdir -p "${target%/*}"
	[ -e "$target" ] || : > "$target"
	mount --bind "$dir/resolv.conf" "$target"
}

if [ "$element" != ether ]; then
	private_sys
	mount -t tmpfs -o mode=755,size=64m tmpfs /run
	mkdir -p /run/lock
	[ "$kind" != server ] || private_libvirt
	[ ! -e "$dir/resolv.conf" ] || private_resolver
fi
for f in all default; do
	[ ! -e /proc/sys/net/ipv6/conf/$f ] || echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6
	echo 0 > /proc/sys/net/ipv4/conf/$f/rp_filter
done
case $kind in access | router | server | plain) echo 1 > /proc/sys/net/ipv4/ip_forward ;; esac
ip link set lo up
: > "$dir/ready"
exec -a "icorp-testbed-anchor $element" sleep infinity
