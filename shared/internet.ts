/** Blocks that are not the Internet, though they may be reachable from an exit node (RFC 6890 and its registries). */
export const NOT_PUBLIC4: readonly string[] = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private (RFC 1918)
  '100.64.0.0/10', // shared by carriers (RFC 6598)
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local
  '172.16.0.0/12', // private
  '192.168.0.0/16', // private
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
];

/** Global unicast as far as it is allotted (RFC 4291 2.4, IANA). */
export const PUBLIC6: readonly string[] = ['2000::/3'];
