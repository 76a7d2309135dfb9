/** What TCP carries in packets that were captured, and whether that is TLS (RFC 8446 5.1) from its first byte. */

const HEADER = 5;
/** change_cipher_spec, alert, handshake, application_data. */
const TYPES = new Set([20, 21, 22, 23]);

/** The streams towards or from a TCP port, in order and without repetitions: one for each direction of each connection. */
export function tcpStreams(packets: readonly Buffer[], port: number): Buffer[] {
  const flows = new Map<string, { segments: Map<number, Buffer>; first: number }>();
  for (const packet of packets) {
    if ((packet[0] as number) >>> 4 !== 4 || packet[9] !== 6) continue;
    const tcp = packet.subarray(((packet[0] as number) & 15) * 4);
    const ports = [tcp.readUInt16BE(0), tcp.readUInt16BE(2)];
    if (!ports.includes(port)) continue;
    const key = `${packet.subarray(12, 20).toString('hex')} ${ports.join(' ')}`;
    const sequence = tcp.readUInt32BE(4);
    const isSyn = ((tcp[13] as number) & 2) !== 0;
    if (isSyn) flows.set(key, { segments: new Map(), first: (sequence + 1) >>> 0 });
    const payload = tcp.subarray(((tcp[12] as number) >>> 4) * 4);
    const flow = flows.get(key);
    if (flow === undefined || payload.length === 0 || isSyn) continue;
    const at = (sequence - flow.first) >>> 0;
    if ((flow.segments.get(at)?.length ?? 0) < payload.length) flow.segments.set(at, payload);
  }
  return [...flows.values()].map(({ segments }) => {
    const stream: Buffer[] = [];
    let end = 0;
    for (const [at, payload] of [...segments].sort(([a], [b]) => a - b)) {
      // A hole is where the capture lost something: what follows cannot be read.
      if (at > end) break;
      stream.push(payload.subarray(end - at));
      end = Math.max(end, at + payload.length);
    }
    return Buffer.concat(stream);
  });
}

/** The first bytes that are no TLS record; null where all are, the last perhaps cut off. */
export function notTls(stream: Buffer): Buffer | null {
  for (let at = 0; at + HEADER <= stream.length; ) {
    const isRecord = TYPES.has(stream[at] as number) && stream[at + 1] === 3;
    const length = stream.readUInt16BE(at + 3);
    if (!isRecord || length > 16_384 + 256) return stream.subarray(at, at + 32);
    at += HEADER + length;
  }
  return null;
}
