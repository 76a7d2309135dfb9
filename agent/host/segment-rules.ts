import type { WantedSegment } from '../mesh/wanted-segments.ts';

/** Where the VXLAN of segments is received. IANA's 4789 is left to what else this host has. */
export const SEGMENT_PORT = 14789;

/** The 24 bits of the VNI in a VXLAN header (RFC 7348 5), which follows the 64 bits of UDP's. */
const VNI = '@th,96,24';

/**
 * The nftables script that lets frames into a segment from its members alone: the kernel would take them from any address, on any
 * interface. The sources are true, since they come by the tunnel (cryptokey routing). No segments: no table.
 */
export function segmentRules(interfaceName: string, segments: readonly WantedSegment[]): string {
  const table = `inet warren-segments-${interfaceName}`;
  const gone = `table ${table}\ndelete table ${table}\n`;
  if (segments.length === 0) return gone;
  const accepts = segments
    .filter(({ members }) => members.length > 0)
    .map(({ vni, members }) => `    ${VNI} ${vni} ip saddr { ${members.join(', ')} } accept`);
  return `${gone}table ${table} {
  chain input {
    type filter hook input priority filter - 10; policy accept;
    udp dport ${SEGMENT_PORT} jump segments
  }
  chain segments {
    iifname != "${interfaceName}" counter drop
${accepts.join('\n')}
    counter drop
  }
}
`;
}
