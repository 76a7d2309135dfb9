import { lookup } from 'node:dns/promises';
import { formatEndpoint } from '../shared/endpoint.ts';
import { describeError } from '../shared/errors.ts';
import { parseIp } from '../shared/ip.ts';
import { keyToBase64 } from '../shared/key.ts';
import type { Logger } from '../shared/log.ts';
import type { MapStunServer, NetworkMap } from './mesh/network-map.ts';
import { ownCandidates } from './mesh/own-candidates.ts';
import type { NatKind } from './paths/nat-kind.ts';
import type { PlainPath, TunnelNews } from './tunnel/commands.ts';
import type { Tunnel } from './tunnel/tunnel.ts';
import type { PeerEndpoint } from './wireguard/configuration.ts';

/** After a name of a STUN server could not be resolved, milliseconds. */
const LOOKUP_RETRY = 30_000;

/** What the tunnel's path discovery needs of the rest of the agent, and what it has to say to it. */
export class PathKeeper {
  readonly #tunnel: Tunnel;
  readonly #log: Logger;
  readonly #onReflexive: () => void;
  readonly #ownServers: readonly MapStunServer[];
  #servers = '';
  #map: NetworkMap | null = null;
  #retry: NodeJS.Timeout | null = null;
  #closed = false;
  #reflexive: string[] = [];
  #nat: NatKind | null = null;

  /**
   * `stunServers` are asked beside the network's. `onReflexive`: this host seems to be elsewhere than before, as seen from outside.
   */
  constructor(
    tunnel: Tunnel,
    stunServers: readonly { host: string; port: number }[],
    onReflexive: () => void,
    log: Logger,
  ) {
    this.#ownServers = stunServers.map(({ host, port }) => ({ host, port, alternatePort: port }));
    this.#tunnel = tunnel;
    this.#onReflexive = onReflexive;
    this.#log = log;
  }

  /** `ADDRESS:PORT` of the tunnel's socket as STUN servers see it. */
  get reflexive(): readonly string[] {
    return this.#reflexive;
  }

  /** Null while no server was asked. */
  get nat(): NatKind | null {
    return this.#nat;
  }

  /** Takes what the tunnel's worker says about paths. */
  news(news: TunnelNews): void {
    if (news.event === 'path-changed') {
      const { publicKey, from, to, why } = news;
      const peer = this.#nameOf(publicKey);
      this.#log.info({ peer, from: pathText(from), to: pathText(to), why }, 'another path');
    } else if (news.event === 'sprayed') {
      const { publicKey, found, probes, sockets } = news;
      this.#log.info(
        { peer: this.#nameOf(publicKey), found, probes, sockets },
        'many probes through a hard NAT',
      );
    } else if (news.event === 'reflexive') {
      this.#nat = news.nat;
      this.#reflexive = news.endpoints.map(formatEndpoint);
      this.#log.debug({ reflexive: this.#reflexive, nat: news.nat.mapping }, 'seen from outside');
      this.#onReflexive();
    }
  }

  /** The map names the STUN servers. */
  mapChanged(map: NetworkMap): void {
    this.#map = map;
    const all = [...map.self.stunServers, ...this.#ownServers];
    const servers = JSON.stringify(all);
    if (servers === this.#servers) return;
    this.#servers = servers;
    void this.#tellServers(all);
  }

  /** Whether the home relay can be reached. */
  async relayChanged(relayIsUp: boolean): Promise<void> {
    await this.#tunnel.setPaths({ relayIsUp }).catch(() => {});
  }

  /** No relay has this peer, or one may have it again. */
  async absent(publicKey: Uint8Array, isAbsent: boolean): Promise<void> {
    await this.#tunnel.setPaths({ absent: { publicKey, isAbsent } }).catch(() => {});
  }

  /** This host's addresses, the tunnel's port, the gateway's that is mapped to it, and endpoints that the user gave. */
  async ownSideChanged(
    addresses: readonly string[],
    port: number,
    mapped: string | null,
    configured: readonly string[],
  ): Promise<void> {
    const candidates = ownCandidates(addresses, port, mapped, configured);
    await this.#tunnel.setPaths(candidates).catch((error: unknown) => {
      if (!this.#closed) this.#log.error({ reason: describeError(error) }, 'path discovery was not told');
    });
  }

  close(): void {
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
  }

  async #tellServers(servers: readonly MapStunServer[]): Promise<void> {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    const resolved = await Promise.all(servers.map((server) => this.#resolve(server)));
    if (this.#closed || this.#servers !== JSON.stringify(servers)) return;
    if (resolved.includes(null)) {
      this.#retry = setTimeout(() => void this.#tellServers(servers), LOOKUP_RETRY);
      this.#retry.unref();
    }
    const stunServers = resolved.flatMap((endpoints) => endpoints ?? []);
    await this.#tunnel.setPaths({ stunServers }).catch(() => {});
  }

  /** Each address with both ports; null where the name leads nowhere now. */
  async #resolve({ host, port, alternatePort }: MapStunServer): Promise<PeerEndpoint[] | null> {
    try {
      const addresses =
        parseIp(host) === null ? (await lookup(host, { all: true })).map((each) => each.address) : [host];
      return addresses.flatMap((text) => {
        const address = parseIp(text);
        const ports = new Set([port, alternatePort]);
        return address === null ? [] : Array.from(ports, (each) => ({ address, port: each }));
      });
    } catch (error) {
      this.#log.debug({ host, reason: describeError(error) }, 'a STUN server has no address');
      return null;
    }
  }

  #nameOf(publicKey: Uint8Array): string {
    const key = keyToBase64(publicKey);
    return this.#map?.peers.find((peer) => peer.publicKey === key)?.name ?? key;
  }
}

function pathText(path: PlainPath | null): string {
  return path === null ? 'relay' : formatEndpoint(path.endpoint);
}
