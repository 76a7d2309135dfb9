/**
 * What ctnetlink says of a connection (linux/netfilter/nfnetlink_conntrack.h). Netlink headers are in the host's byte order, which
 * is little endian on every Linux that Node.js has builds for; addresses, ports and counters are in the network's.
 *
 *     nlmsghdr: length 0, type 4, flags 6, sequence 8, port 12      nfgenmsg: family 16, version 17, resource 18      attributes 20
 */

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** NFNL_SUBSYS_CTNETLINK and IPCTNL_MSG_CT_GET; the answer has the type IPCTNL_MSG_CT_NEW. */
const GET = 0x0101;
const NEW = 0x0100;
/** NLM_F_REQUEST and NLM_F_DUMP. */
const DUMP = 0x0301;
const MESSAGE_HEADER = 16;
const FIRST_ATTRIBUTE = 20;
const ATTRIBUTE_HEADER = 4;
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const TYPE_MASK = 0x3fff;

const CTA_TUPLE_ORIG = 1;
const CTA_PROTOINFO = 4;
const CTA_COUNTERS_ORIG = 9;
const CTA_COUNTERS_REPLY = 10;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_SRC = 3;
const CTA_IP_V6_DST = 4;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_TCP_STATE = 1;
const CTA_COUNTERS_PACKETS = 1;
const CTA_COUNTERS_BYTES = 2;

/** By enum tcp_conntrack. */
const TCP_STATES = [
  'none',
  'syn-sent',
  'syn-received',
  'established',
  'fin-wait',
  'close-wait',
  'last-ack',
  'time-wait',
  'close',
  'listen',
] as const;

/** A connection as the kernel tracks it, seen from who began it. */
export interface TrackedConnection {
  /** 4 or 16 bytes. */
  source: Uint8Array;
  destination: Uint8Array;
  /** Of IP. */
  protocol: number;
  /** 0 for protocols without ports. */
  sourcePort: number;
  destinationPort: number;
  /** Of TCP alone. */
  state: (typeof TCP_STATES)[number] | null;
  /** From who began it, and to it; 0 while the kernel does not count. */
  sent: Traffic;
  received: Traffic;
}

export interface Traffic {
  packets: number;
  bytes: number;
}

/** The request for all connections of both families. */
export function dumpRequest(sequence: number): Uint8Array {
  const message = new Uint8Array(FIRST_ATTRIBUTE);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, true);
  view.setUint16(4, GET, true);
  view.setUint16(6, DUMP, true);
  view.setUint32(8, sequence, true);
  return message;
}

/** One datagram of the answer. `error` is an errno of the kernel; what is not understood is left out. */
export function readDump(bytes: Uint8Array): {
  connections: TrackedConnection[];
  isLast: boolean;
  error: number;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const connections: TrackedConnection[] = [];
  for (let at = 0; at + MESSAGE_HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < MESSAGE_HEADER || at + length > bytes.length) break;
    const type = view.getUint16(at + 4, true);
    if (type === NLMSG_DONE) return { connections, isLast: true, error: 0 };
    if (type === NLMSG_ERROR && length >= MESSAGE_HEADER + 4) {
      return { connections, isLast: true, error: -view.getInt32(at + MESSAGE_HEADER, true) };
    }
    if (type === NEW && length >= FIRST_ATTRIBUTE) {
      const connection = readConnection(view, attributes(view, at + FIRST_ATTRIBUTE, at + length));
      if (connection !== null) connections.push(connection);
    }
    at += (length + 3) & ~3;
  }
  return { connections, isLast: false, error: 0 };
}

/** Where the value of each attribute lies, by type. */
type Attributes = Map<number, { from: number; to: number }>;

function attributes(view: DataView, from: number, to: number): Attributes {
  const found: Attributes = new Map();
  for (let at = from; at + ATTRIBUTE_HEADER <= to; ) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER || at + length > to) break;
    found.set(view.getUint16(at + 2, true) & TYPE_MASK, { from: at + ATTRIBUTE_HEADER, to: at + length });
    at += (length + 3) & ~3;
  }
  return found;
}

function nested(view: DataView, all: Attributes, type: number): Attributes {
  const place = all.get(type);
  return place === undefined ? new Map() : attributes(view, place.from, place.to);
}

function readConnection(view: DataView, all: Attributes): TrackedConnection | null {
  const tuple = nested(view, all, CTA_TUPLE_ORIG);
  const ip = nested(view, tuple, CTA_TUPLE_IP);
  const proto = nested(view, tuple, CTA_TUPLE_PROTO);
  const address = (four: number, six: number) =>
    bytesOf(view, ip, four, 4) ?? bytesOf(view, ip, six, 16) ?? null;
  const source = address(CTA_IP_V4_SRC, CTA_IP_V6_SRC);
  const destination = address(CTA_IP_V4_DST, CTA_IP_V6_DST);
  const protocol = bytesOf(view, proto, CTA_PROTO_NUM, 1)?.[0];
  if (source === null || destination === null || protocol === undefined) return null;
  const tcp = nested(view, nested(view, all, CTA_PROTOINFO), CTA_PROTOINFO_TCP);
  const state = bytesOf(view, tcp, CTA_PROTOINFO_TCP_STATE, 1)?.[0];
  return {
    source,
    destination,
    protocol,
    sourcePort: port(view, proto, CTA_PROTO_SRC_PORT),
    destinationPort: port(view, proto, CTA_PROTO_DST_PORT),
    state: state === undefined ? null : (TCP_STATES[state] ?? null),
    sent: traffic(view, nested(view, all, CTA_COUNTERS_ORIG)),
    received: traffic(view, nested(view, all, CTA_COUNTERS_REPLY)),
  };
}

function bytesOf(view: DataView, all: Attributes, type: number, length: number): Uint8Array | undefined {
  const place = all.get(type);
  if (place === undefined || place.to - place.from !== length) return undefined;
  return new Uint8Array(view.buffer, view.byteOffset + place.from, length).slice();
}

function port(view: DataView, all: Attributes, type: number): number {
  const place = all.get(type);
  return place === undefined || place.to - place.from !== 2 ? 0 : view.getUint16(place.from);
}

function traffic(view: DataView, all: Attributes): Traffic {
  const count = (type: number) => {
    const place = all.get(type);
    return place === undefined || place.to - place.from !== 8 ? 0 : Number(view.getBigUint64(place.from));
  };
  return { packets: count(CTA_COUNTERS_PACKETS), bytes: count(CTA_COUNTERS_BYTES) };
}
