#!/bin/sh
# Boots systemd within a test host: in namespaces and a control group of its own, on this machine's files, what it changes of which goes
# to a folder (overlayfs) that may be booted again. It has as little of the machine as systemd-nspawn gives to a container, and starts
# nothing that the machine starts. Arguments: the folder, a name for host and control group, and the folder of this project, which is
# /opt/warren there.
set -e
folder=$1 name=$2 project=$3

if [ "$4" != inside ]; then
  mount --make-rprivate /
  mount -t cgroup2 cgroup2 /mnt
  mkdir -p "/mnt/$name"
  echo $$ >"/mnt/$name/cgroup.procs"
  umount /mnt
  exec unshare --cgroup --mount --pid --ipc --uts --fork --kill-child "$0" "$folder" "$name" "$project" inside
fi

root=$folder/root
isNew=
[ -d "$root" ] || isNew=yes
mkdir -p "$root" "$folder/changes" "$folder/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/changes,workdir=$folder/work" "$root"
if [ "$isNew" ]; then
  rm -rf "$root/etc/systemd/system" "$root/etc/machine-id" "$root/etc/resolv.conf"
  mkdir -p "$root/etc/systemd/system" "$root/etc/systemd/system-generators" "$root/opt/warren"
  # Empty is one to be made, and not the first boot, which asks questions (machine-id(5)).
  : >"$root/etc/machine-id"
  : >"$root/etc/resolv.conf"
  echo "$name" >"$root/etc/hostname"
  # Services of /etc/init.d.
  ln -s /dev/null "$root/etc/systemd/system-generators/systemd-sysv-generator"
fi
mount --bind "$project" "$root/opt/warren"

mount -t proc proc "$root/proc"
# The kernel's settings are the machine's; those of the network are the host's own.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/net" "$root/dev/pts" "$root/dev/shm"
for device in null zero full random urandom tty net/tun; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

cd "$root"
mkdir -p mnt/machine
pivot_root . mnt/machine
umount -l /mnt/machine
exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --show-status=0 --unit=multi-user.target
