import { keyToHex } from '../../shared/key.ts';
import type { Prefix } from '../../shared/prefix.ts';
import type { Random } from '../../shared/random.ts';
import { isBindingResponse } from '../../shared/stun.ts';
import { addressKey, type Candidate } from '../paths/candidate.ts';
import { isProbe } from '../paths/messages.ts';
import { OWN_SOCKET } from '../paths/path.ts';
import type { ChosenPath, PathEvent, PathSink, PeerPathStatus, PeerReach } from '../paths/path-sink.ts';
import { Paths } from '../paths/paths.ts';
import { Reflexive, type ReflexiveResult } from '../paths/reflexive.ts';
import { isRelay, relayAddress, relaySlot } from '../paths/relay-address.ts';
import type { DeviceChange } from '../wireguard/configuration.ts';
import type { TunnelDevice } from '../wireguard/data-path.ts';
import type { Device } from '../wireguard/device.ts';
import type { FollowerReport } from '../wireguard/follower-updates.ts';
import { MESSAGE_TRANSPORT, TRANSPORT } from '../wireguard/messages.ts';
import type { PacketBuffer } from '../wireguard/packet-buffer.ts';
import type { Peer } from '../wireguard/peer.ts';
import type { DeviceEvent } from '../wireguard/sink.ts';
import { UdpAddress } from '../wireguard/udp-address.ts';
import type { Driver } from './driver.ts';
import { monotonicNow } from './monotonic.ts';
import { RouterWatch } from './router-watch.ts';

/** The largest datagram, and a probe by relay, fit in here. */
const BUFFER_LENGTH = 65_600;

/** What leaves the worker. Peers are named by their public key. */
export interface PathHooks {
  /** Datagrams of `segmentSize` bytes but the last, for the relay to bring to the peer. The bytes are the caller's again after. */
  relay(publicKey: Uint8Array, bytes: Uint8Array, segmentSize: number): void;
  event(publicKey: Uint8Array, event: PathEvent): void;
  /** How a router that others stand in for can be reached, which is otherwise than before. */
  router(publicKey: Uint8Array, reach: PeerReach): void;
  /** What STUN servers say of this host is another thing than before. */
  reflexive(result: ReflexiveResult): void;
}

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

/**
 * A device whose datagrams find their way by path discovery: it stands between driver and device, hands probes to `Paths`,
 * tells it of traffic, and does what it says. Lives in the tunnel's first worker.
 */
