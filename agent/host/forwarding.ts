import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describeError, WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import {
  type ForwardingBefore,
  forwardingBefore,
  forwardingRules,
  forwardingTable,
  withoutForwarding,
} from '../mesh/forwarding-rules.ts';
import type { NetworkMap } from '../mesh/network-map.ts';
import { wantedTransit } from '../mesh/transit.ts';
import type { WantedState } from '../mesh/wanted-state.ts';
import type { HostFeature } from './host-feature.ts';
import { connectedNetworks, type HostBridges, hostBridges } from './local-networks.ts';
import { runCommand } from './run-command.ts';

const FOUR = '/proc/sys/net/ipv4/ip_forward';
const SIX = '/proc/sys/net/ipv6/conf/all/forwarding';
const INTERFACES = '/proc/sys/net/ipv6/conf';

/**
 * Makes this host forward what the mesh sends to networks behind it, for as long as one of its offers is granted, and what its plain
 * WireGuard devices send, for as long as it has some: the kernel's forwarding, put back to what it was, and the translation of sources.
 * Where forwarding was off nothing else is forwarded.
 */
export class Forwarding implements HostFeature {
  readonly when = 'after-routes';
  readonly #interfaceName: string;
  readonly #translatesSources: boolean;
  readonly #siteToSite: boolean;
  #before: ForwardingBefore | null = null;
  #applied = '';
  #bridges: HostBridges | null = null;
  #hasLooked = false;
  readonly #log: Logger | null;
  /** Why devices are not forwarded for, as told already. */
  #told = '';

  constructor(
    interfaceName: string,
    { translatesSources, siteToSite }: { translatesSources: boolean; siteToSite: boolean },
    log: Logger | null = null,
  ) {
    this.#log = log;
    this.#interfaceName = interfaceName;
    this.#translatesSources = translatesSources;
    this.#siteToSite = siteToSite;
  }

  /** Throws `permission-denied` where forwarding cannot be switched on, `unsupported` without nftables; for devices alone neither. */
  async apply(map: NetworkMap, wanted: WantedState): Promise<void> {
    const { self } = map;
    const forwardsForDevices = wantedTransit(map, wanted) !== null;
    await this.#findLeftovers();
    if (self.approvedRoutes.length === 0 && !self.exitNodeApproved && !forwardsForDevices) {
      await this.#end();
      return;
    }
    const before = this.#before ?? { four: read(FOUR), six: read(SIX) };
    if (wasOff(before)) this.#bridges ??= await hostBridges();
    const rules = forwardingRules(
      {
        interfaceName: this.#interfaceName,
        overlay: self.networkPrefixes,
        routes: self.approvedRoutes,
        mappings: self.mappings,
        isExit: self.exitNodeApproved,
        connected: self.exitNodeApproved ? connectedNetworks(this.#interfaceName) : [],
        elsewhere: wanted.elsewhere,
        siteToSite: this.#siteToSite,
        bridges: this.#bridges ?? { all: [], inner: [] },
        translatesSources: this.#translatesSources,
      },
      before,
    );
    const applied = `${rules}${forwardsForDevices}`;
    if (applied === this.#applied) return;
    const forItself = self.approvedRoutes.length > 0 || self.exitNodeApproved;
    try {
      await this.#switchOn(rules, before, self, forwardsForDevices);
      this.#applied = applied;
    } catch (error) {
      // That devices have this host as their gateway is the coordinator's choice: a host that cannot is as good a member as any.
      if (forItself) throw error;
      const reason = describeError(error);
      if (reason !== this.#told) this.#log?.warn({ reason }, 'devices are not forwarded for');
      this.#told = reason;
    }
  }

  /** Whether it is time to apply again though no map came: this host has other bridges. */
  async isOutdated(): Promise<boolean> {
    if (this.#bridges === null || this.#applied === '') return false;
    const known = JSON.stringify(this.#bridges);
    this.#bridges = await hostBridges();
    return JSON.stringify(this.#bridges) !== known;
  }

  /** The rules are set anew next time: somebody took them away. */
  forget(): void {
    this.#applied = '';
  }

  close(): Promise<void> {
    return this.#end();
  }

  async #switchOn(
    rules: string,
    before: ForwardingBefore,
    self: NetworkMap['self'],
    forwardsForDevices: boolean,
  ): Promise<void> {
    const isFirst = this.#before === null;
    // Known before it is done: of a command that was killed nobody knows whether it did it.
    this.#before = before;
    try {
      await runCommand('nft', ['-f', '-'], rules);
    } catch (error) {
      if (isFirst && error instanceof WarrenError && error.code === 'unsupported') this.#before = null;
      throw error;
    }
    if (isFirst && wasOff(before)) {
      this.#log?.info(before, 'forwarding is switched on, for the mesh alone where it was off');
    }
    write(FOUR, '1');
    const carriesSix = self.exitNodeApproved || self.approvedRoutes.some((cidr) => cidr.includes(':'));
    if (carriesSix || forwardsForDevices) forwardSix();
    else write(SIX, before.six);
  }

  /** Puts back what a killed agent has changed. */
  async removeLeftovers(): Promise<void> {
    await this.#findLeftovers();
    await this.#end();
  }

  /** What a killed predecessor left tells how things were. */
  async #findLeftovers(): Promise<void> {
    if (this.#hasLooked) return;
    this.#hasLooked = true;
    const table = forwardingTable(this.#interfaceName).split(' ');
    this.#before = forwardingBefore(await runCommand('nft', ['list', 'table', ...table]).catch(() => ''));
  }

  async #end(): Promise<void> {
    if (this.#before === null) return;
    write(FOUR, this.#before.four);
    write(SIX, this.#before.six);
    await runCommand('nft', ['-f', '-'], withoutForwarding(this.#interfaceName));
    this.#before = null;
    this.#bridges = null;
    this.#applied = '';
  }
}

/** In either family. */
function wasOff({ four, six }: ForwardingBefore): boolean {
  return four === '0' || six === '0';
}

/**
 * Forwards IPv6, but leaves each interface the host or router that it was: one that is a router takes no address and no default
 * route from the routers of its network any more (accept_ra in the kernel's ip-sysctl).
 */
function forwardSix(): void {
  if (!existsSync(SIX) || read(SIX) === '1') return;
  const were = readdirSync(INTERFACES)
    .filter((name) => name !== 'all' && name !== 'default')
    .map((name) => [`${INTERFACES}/${name}/forwarding`, read(`${INTERFACES}/${name}/forwarding`)] as const);
  write(SIX, '1');
  for (const [file, value] of were) write(file, value);
}

/** Without IPv6 there is no such setting: 0 then. */
function read(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '0';
}

function write(file: string, value: string): void {
  if (!existsSync(file) || read(file) === value) return;
  try {
    writeFileSync(file, value);
  } catch (cause) {
    throw new WarrenError('permission-denied', `forwarding cannot be switched: ${file} is not writable`, {
      hint: 'set net.ipv4.ip_forward and net.ipv6.conf.all.forwarding to 1 from outside, as in a container',
      cause,
    });
  }
}
