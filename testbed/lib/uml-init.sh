#!/bin/sh
# The first process inside a UML element (see uml.sh). Its parameters come with the kernel's command line as
# environment: TB_DIR (the element's directory), TB_PATH, TB_LIB, TB_PORTS (number of ports; one more interface is mgmt0),
# TB_MGMT (its management address). Everything it writes goes to tmpfs.
export PATH="$TB_PATH" ICORP_RUNDIR="$TB_DIR/run"
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs "$TB_DIR/run"
if mountpoint -q /dev; then
	mkdir -p /dev/shm
	mount -t tmpfs tmpfs /dev/shm
fi

modules=$TB_DIR/run/modules
mkdir -p "$modules/lib/modules" "$TB_DIR/run/exec"
ln -s "/usr/lib/uml/modules/$(uname -r)" "$modules/lib/modules/"
for m in bridge 8021q sch_ingress cls_flower act_vlan sch_htb; do
	modprobe -d "$modules" "$m" || echo "uml-init: no module $m"
done

for f in all default; do
	echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6
	echo 0 > /proc/sys/net/ipv4/conf/$f/rp_filter
done
ip link set lo up
i=0
while [ "$i" -lt "$TB_PORTS" ]; do
	ip link set dev "vec$i" name "eth$i"
	i=$((i + 1))
done
ip link set dev "vec$TB_PORTS" name mgmt0
ip addr add "$TB_MGMT/24" dev mgmt0
ip link set dev mgmt0 up
stty -F /dev/tty1 -opost -echo

export TB_DIR
# Not exec: the shell stays as the one who reaps what daemons leave.
# nofork: the command has the socket itself, no socat copies in between.
socat "TCP-LISTEN:2222,bind=$TB_MGMT,fork,reuseaddr,backlog=32" "EXEC:bash $TB_LIB/uml-exec.sh,nofork" &
wait $!
busybox poweroff -f
