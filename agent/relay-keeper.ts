import type { Clock } from '../shared/clock.ts';
import { keyFromBase64, keyToBase64 } from '../shared/key.ts';
import type { Logger } from '../shared/log.ts';
import type { ClientCertificate } from '../shared/own-channel.ts';
import type { NetworkMap } from './mesh/network-map.ts';
import { RelayClient } from './relay/client.ts';
import { type RelayStatus, Relays } from './relay/relays.ts';

export interface RelayKeeperOptions {
  /** The coordinator's CA, DER. */
  authority: Uint8Array;
  certificate: () => ClientCertificate;
  clock: Clock;
  log: Logger;
  /** Datagrams of `segmentSize` bytes but the last, from a peer. */
  onDatagrams: (publicKey: Uint8Array, bytes: Uint8Array, segmentSize: number) => void;
  /** No relay has the peer, or one may have it again. */
  onAbsent: (publicKey: Uint8Array, isAbsent: boolean) => void;
  /** Where others reach this agent from now on; null: nowhere. */
  onHome: (relayId: string | null) => void;
  /** All ways to a relay by its URLs, best first. */
  waysTo: (urls: readonly string[]) => string[];
}

/** Between the tunnel, which knows peers by their keys and sends in batches, and the relays, which know nodes. */
export class RelayKeeper {
  readonly #relays: Relays;
  readonly #options: RelayKeeperOptions;
  /** By node id. */
  #keys = new Map<string, Uint8Array>();
  /** By public key in base64. */
  #peers = new Map<string, { nodeId: string; home: string }>();
  /** What came in this turn of the event loop. */
  #received: { nodeId: string; datagrams: Uint8Array[] }[] = [];

  constructor(options: RelayKeeperOptions) {
    const { certificate, clock, log, onHome } = options;
    this.#options = options;
    this.#relays = new Relays(
      clock,
      (target, callbacks) => new RelayClient(target, certificate, clock, log, callbacks),
      {
        onHome,
        onDatagram: (nodeId, datagram) => this.#take(nodeId, datagram),
        onAbsent: (nodeId, isAbsent) => {
          const publicKey = this.#keys.get(nodeId);
          if (publicKey !== undefined) options.onAbsent(publicKey, isAbsent);
        },
      },
    );
  }

  status(): RelayStatus[] {
    return this.#relays.status();
  }

  mapChanged({ self, peers: all }: NetworkMap): void {
    const peers = all.filter(({ device }) => device === undefined);
    this.#keys = new Map(peers.map((peer) => [peer.nodeId, keyFromBase64(peer.publicKey) as Uint8Array]));
    this.#peers = new Map(
      peers.map(({ publicKey, nodeId, homeRelay }) => [publicKey, { nodeId, home: homeRelay }]),
    );
    const { authority, waysTo } = this.#options;
    this.#relays.update(
      self.relays
        .filter(({ urls }) => urls.length > 0)
        .map((relay) => ({ ...relay, urls: waysTo(relay.urls), authority })),
    );
  }

  /** This host's network is another: which relay is near may have changed, and with an address connections were lost. */
  networkChanged(hasLostAddress: boolean): void {
    if (hasLostAddress) this.#relays.reconnect();
    else this.#relays.measure();
  }

  /** Hands datagrams to the relay where the peer is. What cannot be sent is lost, as datagrams may be. Takes over the bytes. */
  send(publicKey: Uint8Array, bytes: Uint8Array, segmentSize: number): void {
    const peer = this.#peers.get(keyToBase64(publicKey));
    if (peer === undefined) return;
    for (let at = 0; at < bytes.length; at += segmentSize) {
      this.#relays.send(peer.nodeId, peer.home, bytes.subarray(at, Math.min(at + segmentSize, bytes.length)));
    }
  }

  close(): void {
    this.#relays.close();
  }

  /** Gathers datagrams as a batch: of one node and size, the last perhaps shorter. A frame then wakes the tunnel once. */
  #take(nodeId: string, datagram: Uint8Array): void {
    if (this.#received.length === 0) queueMicrotask(() => this.#handOver());
    const batch = this.#received.at(-1);
    const size = batch?.datagrams[0]?.length ?? 0;
    const fits =
      batch?.nodeId === nodeId && batch.datagrams.at(-1)?.length === size && datagram.length <= size;
    if (fits) batch.datagrams.push(datagram);
    else this.#received.push({ nodeId, datagrams: [datagram] });
  }

  #handOver(): void {
    for (const { nodeId, datagrams } of this.#received.splice(0)) {
      const publicKey = this.#keys.get(nodeId);
      if (publicKey === undefined) continue;
      this.#options.onDatagrams(publicKey, Buffer.concat(datagrams), (datagrams[0] as Uint8Array).length);
    }
  }
}
