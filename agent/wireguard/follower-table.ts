import { WarrenError } from '../../shared/errors.ts';
import type { CreateTransportCipher } from './aead.ts';
import { AllowedIps } from './allowed-ips.ts';
import { FollowerKeypair, FollowerPeer } from './follower-peer.ts';
import type { FollowerUpdate } from './follower-updates.ts';
import { SharedCounter, takeKeys } from './shared-session.ts';
import { UdpAddress } from './udp-address.ts';

/** Updates but for the datagrams that the device hands over. */
export type TableUpdate = Exclude<FollowerUpdate, { kind: 'datagram' }>;

/** What the device told one of its followers: peers, allowed IPs and sessions. */
export class FollowerTable {
  readonly allowedIps = new AllowedIps<FollowerPeer>();
  mtu: number;
  /** Whether any peer gets copies of broadcasts and multicasts. */
  hasGroup = false;
  readonly #worker: number;
  readonly #createCipher: CreateTransportCipher;
  /** By slot. */
  readonly #peers = new Map<number, FollowerPeer>();
  /** By local index. */
  readonly #sessions = new Map<number, FollowerKeypair>();

  /** `worker`: which one this is, from 1; it opens what comes for the sessions that it owns. */
  constructor(worker: number, createCipher: CreateTransportCipher, mtu: number) {
    this.#worker = worker;
    this.#createCipher = createCipher;
    this.mtu = mtu;
  }

  session(localIndex: number): FollowerKeypair | undefined {
    return this.#sessions.get(localIndex);
  }

  apply(update: TableUpdate): void {
    switch (update.kind) {
      case 'mtu':
        this.mtu = update.mtu;
        return;
      case 'group':
        this.hasGroup = update.hasGroup;
        return;
      case 'peer':
        this.#setPeer(update);
        return;
      case 'peer-removed':
        this.#peers.delete(update.slot);
        return;
      case 'allowed-ip': {
        const peer = this.#peer(update.slot);
        if (update.remove) this.allowedIps.remove(update.prefix, peer);
        else this.allowedIps.insert(update.prefix, peer);
        return;
      }
      case 'stand-ins':
        this.allowedIps.setStandIns(
          update.prefixes.map(({ prefix, slots }) => [
            prefix,
            new Set(slots.flatMap((slot) => this.#peers.get(slot) ?? [])),
          ]),
        );
        return;
      case 'session':
        this.#begin(update);
        return;
      case 'current': {
        const keypair = this.#sessions.get(update.localIndex);
        if (keypair !== undefined) keypair.peer.current = keypair;
        return;
      }
      case 'session-ended':
        this.#end(update.localIndex);
        return;
    }
  }

  /** Wipes every key. */
  close(): void {
    for (const keypair of this.#sessions.values()) keypair.destroy();
    this.#sessions.clear();
    this.#peers.clear();
  }

  #setPeer({ slot, endpoint, endpointChosen, isDiverted }: TableUpdate & { kind: 'peer' }): void {
    const peer = this.#peers.get(slot) ?? new FollowerPeer(slot);
    this.#peers.set(slot, peer);
    peer.endpointChosen = endpointChosen;
    peer.isDiverted = isDiverted;
    peer.heardFrom = null;
    peer.endpoint =
      endpoint === null ? null : UdpAddress.from(endpoint.address, endpoint.port, endpoint.scope);
  }

  #peer(slot: number): FollowerPeer {
    const peer = this.#peers.get(slot);
    if (peer === undefined) throw new WarrenError('internal', `follower: no peer in slot ${slot}`);
    return peer;
  }

  #begin({ slot, localIndex, remoteIndex, created, memory, owner }: TableUpdate & { kind: 'session' }): void {
    const peer = this.#peer(slot);
    const keypair = takeKeys(
      memory,
      (keys) =>
        new FollowerKeypair(
          peer,
          localIndex,
          remoteIndex,
          false,
          created,
          new SharedCounter(memory),
          this.#createCipher(keys.sending),
          owner === this.#worker ? this.#createCipher(keys.receiving) : null,
        ),
    );
    this.#sessions.set(localIndex, keypair);
  }

  #end(localIndex: number): void {
    const keypair = this.#sessions.get(localIndex);
    if (keypair === undefined) return;
    this.#sessions.delete(localIndex);
    if (keypair.peer.current === keypair) keypair.peer.current = null;
    keypair.destroy();
  }
}
