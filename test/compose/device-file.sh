#!/bin/sh
# What an administrator does for a device without an agent: device-file.sh NAME GATEWAY leaves its WireGuard file in /tokens, when
# the agent GATEWAY, by which it comes in, is online. Doing it again changes nothing.
set -eu
data=/var/lib/warren-coordinator
coordinator() {
  setpriv --reuid=warren --regid=warren --clear-groups coordinator "$@" --data "$data"
}

umask 077
[ -s "/tokens/$1.conf" ] && exit
until coordinator nodes list | grep -q "^$2 .* connected "; do sleep 1; done
coordinator device add "$1" --dns false > "/tokens/$1.new"
mv "/tokens/$1.new" "/tokens/$1.conf"
