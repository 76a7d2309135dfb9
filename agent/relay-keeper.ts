import type { Clock } from '../shared/clock.ts';
import { keyFromBase64, keyToBase64 } from '../shared/key.ts';
import type { Logger } from '../shared/log.ts';
import type { MapRelay, NetworkMap } from './mesh/network-map.ts';
import { chooseHome } from './relay/choose-home.ts';
import { RelayClient } from './relay/client.ts';
import type { RelayCertificate } from './relay/relay-channel.ts';

/** All relays are measured at the start and this often, milliseconds. */
const MEASURE_INTERVAL = 600_000;
/** How long a measurement may take before the home is chosen from what has answered. */
const MEASURE_TIME = 3_000;
/** A relay that is only some peers' home is left after so long without a datagram. */
const IDLE_TIME = 120_000;
/** Datagrams that wait for a connection that is being made: a handshake and what follows it. */
const MAX_PENDING = 64;

interface Link {
  client: RelayClient;
  usedAt: number;
  pending: { nodeId: string; datagram: Uint8Array }[];
}

export interface RelayKeeperOptions {
  /** The coordinator's CA, DER. */
  authority: Uint8Array;
  certificate: () => RelayCertificate;
  clock: Clock;
  log: Logger;
  /** Datagrams of `segmentSize` bytes but the last, from a peer. */
  onDatagrams: (publicKey: Uint8Array, bytes: Uint8Array, segmentSize: number) => void;
  /** Whether the home relay can be reached, and which it is (empty for none). */
  onHome: (isUp: boolean, id: string) => void;
}

/** A relay as `agent netcheck` and `agent status` show it. */
export interface RelayView {
  id: string;
  urls: readonly string[];
  state: string;
  latencyMs: number | null;
  home: boolean;
}

/**
 * Keeps this agent reachable at its home relay, the nearest of those that the network has, and connected to the homes of those
 * peers that it sends to by relay.
 */
export class RelayKeeper {
  readonly #options: RelayKeeperOptions;
  readonly #links = new Map<string, Link>();
  readonly #ticker: NodeJS.Timeout;
  #relays: readonly MapRelay[] = [];
  /** By node id, and back. */
  #keys = new Map<string, Uint8Array>();
  #peers = new Map<string, { nodeId: string; home: string }>();
  #home: string | null = null;
  #isUp = false;
  /** When the measurement under way is over; null for none. */
  #measuringUntil: number | null = null;
  #measuredAt = Number.NEGATIVE_INFINITY;
  /** What came in this turn of the event loop, to be handed on at once. */
  #received: { nodeId: string; datagrams: Uint8Array[] }[] = [];

  constructor(options: RelayKeeperOptions) {
    this.#options = options;
    this.#ticker = setInterval(() => this.#tick(), 500);
    this.#ticker.unref();
  }

  mapChanged({ self, peers }: NetworkMap): void {
    this.#keys = new Map(peers.map((peer) => [peer.nodeId, keyFromBase64(peer.publicKey) as Uint8Array]));
    this.#peers = new Map(
      peers.map(({ publicKey, nodeId, homeRelay }) => [publicKey, { nodeId, home: homeRelay }]),
    );
    const isSame = JSON.stringify(self.relays) === JSON.stringify(this.#relays);
    if (isSame) return;
    this.#relays = self.relays;
    for (const [id, link] of this.#links) {
      const relay = this.#relays.find((each) => each.id === id);
      if (relay !== undefined && JSON.stringify(relay.urls) === JSON.stringify(link.client.target.urls))
        continue;
      this.#leave(id);
    }
    this.#measure();
  }

  /** Hands datagrams to the relay where the peer is. What cannot be sent is lost, as datagrams may be. */
  send(publicKey: Uint8Array, bytes: Uint8Array, segmentSize: number): void {
    const peer = this.#peers.get(keyToBase64(publicKey));
    if (peer === undefined) return;
    const link = this.#linkTo(peer.home) ?? this.#linkTo(this.#home ?? '');
    if (link === null) return;
    link.usedAt = this.#options.clock.monotonic();
    for (let at = 0; at < bytes.length; at += segmentSize) {
      const datagram = bytes.subarray(at, Math.min(at + segmentSize, bytes.length));
      if (link.client.state === 'connected') link.client.send(peer.nodeId, datagram);
      else if (link.pending.length < MAX_PENDING) link.pending.push({ nodeId: peer.nodeId, datagram });
    }
  }