export class PathDevice implements TunnelDevice {
  readonly #device: Device;
  readonly #driver: Driver;
  readonly #hooks: PathHooks;
  readonly #random: Random;
  /** There while the device has a key. */
  #paths: Paths | null = null;
  readonly #reflexive: Reflexive;
  readonly #routers: RouterWatch;
  #change: Required<Omit<PathsChange, 'peers' | 'stunServers' | 'local' | 'absent' | 'routers'>> & {
    reflexive: Candidate[];
    hard: boolean;
  } = {
    candidates: [],
    reflexive: [],
    hard: false,
    overlay: [],
    relayIsUp: false,
  };
  /** Peers that speak of paths, by slot and by key in hex. */
  readonly #keys = new Map<number, Uint8Array>();
  readonly #slots = new Map<string, number>();
  /** The sockets of paths that are not the tunnel's own, by the peer's address; nearly always empty. */
  readonly #sideRoutes = new Map<string, number>();
  readonly #sideRouteOf = new Map<number, string>();
  readonly #buffer: PacketBuffer;
  readonly #send: PacketBuffer;
  /** Asked for in the middle of a call, and opened after it. */
  #wantedSockets: { slot: number; count: number }[] = [];
  /** A probe is being sent by the tunnel's own socket, whatever way datagrams to that address go. */
  #isOwnProbe = false;
  #now = 0;

  constructor(device: Device, driver: Driver, random: Random, hooks: PathHooks) {
    this.#device = device;
    this.#driver = driver;
    this.#random = random;
    this.#hooks = hooks;
    this.#buffer = driver.createBuffer(BUFFER_LENGTH);
    this.#send = driver.createBuffer(BUFFER_LENGTH);
    this.#reflexive = new Reflexive(
      random,
      (target, bytes) => this.#sendOwn(target, bytes),
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
        const publicKey = this.#keys.get(slot);
        if (publicKey !== undefined) hooks.router(publicKey, reach);
      },
    });
    driver.diversion = (target, buffer, offset, length, size) =>
      this.#divert(target, buffer, offset, length, size);
    if (driver.sideSockets !== null) {
      driver.sideSockets.onDatagram = (socket, buffer, offset, length, source) =>
        this.#sideDatagram(socket, buffer, offset, length, source, monotonicNow());
    }
  }

  /** To be called after the device was configured: peers that are gone are forgotten, another key begins anew. */
  configured(change: DeviceChange, now: number): void {
    this.#now = now;
    if (change.privateKey !== undefined) this.#setPrivateKey(change.privateKey, now);
    for (const [slot, publicKey] of this.#keys) {
      if (this.#device.slotOf(publicKey) !== slot) this.#forget(slot);
    }
  }

  setPaths(change: PathsChange, now: number): void {
    this.#now = now;
    const { peers = [], stunServers, local, absent, routers, ...rest } = change;
    this.#change = { ...this.#change, ...rest };
    if (local !== undefined) this.#reflexive.setLocal(local, now);
    if (stunServers !== undefined) this.#reflexive.setServers(stunServers, now);
    const paths = this.#paths;
    if (paths !== null) this.#tellOwnSide(paths, now);
    for (const { publicKey, candidates } of peers) this.#setPeer(publicKey, candidates, now);
    if (routers !== undefined) {
      const slotsOf = (keys: readonly Uint8Array[]) =>
        keys.flatMap((key) => this.#slots.get(keyToHex(key)) ?? []);
      this.#routers.setGroups(routers.map(slotsOf));
    }
    const slot = absent === undefined ? undefined : this.#slots.get(keyToHex(absent.publicKey));
    if (slot !== undefined && absent !== undefined) paths?.setAbsent(slot, absent.isAbsent, now);
  }

  /** What the relay brought from a peer. */
  relayed(publicKey: Uint8Array, bytes: Uint8Array, segmentSize: number, now: number): void {
    this.#now = now;
    const slot = this.#slots.get(keyToHex(publicKey));
    if (slot === undefined || this.#paths === null) return;
    const source = relayAddress(slot);
    for (let at = 0; at < bytes.length; at += segmentSize) {
      const datagram = bytes.subarray(at, Math.min(at + segmentSize, bytes.length));
      if (datagram.length > this.#buffer.bytes.length) continue;
      this.#buffer.bytes.set(datagram);
      if (isProbe(this.#buffer.view, 0, datagram.length)) {
        this.#reflexive.want(now);
        this.#paths.fromRelay(slot, datagram, now);
      } else this.#deliver(this.#buffer, 0, datagram.length, source, now);
    }
  }

  /** What the device reports; what is for path discovery alone does not go further. True if it was. */
  deviceEvent(event: DeviceEvent): boolean {
    if (event.kind !== 'heard-from') return false;
    const slot = this.#slots.get(keyToHex(event.publicKey));
    if (slot !== undefined)
      this.#paths?.heardFrom(slot, UdpAddress.from(event.address, event.port), this.#now);
    return true;
  }

  /** By public key in hex. */
  status(): Map<string, PeerPathStatus> {
    const all = new Map<string, PeerPathStatus>();
    for (const [slot, publicKey] of this.#keys) {
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

  setMtu(mtu: number): void {
    this.#device.setMtu(mtu);
  }

  route(buffer: PacketBuffer, offset: number, length: number): Peer | null {
    return this.#device.route(buffer, offset, length);
  }

  seal(
    peer: Peer,
    source: PacketBuffer,
    sourceOffset: number,
    length: number,
    target: PacketBuffer,
    targetOffset: number,
    now: number,
  ): number {
    return this.#device.seal(peer, source, sourceOffset, length, target, targetOffset, now);
  }

  stage(peer: Peer, buffer: PacketBuffer, offset: number, length: number, now: number): void {
    this.#traffic(peer.slot, now);
    this.#device.stage(peer, buffer, offset, length, now);
  }

  sealed(peer: Peer, count: number, bytes: number, now: number): void {
    this.#traffic(peer.slot, now);
    this.#device.sealed(peer, count, bytes, now);
  }

  packetFromTunnel(buffer: PacketBuffer, offset: number, length: number, now: number): void {
    const peer = this.#device.route(buffer, offset, length);
    if (peer === null) {
      this.unrouted(buffer, offset, length, now);
      return;
    }
    this.#traffic(peer.slot, now);
    this.#device.packetToPeer(peer, buffer, offset, length, now);
  }

  unrouted(buffer: PacketBuffer, offset: number, length: number, now: number): void {
    for (const slot of this.#device.groupOf(buffer, offset, length)) this.#traffic(slot, now);
    this.#device.unrouted(buffer, offset, length, now);
  }

  open(
    source: PacketBuffer,
    offset: number,
    length: number,
    from: UdpAddress,
    target: PacketBuffer,
    targetOffset: number,
    now: number,
  ): number {
    this.#now = now;
    return this.#device.open(source, offset, length, from, target, targetOffset, now);
  }

  datagramFromNetwork(
    buffer: PacketBuffer,
    offset: number,
    length: number,
    source: UdpAddress,
    now: number,
  ): void {
    this.#now = now;
    if (isProbe(buffer.view, offset, length)) this.#probe(OWN_SOCKET, buffer, offset, length, source, now);
    else if (isBindingResponse(buffer.bytes.subarray(offset, offset + length)))
      this.#reflexive.response(buffer.bytes.slice(offset, offset + length), source);
    else this.#device.datagramFromNetwork(buffer, offset, length, source, now);
  }

  report(report: FollowerReport, now: number): void {
    this.#now = now;
    if (report.kind === 'activity') {
      for (const { slot, lastDataSent } of report.peers) if (lastDataSent > 0) this.#traffic(slot, now);
    } else if (report.kind === 'packet') this.#handedOver(report.bytes, now);
    this.#device.report(report, now);
  }

  nextDeadline(): number {
    if (this.#wantedSockets.length > 0) return 0;
    return Math.min(
      this.#device.nextDeadline(),
      this.#reflexive.nextDeadline(),
      this.#routers.nextDeadline(),
      this.#paths?.nextDeadline() ?? Number.POSITIVE_INFINITY,
    );
  }

  advance(now: number): void {
    this.#now = now;
    const paths = this.#paths;
    for (const { slot, count } of this.#wantedSockets.splice(0)) {
      paths?.socketsOpened(slot, this.#driver.sideSockets?.open(count) ?? [], now);
    }
    if (paths !== null && paths.nextDeadline() <= now) paths.advance(now);
    this.#reflexive.advance(now);
    if (this.#routers.nextDeadline() <= now) this.#routers.advance(now);
    if (this.#device.nextDeadline() <= now) this.#device.advance(now);
  }

  /** A follower cannot send this packet: a peer that is reached by relay has no other traffic there. */
  #handedOver(bytes: Uint8Array, now: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const packet = { bytes, view, address: 0 };
    const peer = this.#device.route(packet, 0, bytes.length);
    const slots = peer === null ? this.#device.groupOf(packet, 0, bytes.length) : [peer.slot];
    for (const slot of slots) this.#traffic(slot, now);
  }

  #traffic(slot: number, now: number): void {
    this.#now = now;
    if (!this.#keys.has(slot)) return;
    this.#reflexive.want(now);
    this.#paths?.traffic(slot, now);
    this.#routers.traffic(slot, now);
  }

  #reflexiveChanged(result: ReflexiveResult): void {
    const reflexive = result.addresses.map((address) => ({ kind: 'reflexive' as const, address }));
    this.#change = { ...this.#change, reflexive, hard: result.hard };
    if (this.#paths !== null) this.#tellOwnSide(this.#paths, this.#now);
    this.#hooks.reflexive(result);
  }

  /** By the tunnel's own socket, whatever way datagrams to that address go. */
  #sendOwn(target: UdpAddress, bytes: Uint8Array): void {
    this.#send.bytes.set(bytes);
    this.#isOwnProbe = true;
    this.#driver.sendDatagram(target, this.#send, 0, bytes.length);
    this.#isOwnProbe = false;
  }

  #probe(
    socket: number,
    buffer: PacketBuffer,
    offset: number,
    length: number,
    source: UdpAddress,
    now: number,
  ): void {
    this.#paths?.datagram(socket, source.clone(), buffer.bytes.slice(offset, offset + length), now);
  }

  #sideDatagram(
    socket: number,
    buffer: PacketBuffer,
    offset: number,
    length: number,
    source: UdpAddress,
    now: number,
  ): void {
    this.#now = now;
    if (isProbe(buffer.view, offset, length)) this.#probe(socket, buffer, offset, length, source, now);
    else this.#deliver(buffer, offset, length, source, now);
  }

  /** A datagram that did not come by the socket of the worker that it may belong to. */
  #deliver(buffer: PacketBuffer, offset: number, length: number, source: UdpAddress, now: number): void {
    const isTransport =
      length >= TRANSPORT.overhead && buffer.view.getUint32(offset, true) === MESSAGE_TRANSPORT;
    const owner = isTransport
      ? this.#device.ownerOf(buffer.view.getInt32(offset + TRANSPORT.receiver, true))
      : 0;
    if (owner === 0) this.#device.datagramFromNetwork(buffer, offset, length, source, now);
    else this.#driver.followers.datagram(owner, buffer.bytes.slice(offset, offset + length), source);
  }

  #divert(target: UdpAddress, buffer: PacketBuffer, offset: number, length: number, size: number): boolean {
    if (this.#isOwnProbe) return false;
    if (isRelay(target)) {
      const publicKey = this.#keys.get(relaySlot(target));
      if (publicKey !== undefined)
        this.#hooks.relay(publicKey, buffer.bytes.subarray(offset, offset + length), size);
      return true;
    }
    if (this.#sideRoutes.size === 0) return false;
    const socket = this.#sideRoutes.get(addressKey(target));
    if (socket === undefined) return false;
    this.#driver.sideSockets?.send(socket, target, buffer, offset, length, size);
    return true;
  }

  #setPrivateKey(privateKey: Uint8Array, now: number): void {
    if (privateKey.every((byte) => byte === 0)) {
      this.#paths?.close();
      this.#paths = null;
      return;
    }
    if (this.#paths !== null) {
      this.#paths.setPrivateKey(privateKey);
      return;
    }
    const paths = new Paths({ sink: this.#sink(), random: this.#random, privateKey });
    this.#paths = paths;
    this.#tellOwnSide(paths, now);
    for (const [slot, publicKey] of this.#keys) paths.addPeer(slot, publicKey, now);
  }

  #tellOwnSide(paths: Paths, now: number): void {
    const { overlay, relayIsUp, reflexive, hard } = this.#change;
    const candidates = [...this.#change.candidates, ...reflexive];
    paths.setOverlay(overlay);
    paths.setRelay(relayIsUp, now);
    paths.setOwnSide({ candidates, hard }, now);
  }

  #setPeer(publicKey: Uint8Array, candidates: readonly Candidate[], now: number): void {
    const slot = this.#device.slotOf(publicKey);
    if (slot === undefined) return;
    if (!this.#keys.has(slot)) {
      const key = publicKey.slice();
      this.#keys.set(slot, key);
      this.#slots.set(keyToHex(key), slot);
      this.#paths?.addPeer(slot, key, now);
    }
    this.#paths?.setCandidates(slot, candidates, now);
  }

  #forget(slot: number): void {
    const publicKey = this.#keys.get(slot);
    this.#paths?.removePeer(slot);
    this.#keys.delete(slot);
    if (publicKey !== undefined && this.#slots.get(keyToHex(publicKey)) === slot)
      this.#slots.delete(keyToHex(publicKey));
    this.#removeSideRoute(slot);
  }

  #removeSideRoute(slot: number): void {
    const key = this.#sideRouteOf.get(slot);
    if (key === undefined) return;
    this.#sideRouteOf.delete(slot);
    this.#sideRoutes.delete(key);
  }

  #use(slot: number, path: ChosenPath | null): void {
    this.#removeSideRoute(slot);
    const isAside = path !== null && path.socket !== OWN_SOCKET;
    if (isAside) {
      const key = addressKey(path.address);
      this.#sideRoutes.set(key, path.socket);
      this.#sideRouteOf.set(slot, key);
    }
    this.#device.setPath(slot, path?.address ?? relayAddress(slot), path === null || isAside, this.#now);
  }

  #sink(): PathSink {
    const driver = this.#driver;
    return {
      probe: (socket, target, bytes) => {
        if (socket === OWN_SOCKET) {
          this.#sendOwn(target, bytes);
          return;
        }
        this.#send.bytes.set(bytes);
        driver.sideSockets?.send(socket, target, this.#send, 0, bytes.length, bytes.length);
      },
      relay: (slot, bytes) => {
        const publicKey = this.#keys.get(slot);
        if (publicKey !== undefined) this.#hooks.relay(publicKey, bytes, bytes.length);
      },
      use: (slot, path) => this.#use(slot, path),
      wanted: (slot) => this.#device.wake(slot, this.#now),
      openSockets: (slot, count) => void this.#wantedSockets.push({ slot, count }),
      closeSocket: (socket) => driver.sideSockets?.close(socket),
      wantReflexive: () => this.#reflexive.refresh(this.#now),
      event: (event) => {
        const publicKey = this.#keys.get(event.slot);
        if (publicKey !== undefined) this.#hooks.event(publicKey, event);
      },
    };
  }
}
