import { MAX_STAGED_PACKETS } from './constants.ts';
import type { PacketBuffer } from './packet-buffer.ts';

/** Copies of inner packets that wait for a session; first in, first out, at most 128, the oldest dropped. */
export class StagedPackets {
  private packets: Uint8Array[] = [];

  get length(): number {
    return this.packets.length;
  }

  /** Copies a packet in; true if the oldest had to go for it. */
  push(buffer: PacketBuffer, offset: number, length: number): boolean {
    this.packets.push(buffer.bytes.slice(offset, offset + length));
    if (this.packets.length <= MAX_STAGED_PACKETS) return false;
    this.packets.shift();
    return true;
  }

  /** Copies the oldest packet to the start of `target` and gives its length. */
  peek(target: PacketBuffer): number {
    const packet = this.packets[0] as Uint8Array;
    target.bytes.set(packet);
    return packet.length;
  }

  shift(): void {
    this.packets.shift();
  }

  /** Empties it and says how many there were. */
  clear(): number {
    const count = this.packets.length;
    this.packets = [];
    return count;
  }
}
