/** Random IP traffic as tunnels carry it: mostly flows whose packets could be joined, among them all that must not be. */
import fc from 'fast-check';
import { type FlowPacket, makePacket, plainSum, TCP_ACK, TCP_CWR, TCP_FIN, TCP_PSH } from './packets.ts';

const TCP_SYN = 0x02;
const TCP_RST = 0x04;
const TCP_URG = 0x20;
const TCP_ECE = 0x40;

/** What one packet has that its flow's others have not. `next` follows the packet before it as in an undisturbed flow. */
const DEVIATIONS = [
  ...['gap', 'repeated', 'overlap', 'older'],
  ...['acknowledgement', 'window', 'timestamp', 'more-options', 'reserved-bit'],
  ...['psh', 'urg', 'fin', 'syn', 'rst', 'ece', 'cwr'],
  ...['ttl', 'ecn', 'dscp', 'dont-fragment', 'identification', 'ip-options', 'fragment', 'extension-header'],
  ...['bad-checksum', 'no-udp-checksum', 'empty', 'longer', 'flow-label'],
] as const;
type Deviation = (typeof DEVIATIONS)[number] | 'next';

interface Step {
  size: number | null;
  deviation: Deviation;
}

/** TCP options as stacks send them: none, timestamps, SACK with one to three blocks, both. */
const TCP_OPTIONS: readonly Uint8Array[] = [
  new Uint8Array(0),
  Uint8Array.of(1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0),
  Uint8Array.of(1, 1, 5, 10, ...bytes(8, 9)),
  Uint8Array.of(1, 1, 8, 10, ...bytes(8, 1), 1, 1, 5, 26, ...bytes(24, 2)),
];

const step: fc.Arbitrary<Step> = fc.record({
  // Most are of the flow's own size.
  size: fc.oneof(
    { weight: 6, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 1400 }) },
  ),
  deviation: fc.oneof(
    { weight: 5, arbitrary: fc.constant<Deviation>('next') },
    { weight: 1, arbitrary: fc.constantFrom<Deviation>(...DEVIATIONS) },
  ),
});

const flow = fc.record({
  family: fc.constantFrom<4 | 6>(4, 6),
  protocol: fc.constantFrom<'tcp' | 'udp'>('tcp', 'udp'),
  size: fc.oneof(fc.integer({ min: 1, max: 1400 }), fc.constantFrom(1, 2, 3, 1399, 1400)),
  sequence: fc.oneof(fc.constantFrom(0, 0xffff_ffff, 0xffff_f000, 0x7fff_ff00), fc.nat(0xffff_ffff)),
  identification: fc.constantFrom(0, 0xfffe, 0x1234),
  dontFragment: fc.boolean(),
  trafficClass: fc.nat(255),
  hopLimit: fc.integer({ min: 1, max: 255 }),
  options: fc.constantFrom(...TCP_OPTIONS),
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
});
type Flow = typeof flow extends fc.Arbitrary<infer T> ? T : never;

/** Packets of up to four flows in the order in which they arrive: runs of one flow, between them those of others. */
export const traffic: fc.Arbitrary<Uint8Array[]> = fc
  .tuple(
    fc.array(flow, { minLength: 1, maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 6 })), { maxLength: 12 }),
  )
  .map(([flows, turns]) => {
    const waiting = flows.map((each, index) => packetsOf(each, index));
    const all: Uint8Array[] = [];
    for (const [which, count] of turns)
      all.push(...(waiting[which % waiting.length] as Uint8Array[]).splice(0, count));
    return [...all, ...waiting.flat()];
  });

function packetsOf({ steps, ...flow }: Flow, index: number): Uint8Array[] {
  let { sequence } = flow;
  let identification: number = flow.identification;
  return steps.map(({ size, deviation }, place) => {
    const length = deviation === 'empty' ? 0 : deviation === 'longer' ? flow.size + 1 : (size ?? flow.size);
    const packet: FlowPacket = {
      ...flow,
      sourcePort: 1000 + index,
      sequence,
      identification,
      payload: bytes(length, place * 13 + index),
    };
    deviate(packet, deviation);
    sequence = ((packet.sequence as number) + length) >>> 0;
    identification = ((packet.identification as number) + 1) & 0xffff;
    return spoil(makePacket(packet), packet, deviation);
  });
}

