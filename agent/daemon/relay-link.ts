import type { NetworkMap } from '../mesh/network-map.ts';
import type { RelayStatus } from '../relay/relays.ts';
import type { RelayKeeper, RelayKeeperOptions } from '../relay-keeper.ts';
import type { TunnelNews } from '../tunnel/commands.ts';

/** Batches of datagrams that wait for the relays' code: handshakes, invitations, and the packets right after. */
const MAX_EARLY = 32;

export type RelayNews = Extract<TunnelNews, { event: 'relay' }>;

/** The relays of the network. Their code is loaded when the mesh is up by the saved map; what is for them before waits here. */
export class RelayLink {
  readonly #options: RelayKeeperOptions;
  readonly #ending: AbortSignal;
  #keeper: RelayKeeper | null = null;
  #map: NetworkMap | null = null;
  /** The latest of it: a lost handshake would be sent again after 5 s. */
  readonly #early: RelayNews[] = [];

  constructor(options: RelayKeeperOptions, ending: AbortSignal) {
    this.#options = options;
    this.#ending = ending;
  }

  async start(): Promise<void> {
    const { RelayKeeper } = await import('../relay-keeper.ts');
    if (this.#ending.aborted) return;
    this.#keeper = new RelayKeeper(this.#options);
    if (this.#map !== null) this.#keeper.mapChanged(this.#map);
    for (const early of this.#early.splice(0)) this.send(early);
  }

  /** Takes over the bytes. */
  send(news: RelayNews): void {
    if (this.#keeper !== null) this.#keeper.send(news.publicKey, news.bytes, news.segmentSize);
    else if (this.#early.push(news) > MAX_EARLY) this.#early.shift();
  }

  mapChanged(map: NetworkMap): void {
    this.#map = map;
    this.#keeper?.mapChanged(map);
  }

  /** Their names lead to other addresses. */
  waysChanged(): void {
    if (this.#map !== null) this.#keeper?.mapChanged(this.#map);
  }

  networkChanged(hasLostAddress: boolean): void {
    this.#keeper?.networkChanged(hasLostAddress);
  }

  status(): RelayStatus[] {
    return this.#keeper?.status() ?? [];
  }

  close(): void {
    this.#keeper?.close();
  }
}
