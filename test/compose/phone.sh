#!/bin/sh
# A device with a stock WireGuard client: phone.sh FILE. The kernel's WireGuard where it has one, wireguard-go where not.
set -eu
install -m 600 "$1" /etc/wireguard/wg0.conf
ip link delete wg0 2>/dev/null || rm -f /var/run/wireguard/wg0.sock
WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go wg-quick up wg0
exec node /compose/phone.mjs
