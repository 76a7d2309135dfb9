import {
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  NEEDS_CSUM,
  VNET_HEADER_LENGTH,
} from '../../agent/tunnel/vnet-header.ts';

/** Plain makers and checkers of IP packets, independent of the data plane's own arithmetic: 16 bits at a time, network order. */

export interface FlowPacket {
  family: 4 | 6;
  protocol: 'tcp' | 'udp';
  payload: Uint8Array;
  sourcePort?: number;
  destinationPort?: number;
  sequence?: number;
  acknowledgement?: number;
  flags?: number;
  window?: number;
  urgent?: number;
  /** TCP options, a multiple of 4 bytes. */
  options?: Uint8Array;
  trafficClass?: number;
  hopLimit?: number;
  identification?: number;
  dontFragment?: boolean;
}

export const TCP_ACK = 0x10;
export const TCP_PSH = 0x08;
export const TCP_FIN = 0x01;
export const TCP_CWR = 0x80;

/** The 16-bit one's complement sum of RFC 1071, the slow way. */
export function plainSum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** Length of the IP header; extension headers are not among what these makers make. */
export function transportOffset(packet: Uint8Array): number {
  return (packet[0] as number) >>> 4 === 6 ? 40 : ((packet[0] as number) & 15) * 4;
}

/** Whether IPv4's header and TCP's or UDP's checksums are right. */
export function checksumsAreRight(packet: Uint8Array): boolean {
  const transport = transportOffset(packet);
  const isIpv6 = (packet[0] as number) >>> 4 === 6;
  if (!isIpv6 && plainSum(packet.subarray(0, transport)) !== 0xffff) return false;
  return transportSum(packet, transport) === 0xffff;
}

function transportSum(packet: Uint8Array, transport: number): number {
  const isIpv6 = (packet[0] as number) >>> 4 === 6;
  const length = packet.length - transport;
  const protocol = (isIpv6 ? packet[6] : packet[9]) as number;
  const addresses = isIpv6 ? packet.subarray(8, 40) : packet.subarray(12, 20);
  const words =
    plainSum(addresses) +
    protocol +
    (length & 0xffff) +
    (length >>> 16) +
    plainSum(packet.subarray(transport));
  let total = words;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** One whole packet with right checksums. */
export function makePacket(options: FlowPacket): Uint8Array {
  const packet = makeHeaders(options);
  const transport = transportOffset(packet);
  const field = transport + (options.protocol === 'tcp' ? 16 : 6);
  const view = new DataView(packet.buffer);
  const value = ~transportSum(packet, transport) & 0xffff;
  view.setUint16(field, value === 0 && options.protocol === 'udp' ? 0xffff : value);
  if (options.family === 4) view.setUint16(10, ~plainSum(packet.subarray(0, 20)) & 0xffff);
  return packet;
}

function makeHeaders(options: FlowPacket): Uint8Array {
  const tcpOptions = options.options ?? new Uint8Array(0);
  const ip = options.family === 4 ? 20 : 40;
  const header = options.protocol === 'tcp' ? 20 + tcpOptions.length : 8;
  const packet = new Uint8Array(ip + header + options.payload.length);
  const view = new DataView(packet.buffer);
  const protocol = options.protocol === 'tcp' ? 6 : 17;
  if (options.family === 4) {
    packet[0] = 0x45;
    packet[1] = options.trafficClass ?? 0;
    view.setUint16(2, packet.length);
    view.setUint16(4, options.identification ?? 0);
    view.setUint16(6, (options.dontFragment ?? true) ? 0x4000 : 0);
    packet[8] = options.hopLimit ?? 64;
    packet[9] = protocol;
    packet.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
  } else {
    view.setUint32(0, (6 << 28) | ((options.trafficClass ?? 0) << 20));
    view.setUint16(4, packet.length - 40);
    packet[6] = protocol;
    packet[7] = options.hopLimit ?? 64;
    packet.set([0xfd, ...new Array(14).fill(0), 1, 0xfd, ...new Array(14).fill(0), 2], 8);
  }
  view.setUint16(ip, options.sourcePort ?? 1000);
  view.setUint16(ip + 2, options.destinationPort ?? 2000);
  if (options.protocol === 'tcp') {
    view.setUint32(ip + 4, options.sequence ?? 0);
    view.setUint32(ip + 8, options.acknowledgement ?? 0);
    packet[ip + 12] = (header / 4) << 4;
    packet[ip + 13] = options.flags ?? TCP_ACK;
    view.setUint16(ip + 14, options.window ?? 500);
    view.setUint16(ip + 18, options.urgent ?? 0);
    packet.set(tcpOptions, ip + 20);
  } else {
    view.setUint16(ip + 4, 8 + options.payload.length);
  }
  packet.set(options.payload, ip + header);
  return packet;
}

/** A superpacket as the kernel reads it out: virtio_net_hdr, and the checksum field holding the pseudo-header's sum only. */
export function makeSuperpacket(options: FlowPacket, segmentSize: number): Uint8Array {
  const packet = makePacket(options);
  const transport = transportOffset(packet);
  const view = new DataView(packet.buffer);
  const offset = options.protocol === 'tcp' ? 16 : 6;
  view.setUint16(transport + offset, 0);
  const zeroed = transportSum(packet, transport);
  const own = plainSum(packet.subarray(transport));
  let partial = zeroed - own;
  if (partial < 0) partial += 0xffff;
  view.setUint16(transport + offset, partial);
  const result = new Uint8Array(VNET_HEADER_LENGTH + packet.length);
  const header = new DataView(result.buffer);
  header.setUint8(0, NEEDS_CSUM);
  header.setUint8(1, options.protocol === 'udp' ? GSO_UDP_L4 : options.family === 4 ? GSO_TCPV4 : GSO_TCPV6);
  header.setUint16(2, 0xffff, true);
  header.setUint16(4, segmentSize, true);
  header.setUint16(6, transport, true);
  header.setUint16(8, offset, true);
  result.set(packet, VNET_HEADER_LENGTH);
  return result;
}
