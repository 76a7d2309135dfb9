import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { WarrenError } from '../../shared/errors.ts';
import { type Prefix, parsePrefix, prefixesOverlap } from '../../shared/prefix.ts';
import {
  killSwitchRules,
  killSwitchTable,
  type ValidMarkBefore,
  validMarkBefore,
  withoutKillSwitch,
} from '../mesh/kill-switch.ts';
import type { NetworkMap } from '../mesh/network-map.ts';
import { type OutsideFlow, outsideFlows } from '../mesh/outside-flows.ts';
import type { WantedState } from '../mesh/wanted-state.ts';
import { defaultGateway } from '../port-mapping/default-gateway.ts';
import { forgetBootGuard, isShuttingDown, saveBootGuard } from './boot-guard.ts';
import { ExitRoutes } from './exit-routes.ts';
import type { HostFeature } from './host-feature.ts';
import { localAddresses } from './local-addresses.ts';
import { hostBridges, networksOf, privateNetworks } from './local-networks.ts';
import { runCommand } from './run-command.ts';

const CONF = '/proc/sys/net/ipv4/conf';
const VALID_MARK = `${CONF}/all/src_valid_mark`;

export interface ExitUseOptions {
  /** The tunnel's. */
  interfaceName: string;
  /** The agent's folder. */
  stateFolder: string;
  listenPort: () => number;
  /** Coordinator and relays, as far as their addresses are known. */
  servers: (map: NetworkMap) => { address: string; port: number }[];
  /** Whether private networks that this host is connected to are reached without the exit. */
  allowsLan: () => boolean;
  /** Whether this host's programs ask the agent for names, and so no resolver of the local network. */
  acceptDns: boolean;
}

/**
 * This host as one whose Internet is behind an exit node. First nothing may leave but by the tunnel, then the routes lead there; both
 * stay when the agent is killed.
 */
export class ExitUse {
  readonly features: HostFeature[];
  readonly #options: ExitUseOptions;
  readonly #routes = new ExitRoutes();
  #flows: OutsideFlow[] = [];
  #local: string[] = [];
  #gateway: string | null = null;
  /** Undefined while nothing of it stands. */
  #before: ValidMarkBefore | undefined;
  #applied = '';
  #isRouting = false;
  #hasLooked = false;
  /** A killed predecessor's. */
  #wasThere = false;
  #isKept = false;

  constructor(options: ExitUseOptions) {
    this.#options = options;
    this.features = [
      {
        when: 'before-peers',
        apply: (map, wanted) => this.#guard(map, wanted),
        close: () => this.#end(() => this.#unguard()),
      },
      {
        when: 'after-routes',
        apply: (map, wanted) => this.#route(map, wanted),
        close: () => this.#end(() => this.#unroute()),
      },
    ];
  }

  /**
   * Leaves all of it on the host when the agent ends because it failed: nobody asked for an open Internet. Of one that did not even
   * start, only what was there before.
   */
  keep(hasStarted: boolean): void {
    this.#isKept ||= hasStarted || this.#wasThere;
  }

  /** Whether it is time to apply again though no map came: another router, or rules that somebody took away. */
  async isOutdated(): Promise<boolean> {
    if (this.#applied === '') return false;
    const gateway = await gatewayOf(this.#options.interfaceName);
    return gateway !== this.#gateway || !(await this.#routes.areWhole());
  }

  async #guard(map: NetworkMap, { exit }: WantedState): Promise<void> {
    const { interfaceName, stateFolder, listenPort, servers, allowsLan, acceptDns } = this.#options;
    if (!this.#hasLooked) {
      this.#hasLooked = true;
      this.#before = await leftBehind(interfaceName);
      this.#wasThere = this.#before !== undefined;
      this.#isRouting = this.#wasThere;
    }
    if (exit === null) {
      forgetBootGuard(stateFolder);
      await this.#unroute();
      await this.#unguard();
      return;
    }
    await refuseAnother(interfaceName);
    const inner = new Set((await hostBridges()).inner);
    const carried = map.self.approvedRoutes;
    const kept = allowsLan() ? privateNetworks(interfaceName, inner) : null;
    this.#local = [...new Set([...carried, ...(kept ?? []), ...networksOf(inner)])];
    if (kept !== null) this.#local.push('224.0.0.0/4');
    this.#gateway = await gatewayOf(interfaceName);
    this.#flows = outsideFlows({
      user: process.geteuid?.() ?? 0,
      listenPort: listenPort(),
      servers: servers(map),
      gateway: this.#gateway,
    });
    const before = this.#before ?? (needsValidMark(interfaceName) ? read(VALID_MARK) : null);
    const rules = killSwitchRules(
      {
        interfaceName,
        flows: this.#flows,
        carried,
        kept,
        keepsResolvers: !acceptDns,
        inner: [...inner],
      },
      before,
    );
    // Whoever loads a ruleset of his own may have flushed it.
    if (rules === this.#applied && (await leftBehind(interfaceName)) !== undefined) return;
    await runCommand('nft', ['-f', '-'], rules);
    saveBootGuard(stateFolder, rules);
    this.#before = before;
    this.#applied = rules;
    if (before !== null) write(VALID_MARK, '1');
  }

