import { keyToHex } from '../../shared/key.ts';
import type { Prefix } from '../../shared/prefix.ts';
import type { Random } from '../../shared/random.ts';
import type { Candidate } from '../paths/candidate.ts';
import { OWN_SOCKET } from '../paths/path.ts';
import type { PathEvent, PathSink, PeerPathStatus, PeerReach } from '../paths/path-sink.ts';
import { Paths } from '../paths/paths.ts';
import { Reflexive, type ReflexiveResult } from '../paths/reflexive.ts';
import { relayAddress } from '../paths/relay-address.ts';
import type { Device } from '../wireguard/device.ts';
import type { UdpAddress } from '../wireguard/udp-address.ts';
import type { DatagramWays } from './datagram-ways.ts';
import type { PathPeers } from './path-peers.ts';
import { RouterWatch } from './router-watch.ts';

/** What the main thread tells of this host and its network; what is absent stays as it is. */
export interface PathsChange {
  candidates?: readonly Candidate[];
  overlay?: readonly Prefix[];
  relayIsUp?: boolean;
  /** A peer that no relay has, or that one may have again. */
  absent?: { publicKey: Uint8Array; isAbsent: boolean };
  /** Addresses of STUN servers, each with both of its ports. */
  stunServers?: readonly UdpAddress[];
  /** This host's own addresses with the tunnel's port. */
  local?: readonly UdpAddress[];
  /** Peers that speak of paths, and where they may be. */
  peers?: readonly { publicKey: Uint8Array; candidates: readonly Candidate[] }[];
  /** Peers that stand in for each other, by public key, in place of all of before. */
  routers?: readonly (readonly Uint8Array[])[];
}

/** What it has to say to the main thread. Peers are named by their public key. */
export interface SearchHooks {
  event(publicKey: Uint8Array, event: PathEvent): void;
  /** How a router that others stand in for can be reached, which is otherwise than before. */
  router(publicKey: Uint8Array, reach: PeerReach): void;
  /** What STUN servers say of this host is another thing than before. */
  reflexive(result: ReflexiveResult): void;
}

export interface SearchDependencies {
  device: Device;
  peers: PathPeers;
  ways: DatagramWays;
  random: Random;
  hooks: SearchHooks;
}

/**
 * Path discovery for a device: `Paths` while the device has a key, what it is told of this host, STUN servers, and routers that are
 * looked at. What it finds it tells the device and the ways of its datagrams. Times are monotonic milliseconds.
 */