/** What is decided before the checksums are made. */
function deviate(packet: FlowPacket, deviation: Deviation): void {
  const { sequence = 0, trafficClass = 0, hopLimit = 64 } = packet;
  const moved = (by: number) => ({ sequence: (sequence + by) >>> 0 });
  const flag = (bits: number) => ({ flags: TCP_ACK | bits });
  const changes: Partial<Record<Deviation, Partial<FlowPacket>>> = {
    gap: moved(7),
    repeated: moved(-packet.payload.length),
    overlap: moved(-1),
    older: moved(-100_000),
    acknowledgement: { acknowledgement: 77 },
    window: { window: 0 },
    timestamp: { options: packet.options?.slice().fill(0xfe, -1) ?? bytes(0, 0) },
    'more-options': { options: bytes(40, 5) },
    psh: flag(TCP_PSH),
    urg: { ...flag(TCP_URG), urgent: 1 },
    fin: flag(TCP_FIN | TCP_PSH),
    syn: flag(TCP_SYN),
    rst: flag(TCP_RST),
    ece: flag(TCP_ECE),
    cwr: flag(TCP_CWR),
    ttl: { hopLimit: (hopLimit % 255) + 1 },
    ecn: { trafficClass: trafficClass ^ 3 },
    dscp: { trafficClass: trafficClass ^ 0x80 },
    'dont-fragment': { dontFragment: packet.dontFragment === false },
    identification: { identification: 0x7777 },
  };
  Object.assign(packet, changes[deviation]);
}

/** What is done to a packet that is made already. */
function spoil(packet: Uint8Array, { family, protocol }: FlowPacket, deviation: Deviation): Uint8Array {
  const transport = family === 4 ? 20 : 40;
  const at = (place: number) => packet[place] as number;
  switch (deviation) {
    case 'reserved-bit':
      // NS (RFC 3540), AE by now: beside the header's length, with the checksum made again by RFC 1624.
      if (protocol === 'tcp') {
        packet[transport + 12] = at(transport + 12) | 1;
        addTo(packet, transport + 16, -0x0100);
      }
      return packet;
    case 'flow-label':
      if (family === 6) packet[3] = 9;
      return packet;
    case 'bad-checksum':
      packet[transport + (protocol === 'tcp' ? 16 : 6)] =
        at(transport + (protocol === 'tcp' ? 16 : 6)) ^ 0x40;
      return packet;
    case 'no-udp-checksum':
      if (protocol === 'udp') packet.fill(0, transport + 6, transport + 8);
      return packet;
    case 'fragment':
      if (family === 4) {
        packet[6] = 0x20;
        finishIpv4(packet, 20);
        return packet;
      }
      return withIpv6Extension(packet, 44, Uint8Array.of(at(6), 0, 0, 1, 0, 0, 0, 5));
    case 'extension-header':
      return family === 6 ? withIpv6Extension(packet, 60, Uint8Array.of(at(6), 0, 1, 4, 0, 0, 0, 0)) : packet;
    case 'ip-options': {
      if (family === 6) return withIpv6Extension(packet, 0, Uint8Array.of(at(6), 0, 1, 4, 0, 0, 0, 0));
      const longer = new Uint8Array(packet.length + 4);
      longer.set(packet.subarray(0, 20));
      longer.set([0x94, 4, 0, 0], 20); // router alert (RFC 2113)
      longer.set(packet.subarray(20), 24);
      longer[0] = 0x46;
      new DataView(longer.buffer).setUint16(2, longer.length);
      finishIpv4(longer, 24);
      return longer;
    }
    default:
      return packet;
  }
}

function withIpv6Extension(packet: Uint8Array, type: number, header: Uint8Array): Uint8Array {
  const longer = new Uint8Array(packet.length + header.length);
  longer.set(packet.subarray(0, 40));
  longer.set(header, 40);
  longer.set(packet.subarray(40), 40 + header.length);
  longer[6] = type;
  new DataView(longer.buffer).setUint16(4, longer.length - 40);
  return longer;
}

function finishIpv4(packet: Uint8Array, length: number): void {
  packet.fill(0, 10, 12);
  new DataView(packet.buffer).setUint16(10, ~plainSum(packet.subarray(0, length)) & 0xffff);
}

/** Adds to a checksum field in one's complement. */
function addTo(packet: Uint8Array, field: number, amount: number): void {
  const view = new DataView(packet.buffer);
  let value = view.getUint16(field) + (amount < 0 ? 0xffff + amount : amount);
  value = (value & 0xffff) + (value >>> 16);
  view.setUint16(field, value === 0xffff ? 0 : value);
}

export function bytes(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 0xff);
}