  views(): RelayView[] {
    return this.#relays.map(({ id, urls }) => {
      const client = this.#links.get(id)?.client;
      return {
        id,
        urls,
        state: client?.state ?? 'not connected',
        latencyMs: client?.latency ?? null,
        home: id === this.#home,
      };
    });
  }

  close(): void {
    clearInterval(this.#ticker);
    for (const id of [...this.#links.keys()]) this.#leave(id);
  }

  /** Connects to all, and chooses when they have answered. */
  #measure(): void {
    const now = this.#options.clock.monotonic();
    this.#measuredAt = now;
    this.#measuringUntil = now + MEASURE_TIME;
    for (const { id } of this.#relays) {
      const link = this.#linkTo(id);
      if (link === null) continue;
      link.usedAt = now;
      link.client.ping();
    }
    this.#choose();
  }

  #tick(): void {
    const now = this.#options.clock.monotonic();
    if (this.#measuringUntil !== null) this.#choose();
    if (this.#measuringUntil !== null && now >= this.#measuringUntil) this.#measuringUntil = null;
    const isAway = this.#home !== null && this.#links.get(this.#home)?.client.state !== 'connected';
    const isDue = now - this.#measuredAt >= (isAway ? MEASURE_TIME * 2 : MEASURE_INTERVAL);
    if (this.#measuringUntil === null && this.#relays.length > 1 && isDue) this.#measure();
    for (const [id, link] of this.#links) {
      if (id !== this.#home && this.#measuringUntil === null && now - link.usedAt > IDLE_TIME)
        this.#leave(id);
    }
  }

  #choose(): void {
    const latencies = this.#relays.map(({ id }) => {
      const client = this.#links.get(id)?.client;
      // One that has only just connected counts, if there is no better, before its first pong.
      const latency = client?.state === 'connected' ? (client.latency ?? Number.MAX_VALUE) : null;
      return { id, latency };
    });
    const home = chooseHome(this.#home, latencies) ?? this.#home ?? this.#relays[0]?.id ?? null;
    if (home === this.#home) {
      this.#tellState();
      return;
    }
    this.#home = home;
    this.#options.log.info({ relay: home }, 'the home relay');
    this.#isUp = false;
    this.#tellState();
  }

  #tellState(): void {
    const home = this.#home;
    const isUp = home !== null && this.#links.get(home)?.client.state === 'connected';
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    this.#options.onHome(isUp, home ?? '');
  }

  #linkTo(id: string): Link | null {
    const known = this.#links.get(id);
    if (known !== undefined) return known;
    const relay = this.#relays.find((each) => each.id === id);
    if (relay === undefined || relay.urls.length === 0) return null;
    const { authority, certificate, clock, log } = this.#options;
    const client = new RelayClient({ ...relay, authority }, certificate, clock, log, {
      onDatagram: (nodeId, datagram) => this.#take(nodeId, datagram),
      onPeerGone: () => {},
      onState: () => this.#stateChanged(id),
    });
    const link: Link = { client, usedAt: clock.monotonic(), pending: [] };
    this.#links.set(id, link);
    client.start();
    return link;
  }

  #stateChanged(id: string): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    if (link.client.state === 'connected') {
      for (const { nodeId, datagram } of link.pending.splice(0)) link.client.send(nodeId, datagram);
      this.#choose();
    } else if (link.client.state === 'waiting') link.pending.length = 0;
    if (id === this.#home) this.#tellState();
  }

  #leave(id: string): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#links.delete(id);
    link.client.close();
    if (id !== this.#home) return;
    this.#home = null;
    this.#tellState();
  }

  /** Gathers what comes in one turn of the event loop, so that a frame of many datagrams wakes the tunnel once. */
  #take(nodeId: string, datagram: Uint8Array): void {
    if (this.#received.length === 0) queueMicrotask(() => this.#handOver());
    const last = this.#received.at(-1);
    const fits =
      last?.nodeId === nodeId && (last.datagrams.at(-1)?.length ?? 0) === (last.datagrams[0]?.length ?? 0);
    if (last !== undefined && fits && datagram.length <= (last.datagrams[0] as Uint8Array).length) {
      last.datagrams.push(datagram);
    } else this.#received.push({ nodeId, datagrams: [datagram] });
  }

  #handOver(): void {
    for (const { nodeId, datagrams } of this.#received.splice(0)) {
      const publicKey = this.#keys.get(nodeId);
      if (publicKey === undefined) continue;
      this.#options.onDatagrams(publicKey, Buffer.concat(datagrams), (datagrams[0] as Uint8Array).length);
    }
  }
}
