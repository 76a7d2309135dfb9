import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';

/**
 * Explicit congestion notification through the tunnel (RFC 6040, normal mode of 4.1): the outer header gets the bits of the
 * inner one, so that routers between the ends can mark packets instead of dropping them, and a mark on the outer header goes
 * to the inner one. As the kernel's WireGuard does, a packet that does not know the marks is left as it is.
 */
export const NOT_ECT = 0;
const CE = 3;

/** The two ECN bits of an IP packet. */
export function ecnOf(view: DataView, offset: number): number {
  return view.getUint8(offset) >>> 4 === 4
    ? view.getUint8(offset + 1) & 3
    : (view.getUint8(offset + 1) >>> 4) & 3;
}

/** What the outer header said (RFC 6040 4.2) for an inner packet: "congestion experienced" is set if the packet knows it. */
export function takeOuterEcn(outer: number, { view }: PacketBuffer, offset: number): void {
  if (outer !== CE) return;
  const inner = ecnOf(view, offset);
  if (inner === NOT_ECT || inner === CE) return;
  if (view.getUint8(offset) >>> 4 !== 4) {
    view.setUint8(offset + 1, view.getUint8(offset + 1) | (CE << 4));
    return;
  }
  view.setUint8(offset + 1, view.getUint8(offset + 1) | CE);
  // RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), where m' is m and what was added.
  const sum = (~view.getUint16(offset + 10) & 0xffff) + (CE - inner);
  view.setUint16(offset + 10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
}
