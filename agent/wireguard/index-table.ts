import { type Random, randomUint32 } from '../../shared/random.ts';
import type { Keypair } from './keypair.ts';
import type { Peer } from './peer.ts';

/**
 * The receiver indices of this device (5.4.2: I_i and I_r), drawn at random so that they tell nothing. An index stands for
 * a handshake under way or for a session. Keys are signed 32-bit integers, which V8 keeps unboxed: always use `index | 0`.
 */
export class IndexTable {
  private readonly handshakes = new Map<number, Peer>();
  private readonly keypairs = new Map<number, Keypair<Peer>>();

  private readonly random: Random;
  private readonly workers: number;

  constructor(random: Random, workers: number) {
    this.random = random;
    this.workers = workers;
  }

  /** A new index for the handshake that `peer` begins. */
  addHandshake(peer: Peer): number {
    const index = this.fresh(peer);
    this.handshakes.set(index, peer);
    return index;
  }

  /** The worker that a peer's messages are received by: the same for all its sessions, as they come in one UDP flow. */
  ownerOf(peer: Peer): number {
    return peer.slot % this.workers;
  }

  /** The worker that an index belongs to. */
  ownerOfIndex(index: number): number {
    return (index & 0xff) % this.workers;
  }

  /**
   * A new index, to be given to `addKeypair`. Its low byte modulo the number of workers tells its owner: that is what the
   * driver steers datagrams by.
   */
  fresh(peer: Peer): number {
    const owner = this.ownerOf(peer);
    for (;;) {
      const index = randomUint32(this.random) | 0;
      if (this.ownerOfIndex(index) !== owner) continue;
      if (index !== 0 && !this.handshakes.has(index) && !this.keypairs.has(index)) return index;
    }
  }

  addKeypair(keypair: Keypair<Peer>): void {
    this.keypairs.set(keypair.localIndex, keypair);
  }

  handshake(index: number): Peer | undefined {
    return this.handshakes.get(index);
  }

  keypair(index: number): Keypair<Peer> | undefined {
    return this.keypairs.get(index);
  }

  removeHandshake(index: number): void {
    this.handshakes.delete(index);
  }

  removeKeypair(index: number): void {
    this.keypairs.delete(index);
  }

  get sessions(): number {
    return this.keypairs.size;
  }
}
