/** Reads what `tcpdump -w` wrote from an Ethernet device (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html). */

export interface Frame {
  /** From the Ethernet header on, as long as it was captured. */
  bytes: Buffer;
  /** Present for UDP in an IP packet that is not a later fragment. */
  udp?: { sourcePort: number; destinationPort: number; payload: Buffer };
  tcp?: { sourcePort: number; destinationPort: number };
  etherType: number;
  /** IPv4's protocol or IPv6's next header; -1 for what is not IP. */
  protocol: number;
}

const MAGIC_LITTLE_ENDIAN = 0xa1b2c3d4;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const ETHERNET_HEADER = 14;

export function readPcap(file: Buffer): Frame[] {
  if (file.readUInt32LE(0) !== MAGIC_LITTLE_ENDIAN) throw new Error('not a little-endian pcap file');
  const frames: Frame[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    frames.push(parseFrame(file.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length)));
    at += RECORD_HEADER + length;
  }
  return frames;
}

function parseFrame(bytes: Buffer): Frame {
  const etherType = bytes.readUInt16BE(12);
  const ip = bytes.subarray(ETHERNET_HEADER);
  if (etherType !== 0x0800 && etherType !== 0x86dd) return { bytes, etherType, protocol: -1 };
  const isFour = etherType === 0x0800;
  const protocol = ip.readUInt8(isFour ? 9 : 6);
  const frame: Frame = { bytes, etherType, protocol };
  const isLaterFragment = isFour && (ip.readUInt16BE(6) & 0x1fff) !== 0;
  if (isLaterFragment || (protocol !== 17 && protocol !== 6)) return frame;
  const transport = ip.subarray(isFour ? (ip.readUInt8(0) & 15) * 4 : 40);
  const ports = { sourcePort: transport.readUInt16BE(0), destinationPort: transport.readUInt16BE(2) };
  if (protocol === 17) frame.udp = { ...ports, payload: transport.subarray(8) };
  else frame.tcp = ports;
  return frame;
}