  async #route(map: NetworkMap, { exit, routes }: WantedState): Promise<void> {
    if (exit === null) return;
    this.#isRouting = true;
    const connected = localAddresses(this.#options.interfaceName).map(
      ({ cidr }) => parsePrefix(cidr) as Prefix,
    );
    const isApart = (cidr: string) =>
      !connected.some((each) => prefixesOverlap(each, parsePrefix(cidr) as Prefix));
    const others = routes.filter((cidr) => !map.self.networkPrefixes.includes(cidr));
    await this.#routes.apply({
      interfaceName: this.#options.interfaceName,
      isOpen: exit.nodeId !== null,
      mesh: [...map.self.networkPrefixes, ...others.filter(isApart)],
      // A network that this host is connected to is what its own routes say, as without an exit.
      local: [...new Set([...this.#local, ...others.filter((cidr) => !isApart(cidr))])],
      flows: this.#flows,
    });
  }

  /** An orderly end gives all back, but not while the host goes down. */
  async #end(giveBack: () => Promise<void>): Promise<void> {
    if (this.#before !== undefined && !this.#isKept) this.#isKept = await isShuttingDown();
    await giveBack();
  }

  async #unroute(): Promise<void> {
    if (!this.#isRouting || this.#isKept) return;
    await this.#routes.remove();
    this.#isRouting = false;
  }

  async #unguard(): Promise<void> {
    if (this.#before === undefined || this.#isKept) return;
    await takeDown(this.#options.interfaceName, this.#before);
    this.#before = undefined;
    this.#applied = '';
  }
}

/** Gives this host its Internet back where an agent that was killed has kept it, at the next boot too; where none has, does nothing. */
export async function removeExitLeftovers(interfaceName: string, stateFolder: string): Promise<void> {
  forgetBootGuard(stateFolder);
  const before = await leftBehind(interfaceName);
  if (before === undefined) return;
  await new ExitRoutes().remove();
  await takeDown(interfaceName, before);
}

async function gatewayOf(interfaceName: string): Promise<string | null> {
  return (await defaultGateway(interfaceName).catch(() => null))?.address ?? null;
}

async function takeDown(interfaceName: string, before: ValidMarkBefore): Promise<void> {
  if (before !== null) write(VALID_MARK, before);
  await runCommand('nft', ['-f', '-'], withoutKillSwitch(interfaceName));
}

/** What a killed predecessor's table says; undefined without one. */
async function leftBehind(interfaceName: string): Promise<ValidMarkBefore | undefined> {
  const table = killSwitchTable(interfaceName).split(' ');
  return validMarkBefore(await runCommand('nft', ['list', 'table', ...table]).catch(() => ''));
}

/** The table of routes and its rules are one a host. */
async function refuseAnother(interfaceName: string): Promise<void> {
  const tables = await runCommand('nft', ['list', 'tables']);
  const other = tables
    .split('\n')
    .map((line) => line.replace(/^table /, '').trim())
    .find((table) => table.startsWith(killSwitchTable('')) && table !== killSwitchTable(interfaceName));
  if (other === undefined) return;
  throw new WarrenError('conflict', `another agent of this host has an exit node (nftables: ${other})`, {
    hint: 'use one exit node a host: bin/agent exit-node off',
  });
}

/** Whether the kernel checks by what interface a source would be answered (rp_filter 1, strict): then it has to look at marks. */
function needsValidMark(tunnel: string): boolean {
  if (!existsSync(VALID_MARK) || read(VALID_MARK) === '1') return false;
  const of = (name: string) => Number(read(`${CONF}/${name}/rp_filter`));
  const all = of('all');
  // The kernel takes the larger of both, and 2 is the loose check.
  return readdirSync(CONF)
    .filter((name) => !['all', 'default', 'lo', tunnel].includes(name))
    .some((name) => Math.max(all, of(name)) === 1);
}

function read(file: string): string {
  return readFileSync(file, 'utf8').trim();
}

function write(file: string, value: string): void {
  if (read(file) === value) return;
  try {
    writeFileSync(file, value);
  } catch (cause) {
    throw new WarrenError('permission-denied', `${file} is not writable`, {
      hint: 'set net.ipv4.conf.all.src_valid_mark to 1 from outside, or rp_filter to 2, as in a container',
      cause,
    });
  }
}
