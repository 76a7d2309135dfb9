import { WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { withExitDns } from '../mesh/exit-dns.ts';
import {
  type Count,
  type Counts,
  DENIED_COUNTER,
  FOREIGN_COUNTER,
  keptCounts,
  ruleCounter,
  UNASKED_COUNTER,
} from '../mesh/firewall-counters.ts';
import {
  firewallRules,
  firewallTable,
  type WantedFirewall,
  withoutFirewall,
} from '../mesh/firewall-rules.ts';
import { siteNetworks } from '../mesh/forwarding-rules.ts';
import type { MapFilter, NetworkMap } from '../mesh/network-map.ts';
import { dialledByDevices, wantedTransit } from '../mesh/transit.ts';
import type { WantedState } from '../mesh/wanted-state.ts';
import type { HostFeature } from './host-feature.ts';
import { hostBridges } from './local-networks.ts';
import { runCommand } from './run-command.ts';
import { SEGMENT_PORT } from './segment-rules.ts';

/** What the firewall lets in by which rule, and what it kept out. Counts go on when rules of the same grant replace others. */
export interface FirewallStatus {
  /** In the policy's order; null while the network has no policy. */
  rules:
    | (Count & { id: string; destinations: string[]; services: MapFilter['rules'][number]['services'] })[]
    | null;
  /** By the policy. */
  denied: Count | null;
  /** Overlay addresses that came by another way than the mesh. */
  foreign: Count;
  /** Sent into the mesh from outside, unasked. */
  unasked: Count;
}

const ZERO: Count = { packets: 0, bytes: 0 };

/**
 * One nftables table that guards this host's side of the mesh. It stays when the agent is killed: what the policy denies is denied
 * until the next start, which brings it up to date, or the next orderly end.
 */
export class Firewall implements HostFeature {
  readonly when = 'before-peers';
  readonly #interfaceName: string;
  readonly #listenPort: () => number;
  /** Whether hosts behind this one may begin flows to other sites. */
  readonly #siteToSite: boolean;
  readonly #log: Logger;
  /** What stands, with counters at zero; null before anything was set. */
  #applied: string | null = null;
  #filter: MapFilter | undefined;
  #hasTold = false;

  constructor(interfaceName: string, listenPort: () => number, siteToSite: boolean, log: Logger) {
    this.#interfaceName = interfaceName;
    this.#listenPort = listenPort;
    this.#siteToSite = siteToSite;
    this.#log = log;
  }

  /** Throws `unsupported` where a policy cannot be enforced: nothing passes then. */
  async apply(map: NetworkMap, state: WantedState): Promise<void> {
    const { self } = map;
    const wanted: WantedFirewall = {
      interfaceName: this.#interfaceName,
      listenPort: this.#listenPort(),
      overlay: self.networkPrefixes,
      filter: withExitDns(self),
      carries: self.approvedRoutes.length > 0 || self.exitNodeApproved,
      sites: this.#siteToSite ? siteNetworks(self) : [],
      multicast: self.multicast,
      openPorts: self.segments.length > 0 ? [SEGMENT_PORT] : [],
      ...(state.exit === null
        ? {}
        : { containers: { bridges: (await hostBridges()).inner, mesh: state.routes } }),
      transit: wantedTransit(map, state),
      devices: dialledByDevices(map, state),
    };
    const rules = firewallRules(wanted);
    if (rules === this.#applied) return;
    try {
      const counts = keptCounts(await this.#counts(), this.#filter, wanted.filter);
      await runCommand('nft', ['-f', '-'], firewallRules(wanted, counts));
      this.#applied = rules;
      this.#filter = wanted.filter;
    } catch (error) {
      if (!(error instanceof WarrenError) || error.code !== 'unsupported') throw error;
      if (self.filter !== undefined) {
        throw new WarrenError(
          'unsupported',
          'this network has a policy, and without nftables it cannot be enforced',
          {
            hint: 'install nftables',
            cause: error,
          },
        );
      }
      if (!this.#hasTold)
        this.#log.warn('nftables is missing: forged packets from other networks are not kept out');
      this.#hasTold = true;
    }
  }

  /** Whether somebody took the table away, as whoever loads a ruleset of his own does (`flush ruleset`): then it is set anew next time. */
  async isGone(): Promise<boolean> {
    if (this.#applied === null) return false;
    const tables = await runCommand('nft', ['list', 'tables']);
    const isGone = !tables.split('\n').includes(`table ${firewallTable(this.#interfaceName)}`);
    if (isGone) this.#applied = null;
    return isGone;
  }

  /** Null while there is no firewall. */
  async status(): Promise<FirewallStatus | null> {
    if (this.#applied === null) return null;
    const filter = this.#filter;
    const counts = await this.#counts();
    return {
      rules:
        filter?.rules.map(({ id, destinations, services }, position) => ({
          ...(counts.get(ruleCounter(position)) ?? ZERO),
          id,
          destinations: [...destinations],
          services,
        })) ?? null,
      denied: filter === undefined ? null : (counts.get(DENIED_COUNTER) ?? ZERO),
      foreign: counts.get(FOREIGN_COUNTER) ?? ZERO,
      unasked: counts.get(UNASKED_COUNTER) ?? ZERO,
    };
  }

  /** Of the table that this agent set. */
  async #counts(): Promise<Counts> {
    if (this.#applied === null) return new Map();
    const [family, table] = firewallTable(this.#interfaceName).split(' ') as [string, string];
    const { nftables } = JSON.parse(
      await runCommand('nft', ['-j', 'list', 'counters', 'table', family, table]),
    ) as { nftables: { counter?: Count & { name: string } }[] };
    return new Map(
      nftables.flatMap(({ counter }) =>
        counter === undefined ? [] : [[counter.name, { packets: counter.packets, bytes: counter.bytes }]],
      ),
    );
  }

  /** Takes away the table of an agent that was killed. */
  static async removeLeftovers(interfaceName: string): Promise<void> {
    const table = firewallTable(interfaceName).split(' ');
    const left = await runCommand('nft', ['list', 'table', ...table]).catch(() => null);
    if (left !== null) await runCommand('nft', ['-f', '-'], withoutFirewall(interfaceName));
  }

  async close(): Promise<void> {
    if (this.#applied !== null) await runCommand('nft', ['-f', '-'], withoutFirewall(this.#interfaceName));
  }
}
