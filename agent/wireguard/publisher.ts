import type { Prefix } from '../../shared/prefix.ts';
import type { FollowerUpdate } from './follower-updates.ts';
import type { Followers } from './followers.ts';
import type { Keypair } from './keypair.ts';
import type { SessionKeys } from './noise.ts';
import type { Peer } from './peer.ts';
import { shareSession } from './shared-session.ts';
import { endpointOf, type UdpAddress } from './udp-address.ts';

/** Tells the followers of a tunnel what they need of the device, so that they can seal for every peer and open for theirs. */
export class Publisher implements Followers {
  readonly workers: number;
  readonly #post: (update: FollowerUpdate, worker?: number) => void;

  /** `post` hands an update to every follower, or to that of one worker; each gets them in the same order. */
  constructor(workers: number, post: (update: FollowerUpdate, worker?: number) => void) {
    this.workers = workers;
    this.#post = post;
  }

  peerChanged(peer: Peer): void {
    const endpoint = peer.endpoint === null ? null : endpointOf(peer.endpoint);
    this.#post({
      kind: 'peer',
      slot: peer.slot,
      endpoint,
      endpointChosen: peer.endpointChosen,
      isDiverted: peer.isDiverted,
    });
  }

  peerRemoved(peer: Peer): void {
    this.#post({ kind: 'peer-removed', slot: peer.slot });
  }

  allowedIpChanged(peer: Peer, prefix: Prefix, remove: boolean): void {
    this.#post({ kind: 'allowed-ip', slot: peer.slot, prefix, remove });
  }

  standInsChanged(prefixes: readonly (readonly [Prefix, readonly Peer[]])[]): void {
    this.#post({
      kind: 'stand-ins',
      prefixes: prefixes.map(([prefix, peers]) => ({ prefix, slots: peers.map(({ slot }) => slot) })),
    });
  }

  share(keys: SessionKeys): SharedArrayBuffer {
    return shareSession(keys, this.workers - 1);
  }

  sessionBegan(keypair: Keypair<Peer>, owner: number, memory: SharedArrayBuffer): void {
    const { localIndex, remoteIndex, created } = keypair;
    this.#post({ kind: 'session', slot: keypair.peer.slot, localIndex, remoteIndex, created, owner, memory });
  }

  currentChanged(keypair: Keypair<Peer>): void {
    this.#post({ kind: 'current', localIndex: keypair.localIndex });
  }

  sessionEnded(keypair: Keypair<Peer>): void {
    this.#post({ kind: 'session-ended', localIndex: keypair.localIndex });
  }

  datagram(worker: number, bytes: Uint8Array, source: UdpAddress): void {
    this.#post({ kind: 'datagram', bytes, source: endpointOf(source) }, worker);
  }

  mtuChanged(mtu: number): void {
    this.#post({ kind: 'mtu', mtu });
  }

  groupChanged(hasGroup: boolean): void {
    this.#post({ kind: 'group', hasGroup });
  }
}
