import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../../shared/atomic-file.ts';
import type { Clock } from '../../shared/clock.ts';
import { describeError } from '../../shared/errors.ts';
import { parseIp } from '../../shared/ip.ts';
import type { Logger } from '../../shared/log.ts';
import type { HostFeature } from '../host/host-feature.ts';
import { HostResolver, type HostResolverMode } from '../host/host-resolver.ts';
import { exitResolvers } from '../mesh/exit-dns.ts';
import type { NetworkMap } from '../mesh/network-map.ts';
import type { WantedState } from '../mesh/wanted-state.ts';
import { LastKnown } from './last-known.ts';
import { mappedNetworksAt } from './mapped-answer.ts';
import { OverlayNames } from './overlay-names.ts';
import { Responder } from './responder.ts';
import { NameServer } from './server.ts';
import { SERVICE_ADDRESSES } from './service-address.ts';
import { Zone } from './zone.ts';

/** How often the host's own settings are looked at: a DHCP client may rewrite them. Milliseconds. */
const LOOK_INTERVAL = 2_000;
/** How often it is tried to serve where the port was taken, in looks. */
const RETRY_LOOKS = 15;
/** How often the names that the agent needs are looked up again while an exit node is in use, in looks. */
const REMEMBER_LOOKS = 60;
const LAST_KNOWN = 'names.json';

export interface NameServiceOptions {
  interfaceName: string;
  stateFolder: string;
  /** Whether this host's programs are to ask here. */
  acceptDns: boolean;
  /** https://HOST:PORT of the coordinator. */
  coordinatorUrls: readonly string[];
  /** A name that the agent needs has other addresses than before. */
  onKnownAddresses: () => void;
  clock: Clock;
  log: Logger;
}

/** For `agent status`. */
export interface NamesStatus {
  zone: string;
  /** Where DNS is answered; null where it cannot be. */
  address: string | null;
  /** How this host's programs come to ask there: systemd-resolved, resolv.conf or none. */
  host: HostResolverMode['kind'];
  /** Why they do not; null where they do. */
  reason: string | null;
  /** The host's own resolvers, which answer for all that is set nowhere else. */
  hostResolvers: string[];
  /** What was dropped or not answered, and why. */
  counters: Record<string, number>;
}

/** Names of the mesh on this host: a DNS server on loopback, and the host's resolver that leads there. Throws nothing: a mesh without names is one. */
export class NameService implements HostFeature {
  readonly when = 'after-routes';
  readonly #options: NameServiceOptions;
  readonly #host: HostResolver;
  readonly #lastKnown: LastKnown;
  readonly #responder: Responder;
  readonly #overlay: OverlayNames;
  #server: NameServer | null = null;
  #map: NetworkMap | null = null;
  #exit: WantedState['exit'] = null;
  #needed = '';
  #seen = '';
  #reason: string | null = null;
  #looks = 0;
  #timer: NodeJS.Timeout | null = null;
  /** One change of the host after the other. */
  #working: Promise<void> = Promise.resolve();

  constructor(options: NameServiceOptions) {
    this.#options = options;
    this.#host = new HostResolver(options.interfaceName, options.stateFolder, options.log);
    this.#lastKnown = this.#loadLastKnown();
    this.#responder = new Responder(this.#lastKnown);
    this.#overlay = new OverlayNames(this.#responder, options.log);
  }

