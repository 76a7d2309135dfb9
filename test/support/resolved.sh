#!/bin/sh
# Runs a program beside a systemd-resolved of its own: in a mount namespace (unshare --mount) within a test host, with a message bus,
# a user for it, and /etc/resolv.conf leading to its stub. Arguments: the address of the host's resolver, the program and its arguments.
set -e
resolver=$1
shift
PATH=$PATH:/usr/lib/systemd:/lib/systemd
work=/mnt
mount -t tmpfs tmpfs "$work"
cp /etc/passwd /etc/group "$work"
grep -q ^systemd-resolve: /etc/passwd || echo 'systemd-resolve:x:987:987::/:/usr/sbin/nologin' >>"$work/passwd"
grep -q ^systemd-resolve: /etc/group || echo 'systemd-resolve:x:987:' >>"$work/group"
# A folder of its own, in which a file can be replaced.
mkdir "$work/etc"
cp -a /etc/. "$work/etc/" 2>/dev/null || true
cp "$work/passwd" "$work/group" "$work/etc/"
mkdir -p "$work/etc/systemd"
printf '[Resolve]\nDNS=%s\nFallbackDNS=\nMulticastDNS=no\nLLMNR=no\n' "$resolver" >"$work/etc/systemd/resolved.conf"
rm -f "$work/etc/resolv.conf"
ln -s /run/systemd/resolve/stub-resolv.conf "$work/etc/resolv.conf"
umount /etc/resolv.conf 2>/dev/null || true
mount --bind "$work/etc" /etc
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/systemd/resolve
chown 987:987 /run/systemd/resolve
cat >/run/bus.conf <<X
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
  </policy>
</busconfig>
X
dbus-daemon --config-file=/run/bus.conf --nofork --nopidfile >/dev/null 2>&1 &
while [ ! -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
systemd-resolved >/dev/null 2>&1 &
while [ ! -e /run/systemd/resolve/stub-resolv.conf ]; do sleep 0.05; done
exec "$@"
