import { formatIp, parseIp } from '../shared/ip.ts';
import { keyToBase64 } from '../shared/key.ts';
import { parsePrefix, prefixContains } from '../shared/prefix.ts';
import { defaultRouters } from './host/default-routers.ts';
import type { NetworkMap } from './mesh/network-map.ts';
import type { OutsideHost } from './mesh/routes-around.ts';
import { serversOf } from './mesh/servers.ts';
import type { PlainPath } from './tunnel/commands.ts';

export interface OutsideHostsOptions {
  /** The tunnel's. */
  interfaceName: string;
  coordinatorUrls: () => readonly string[];
  /** The addresses that a name had when it was last looked up. */
  knownAddresses: (name: string) => readonly string[];
  /** This host's own resolvers. */
  resolvers: () => readonly string[];
  map: () => NetworkMap | null;
  /** One more that a route of the mesh may hold. */
  onMore: () => void;
}

/** Addresses kept of one peer, the latest: each costs a hole in a route, and it is the peer's to have many. */
const MOST_OF_PEER = 4;

/** Whom no route of the mesh may cut off: coordinator, relays, STUN servers, resolvers, routers, and endpoints in use. */
export class OutsideHosts {
  readonly #options: OutsideHostsOptions;
  /** By public key in base64: addresses that answered since this host is in this network, and whether the last is in use. */
  readonly #endpoints = new Map<string, { addresses: Set<string>; current: string | null }>();

  constructor(options: OutsideHostsOptions) {
    this.#options = options;
  }

  async list(map: NetworkMap): Promise<OutsideHost[]> {
    const { interfaceName, coordinatorUrls, knownAddresses, resolvers } = this.#options;
    const named = (addresses: readonly string[], what: string) =>
      addresses.map((address) => ({ address, what }));
    const servers = (relays: boolean) =>
      serversOf(
        { ...map, self: { ...map.self, relays: relays ? map.self.relays : [] } },
        relays ? [] : coordinatorUrls(),
        knownAddresses,
      ).map(({ address }) => address);
    const stun = map.self.stunServers.flatMap(({ host }) =>
      parseIp(host) === null ? knownAddresses(host.toLowerCase()) : [host],
    );
    const keys = new Set(map.peers.map(({ publicKey }) => publicKey));
    for (const key of this.#endpoints.keys()) if (!keys.has(key)) this.#endpoints.delete(key);
    const peers = map.peers.flatMap(({ publicKey, name }) =>
      named([...(this.#endpoints.get(publicKey)?.addresses ?? [])], `an endpoint of ${name}`),
    );
    return [
      ...named(servers(false), 'the coordinator'),
      ...named(servers(true), 'a relay'),
      ...named(stun, 'a STUN server'),
      ...named(resolvers(), "this host's resolver"),
      ...named(await defaultRouters(interfaceName), "this host's router"),
      ...peers,
    ];
  }

  /** A peer is reached by another path; null is the relay. */
  pathChanged(publicKey: Uint8Array, to: PlainPath | null): void {
    const key = keyToBase64(publicKey);
    const known = this.#endpoints.get(key) ?? { addresses: new Set<string>(), current: null };
    this.#endpoints.set(key, known);
    known.current = to === null ? null : formatIp(to.endpoint.address);
    if (known.current === null || known.addresses.has(known.current)) return;
    known.addresses.add(known.current);
    const [oldest] = known.addresses;
    if (known.addresses.size > MOST_OF_PEER && oldest !== undefined) known.addresses.delete(oldest);
    const bytes = parseIp(known.current);
    const isRouted = this.#options.map()?.peers.some(({ routes }) =>
      routes.some((cidr) => {
        const prefix = parsePrefix(cidr);
        return bytes !== null && prefix !== null && prefixContains(prefix, bytes);
      }),
    );
    if (isRouted) this.#options.onMore();
  }

  /** What answered in another network is no reason any more. */
  networkChanged(): void {
    for (const known of this.#endpoints.values())
      known.addresses = new Set(known.current === null ? [] : [known.current]);
  }
}
