#!/bin/sh
# An office's router: router.sh ADDRESS/LENGTH UPSTREAM [dnsmasq's options]. ADDRESS is its own in the office, UPSTREAM the next
# hop on the Internet. Who comes from the office gets the router's address, nobody from outside gets in; names are answered.
set -eu
office=$1 upstream=$2
shift 2

# The office's side is where the network of its own address is connected.
inside=$(ip -o -4 route show to exact "$(ip -4 route show scope link | awk -v net="${office%.*}." 'index($1, net) == 1 { print $1 }')" | awk '{ print $3 }')
ip address replace "$office" dev "$inside"
ip route replace default via "$upstream"

nft -f - <<RULES
table inet router
delete table inet router
table inet router {
  # What nobody asked for makes no entry in the table of connections, which would take the port that a host of the office has there.
  chain input {
    type filter hook input priority filter; policy drop
    iifname { lo, "$inside" } accept
    ct state established,related accept
    meta l4proto icmp accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop
    # Nobody carries these on the Internet (RFC 1918).
    oifname != "$inside" ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 } drop
    iifname "$inside" accept
    ct state established,related accept
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    oifname != "$inside" masquerade
  }
}
RULES
exec dnsmasq --keep-in-foreground --log-facility=- --user=root --no-hosts --listen-address="${office%/*}" --bind-interfaces "$@"