  apply(map: NetworkMap, { exit }: Pick<WantedState, 'exit'>): Promise<void> {
    this.#map = map;
    this.#exit = exit;
    this.#timer ??= setInterval(() => this.#look(), LOOK_INTERVAL).unref();
    return this.#queue(() => this.#bringTo(map));
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#map = null;
    await this.#queue(async () => {
      // First nobody asks here any more, then nobody answers.
      await this.#host.close();
      await this.#server?.close();
      this.#server = null;
      await this.#overlay.close();
    });
  }

  /** The addresses that a name the agent needs had when it was last looked up. */
  knownAddresses(name: string): string[] {
    return this.#lastKnown.addresses(name);
  }

  /** The host's own, addresses. */
  hostResolvers(): string[] {
    return this.#host.resolvers();
  }

  status(): NamesStatus {
    const { mode } = this.#host;
    const reason = this.#reason ?? (mode.kind === 'none' ? mode.reason : null);
    return {
      zone: this.#map === null ? '' : new Zone(this.#map).name,
      address: this.#server?.address ?? null,
      host: mode.kind,
      reason,
      hostResolvers: this.#host.resolvers(),
      counters: this.#responder.counters,
    };
  }

  #queue(work: () => Promise<void>): Promise<void> {
    this.#working = this.#working.then(work).catch((error: unknown) => {
      this.#options.log.error({ reason: describeError(error) }, 'names');
    });
    return this.#working;
  }

  async #bringTo(map: NetworkMap): Promise<void> {
    const zone = new Zone(map);
    const dns = map.self.dns ?? { zone: zone.name, resolvers: [], split: [] };
    const needed = neededNames(map, this.#options.coordinatorUrls);
    this.#responder.set({
      zone,
      dns,
      hostResolvers: this.#host.resolvers(),
      exitResolvers: exitResolvers(map, this.#exit),
      needed,
      mappedAt: (resolver) => mappedNetworksAt(resolver, map),
    });
    this.#seen = this.#host.look();
    await this.#serve();
    await this.#overlay.bringTo(map);
    if (this.#server !== null && this.#options.acceptDns) {
      const domains = [...zone.reverseZones(), ...dns.split.map(({ domain }) => domain.toLowerCase())];
      // With an exit node nobody asks the local network's resolvers.
      const isDefault = dns.resolvers.length > 0 || this.#exit !== null;
      const { address } = this.#server;
      await this.#host.apply(
        { address, zone: zone.name, domains, isDefault },
        this.#options.clock.monotonic(),
      );
      this.#seen = this.#host.look();
    }
    const names = [...needed].join();
    if (names === this.#needed) return;
    this.#needed = names;
    for (const name of needed) void this.#responder.remember(name);
  }

  async #serve(): Promise<void> {
    if (this.#server !== null) return;
    try {
      this.#server = await NameServer.open({
        addresses: SERVICE_ADDRESSES,
        // Programs of this host ask from loopback, as the destination is there. Nobody else can, unless the host routes
        // loopback addresses (net.ipv4.conf.*.route_localnet).
        mayAsk: (from) => from.startsWith('127.'),
        answer: (query, byUdp) => this.#responder.answer(query, byUdp),
        onForeign: () => this.#responder.count('foreign'),
      });
      this.#reason = this.#options.acceptDns ? null : 'started with --accept-dns=false';
    } catch (error) {
      const reason = describeError(error);
      if (reason !== this.#reason) this.#options.log.warn({ reason }, 'this host has no names of the mesh');
      this.#reason = reason;
    }
  }

  /** What this host's own programs wrote since is what its resolvers are from now on. */
  #look(): void {
    const map = this.#map;
    if (map === null) return;
    this.#looks++;
    const isDue = (this.#server === null || !this.#overlay.isServing) && this.#looks % RETRY_LOOKS === 0;
    try {
      const hasChanged = this.#host.look() !== this.#seen;
      const asksAnew = this.#exit !== null && this.#looks % REMEMBER_LOOKS === 0;
      // The other network may have another view of the same names; with an exit node perhaps nobody else asks for them.
      if (hasChanged || asksAnew) this.#needed = '';
      if (hasChanged || asksAnew || isDue)
        void this.#queue(() => (this.#map === null ? Promise.resolve() : this.#bringTo(map)));
    } catch (error) {
      this.#options.log.debug({ reason: describeError(error) }, 'resolv.conf cannot be read');
    }
  }

  #loadLastKnown(): LastKnown {
    const path = join(this.#options.stateFolder, LAST_KNOWN);
    const { log, onKnownAddresses } = this.#options;
    const save = (kept: Record<string, string[]>) => {
      onKnownAddresses();
      try {
        writeFileAtomically(path, `${JSON.stringify({ version: 1, kept })}\n`);
      } catch (error) {
        log.error({ reason: describeError(error) }, 'addresses were not stored');
      }
    };
    try {
      const kept = existsSync(path) ? lastKnownSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).kept : {};
      return new LastKnown(kept, save);
    } catch (error) {
      // It is made anew by itself.
      log.warn({ reason: describeError(error) }, `${path} is not used`);
      return new LastKnown({}, save);
    }
  }
}

const lastKnownSchema = z.object({
  version: z.literal(1),
  kept: z.record(z.string(), z.array(z.string().refine((text) => parseIp(text) !== null))),
});

/** Names without which the mesh cannot be found: of coordinator, relays and STUN servers, lower-case. */
export function neededNames(map: NetworkMap, coordinatorUrls: readonly string[]): Set<string> {
  const urls = [...coordinatorUrls, ...map.self.relays.flatMap((relay) => relay.urls)];
  const hosts = [
    ...urls.map((url) => new URL(url).hostname),
    ...map.self.stunServers.map(({ host }) => host),
  ];
  const names = hosts.filter((host) => !host.startsWith('[') && parseIp(host) === null);
  return new Set(names.map((name) => name.toLowerCase().replace(/\.$/, '')));
}
