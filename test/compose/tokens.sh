#!/bin/sh
# What an administrator does on the first day: tokens.sh NAME... leaves a token for each agent in /tokens, which root alone can read.
# Doing it again changes nothing.
set -eu
data=/var/lib/warren-coordinator
here=$(dirname "$0")

# The coordinator's files stay its own user's.
coordinator() {
  verb=$1
  shift
  setpriv --reuid=warren --regid=warren --clear-groups coordinator "$verb" "$@" --data "$data"
}

umask 077
for name in "$@"; do
  [ -s "/tokens/$name" ] && continue
  [ "$name" = gateway ] && tag='--tag gateway' || tag=
  # shellcheck disable=SC2086
  coordinator token create --expires 24h $tag > "/tokens/$name.new"
  mv "/tokens/$name.new" "/tokens/$name"
done

if [ ! -e /tokens/.network ]; then
  coordinator policy apply "$here/policy.hujson"
  coordinator dns set --split south.example=192.168.120.1
  touch /tokens/.network
fi
