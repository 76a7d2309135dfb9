import { formatIp } from '../../shared/ip.ts';

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMP6 = 58;
const TCP_FLAGS = 'FSRP.U';
const ECHO_NAMES: Readonly<Record<string, string>> = {
  [`${ICMP} 8`]: 'echo request',
  [`${ICMP} 0`]: 'echo reply',
  [`${ICMP} 3`]: 'unreachable',
  [`${ICMP} 11`]: 'time exceeded',
  [`${ICMP6} 128`]: 'echo request',
  [`${ICMP6} 129`]: 'echo reply',
  [`${ICMP6} 1`]: 'unreachable',
  [`${ICMP6} 2`]: 'packet too big',
  [`${ICMP6} 3`]: 'time exceeded',
};

/** Where an IP packet comes from and goes to; null if it is none, or its header is cut off. */
export interface PacketEnds {
  source: Uint8Array;
  destination: Uint8Array;
  protocol: number;
  /** Where the header of that protocol begins. */
  payload: number;
  /** Of a packet that is a fragment, but not the first: it has no such header. */
  isLaterFragment: boolean;
}

export function packetEnds(bytes: Uint8Array): PacketEnds | null {
  const view = viewOf(bytes);
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4 && bytes.length >= 20) {
    return {
      source: bytes.subarray(12, 16),
      destination: bytes.subarray(16, 20),
      protocol: bytes[9] as number,
      payload: ((bytes[0] as number) & 15) * 4,
      isLaterFragment: (view.getUint16(6) & 0x1fff) !== 0,
    };
  }
  if (version !== 6 || bytes.length < 40) return null;
  return {
    source: bytes.subarray(8, 24),
    destination: bytes.subarray(24, 40),
    protocol: bytes[6] as number,
    payload: 40,
    isLaterFragment: false,
  };
}

/** One line of what a packet is, in the manner of tcpdump(1): `100.64.0.1.22 > 100.64.0.2.50000 TCP [S] length 60`. */
export function packetSummary(bytes: Uint8Array, length: number): string {
  const ends = packetEnds(bytes);
  if (ends === null) return `not IP, length ${length}`;
  const view = viewOf(bytes);
  const { source, destination, protocol, payload, isLaterFragment } = ends;
  const [from, to] = [formatIp(source), formatIp(destination)];
  const has = (count: number) => !isLaterFragment && bytes.length >= payload + count;
  if (isLaterFragment) return `${from} > ${to} fragment of protocol ${protocol}, length ${length}`;
  if ((protocol === TCP && has(14)) || (protocol === UDP && has(8))) {
    const ports = [view.getUint16(payload), view.getUint16(payload + 2)];
    const flags = protocol === TCP ? `TCP [${tcpFlags(bytes[payload + 13] as number)}]` : 'UDP';
    return `${from}.${ports[0]} > ${to}.${ports[1]} ${flags} length ${length}`;
  }
  if ((protocol === ICMP || protocol === ICMP6) && has(2)) {
    const type = bytes[payload] as number;
    const name = ECHO_NAMES[`${protocol} ${type}`] ?? `type ${type}`;
    return `${from} > ${to} ${protocol === ICMP ? 'ICMP' : 'ICMPv6'} ${name}, length ${length}`;
  }
  return `${from} > ${to} protocol ${protocol}, length ${length}`;
}

function tcpFlags(bits: number): string {
  return [...TCP_FLAGS].filter((_, bit) => (bits & (1 << bit)) !== 0).join('');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