export class PathSearch {
  readonly #device: Device;
  readonly #peers: PathPeers;
  readonly #ways: DatagramWays;
  readonly #random: Random;
  readonly #hooks: SearchHooks;
  readonly #reflexive: Reflexive;
  readonly #routers: RouterWatch;
  /** Null while the device has no key. */
  #paths: Paths | null = null;
  #ownSide: Required<Pick<PathsChange, 'candidates' | 'overlay' | 'relayIsUp'>> = {
    candidates: [],
    overlay: [],
    relayIsUp: false,
  };
  #outside: { candidates: readonly Candidate[]; hard: boolean } = { candidates: [], hard: false };
  /** Asked for in the middle of a call, and opened after it. */
  readonly #wantedSockets: { slot: number; count: number }[] = [];
  #now = 0;

  constructor({ device, peers, ways, random, hooks }: SearchDependencies) {
    this.#device = device;
    this.#peers = peers;
    this.#ways = ways;
    this.#random = random;
    this.#hooks = hooks;
    this.#reflexive = new Reflexive(
      random,
      (target, bytes) => ways.send(OWN_SOCKET, target, bytes),
      (result) => this.#reflexiveChanged(result),
    );
    this.#routers = new RouterWatch({
      reach: (slot, now) => this.#paths?.reach(slot, now) ?? { kind: 'unknown', roundTrip: null },
      traffic: (slot) => device.trafficOf(slot),
      probe: (slot, now) => this.#paths?.traffic(slot, now),
      search: (slot, now) => this.#paths?.search(slot, now),
      wake: (slot, now) => device.wake(slot, now),
      handshake: (slot, now) => device.handshake(slot, now),
      changed: (slot, reach) => {
        const publicKey = peers.keyOf(slot);
        if (publicKey !== undefined) hooks.router(publicKey, reach);
      },
    });
  }

  /** Whether the device has a key: without one there are no paths. */
  get hasKey(): boolean {
    return this.#paths !== null;
  }

  /** The device has this key from now on; zeros: none. */
  setPrivateKey(privateKey: Uint8Array, now: number): void {
    this.#now = now;
    if (privateKey.every((byte) => byte === 0)) {
      this.close();
      return;
    }
    if (this.#paths !== null) {
      this.#paths.setPrivateKey(privateKey);
      return;
    }
    this.#paths = new Paths({ sink: this.#sink(), random: this.#random, privateKey });
    this.#tellOwnSide(now);
    for (const [slot, publicKey] of this.#peers) this.#paths.addPeer(slot, publicKey, now);
  }

  /** Peers that the device has no more are forgotten. */
  forgetGone(now: number): void {
    this.#now = now;
    for (const [slot, publicKey] of this.#peers) {
      if (this.#device.slotOf(publicKey) === slot) continue;
      this.#paths?.removePeer(slot);
      this.#peers.remove(slot);
      this.#ways.forget(slot);
    }
  }

  change(change: PathsChange, now: number): void {
    this.#now = now;
    const { peers = [], stunServers, local, absent, routers, ...ownSide } = change;
    this.#ownSide = { ...this.#ownSide, ...ownSide };
    if (local !== undefined) this.#reflexive.setLocal(local, now);
    if (stunServers !== undefined) this.#reflexive.setServers(stunServers, now);
    this.#tellOwnSide(now);
    for (const { publicKey, candidates } of peers) this.#setPeer(publicKey, candidates, now);
    if (routers !== undefined) {
      const slotsOf = (keys: readonly Uint8Array[]) => keys.flatMap((key) => this.#peers.slotOf(key) ?? []);
      this.#routers.setGroups(routers.map(slotsOf));
    }
    const slot = absent === undefined ? undefined : this.#peers.slotOf(absent.publicKey);
    if (slot !== undefined && absent !== undefined) this.#paths?.setAbsent(slot, absent.isAbsent, now);
  }

  /** There are packets for a peer: runs for every batch. */
  traffic(slot: number, now: number): void {
    this.#now = now;
    if (!this.#peers.has(slot)) return;
    this.#reflexive.want(now);
    this.#paths?.traffic(slot, now);
    this.#routers.traffic(slot, now);
  }

  /** A probe came by one of this host's sockets. The bytes and the address are the receiver's. */
  probe(socket: number, source: UdpAddress, bytes: Uint8Array, now: number): void {
    this.#now = now;
    this.#paths?.datagram(socket, source, bytes, now);
  }

  /** A probe of this peer came by relay. The bytes are the receiver's. */
  fromRelay(slot: number, bytes: Uint8Array, now: number): void {
    this.#now = now;
    this.#reflexive.want(now);
    this.#paths?.fromRelay(slot, bytes, now);
  }

  /** The answer of a STUN server. The bytes are the receiver's. */
  stunResponse(bytes: Uint8Array, source: UdpAddress, now: number): void {
    this.#now = now;
    this.#reflexive.response(bytes, source);
  }

  /** The device had an authentic message from an address that it does not send to. */
  heardFrom(publicKey: Uint8Array, source: UdpAddress, now: number): void {
    this.#now = now;
    const slot = this.#peers.slotOf(publicKey);
    if (slot !== undefined) this.#paths?.heardFrom(slot, source, now);
  }

  nextDeadline(): number {
    if (this.#wantedSockets.length > 0) return 0;
    return Math.min(
      this.#reflexive.nextDeadline(),
      this.#routers.nextDeadline(),
      this.#paths?.nextDeadline() ?? Number.POSITIVE_INFINITY,
    );
  }

  advance(now: number): void {
    this.#now = now;
    const paths = this.#paths;
    for (const { slot, count } of this.#wantedSockets.splice(0))
      paths?.socketsOpened(slot, this.#ways.openSockets(count), now);
    if (paths !== null && paths.nextDeadline() <= now) paths.advance(now);
    this.#reflexive.advance(now);
    if (this.#routers.nextDeadline() <= now) this.#routers.advance(now);
  }

  /** By public key in hex. */
  status(): Map<string, PeerPathStatus> {
    const all = new Map<string, PeerPathStatus>();
    for (const [slot, publicKey] of this.#peers) {
      const status = this.#paths?.status(slot);
      if (status) all.set(keyToHex(publicKey), status);
    }
    return all;
  }

  counters(): Record<string, number> {
    return this.#paths?.counters() ?? {};
  }

  close(): void {
    this.#paths?.close();
    this.#paths = null;
  }

  #setPeer(publicKey: Uint8Array, candidates: readonly Candidate[], now: number): void {
    const slot = this.#device.slotOf(publicKey);
    if (slot === undefined) return;
    if (!this.#peers.has(slot)) {
      this.#peers.add(slot, publicKey);
      this.#paths?.addPeer(slot, publicKey, now);
    }
    this.#paths?.setCandidates(slot, candidates, now);
  }

  #reflexiveChanged(result: ReflexiveResult): void {
    const candidates = result.addresses.map((address) => ({ kind: 'reflexive' as const, address }));
    this.#outside = { candidates, hard: result.hard };
    this.#tellOwnSide(this.#now);
    this.#hooks.reflexive(result);
  }

  #tellOwnSide(now: number): void {
    const paths = this.#paths;
    if (paths === null) return;
    const { candidates, overlay, relayIsUp } = this.#ownSide;
    const { candidates: outside, hard } = this.#outside;
    paths.setOverlay(overlay);
    paths.setRelay(relayIsUp, now);
    paths.setOwnSide({ candidates: [...candidates, ...outside], hard }, now);
  }

  #sink(): PathSink {
    const ways = this.#ways;
    return {
      probe: (socket, target, bytes) => ways.send(socket, target, bytes),
      relay: (slot, bytes) => ways.relay(slot, bytes),
      use: (slot, path) => {
        const isDiverted = ways.use(slot, path);
        this.#device.setPath(slot, path?.address ?? relayAddress(slot), isDiverted, this.#now);
      },
      wanted: (slot) => this.#device.wake(slot, this.#now),
      openSockets: (slot, count) => void this.#wantedSockets.push({ slot, count }),
      closeSocket: (socket) => ways.closeSocket(socket),
      wantReflexive: () => this.#reflexive.refresh(this.#now),
      event: (event) => {
        const publicKey = this.#peers.keyOf(event.slot);
        if (publicKey !== undefined) this.#hooks.event(publicKey, event);
      },
    };
  }
}
