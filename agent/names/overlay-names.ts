import { describeError } from '../../shared/errors.ts';
import { canonicalIp, parseIp } from '../../shared/ip.ts';
import type { Logger } from '../../shared/log.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';
import type { NetworkMap } from '../mesh/network-map.ts';
import type { Responder } from './responder.ts';
import { NameServer } from './server.ts';
import { Zone } from './zone.ts';

/**
 * Answers DNS at this host's overlay addresses: for the plain WireGuard devices that it is the gateway of, which have no other way to
 * names of the mesh, each of those that it may know of; and at an exit node for those that use it, names of the Internet alone, for
 * names of the mesh they have their own agents. Who may use it the firewall knows (mesh/exit-dns.ts). Throws nothing.
 */
export class OverlayNames {
  readonly #responder: Responder;
  readonly #log: Logger;
  #servers: NameServer[] = [];
  /** Where they are to be. */
  #addresses: readonly string[] = [];
  /** By the device's address, what it may know; undefined for everything. */
  #zones = new Map<string, Zone | undefined>();
  /** For users of this exit node: a zone without names, and the overlay's ranges that they ask from. Null where it is none. */
  #exit: { zone: Zone; overlay: Prefix[] } | null = null;
  #reason = '';

  constructor(responder: Responder, log: Logger) {
    this.#responder = responder;
    this.#log = log;
  }

  /** False where it is to be tried again. */
  get isServing(): boolean {
    return this.#servers.length === this.#addresses.length;
  }

  async bringTo(map: NetworkMap): Promise<void> {
    this.#zones = deviceZones(map);
    const { addresses: own, exitNodeApproved, networkPrefixes } = map.self;
    this.#exit = exitNodeApproved
      ? {
          zone: new Zone(map, () => false),
          overlay: networkPrefixes.map((cidr) => parsePrefix(cidr) as Prefix),
        }
      : null;
    const addresses = this.#zones.size === 0 && this.#exit === null ? [] : own;
    if (addresses.join() === this.#addresses.join() && this.isServing) return;
    await this.close();
    this.#addresses = addresses;
    for (const address of addresses) {
      try {
        this.#servers.push(await this.#serveAt(address));
      } catch (error) {
        const reason = describeError(error);
        if (reason !== this.#reason)
          this.#log.warn({ reason }, 'no names for devices and users of this exit node');
        this.#reason = reason;
      }
    }
  }

  async close(): Promise<void> {
    this.#addresses = [];
    await Promise.all(this.#servers.splice(0).map((server) => server.close()));
  }

  #serveAt(address: string): Promise<NameServer> {
    return NameServer.open({
      addresses: [address],
      mayAsk: (from) => this.#isDevice(from) || this.#usesExit(from),
      answer: (query, byUdp, from) => this.#responder.answerOther(query, byUdp, this.#zoneFor(from)),
      onForeign: () => this.#responder.count('foreign'),
    });
  }

  #isDevice(from: string): boolean {
    return this.#zones.has(canonicalIp(from) ?? '');
  }

  #usesExit(from: string): boolean {
    const address = parseIp(from);
    return address !== null && (this.#exit?.overlay ?? []).some((prefix) => prefixContains(prefix, address));
  }

  #zoneFor(from: string): Zone | undefined {
    return this.#isDevice(from) ? this.#zones.get(canonicalIp(from) ?? '') : this.#exit?.zone;
  }
}

/** By address of each device that the host of a map is the gateway of, the names that it may know. */
function deviceZones(map: NetworkMap): Map<string, Zone | undefined> {
  const sees = new Map(map.self.carriedDevices.map(({ nodeId, seesNodeIds }) => [nodeId, seesNodeIds]));
  const zones = new Map<string, Zone | undefined>();
  for (const { nodeId, addresses, device } of map.peers) {
    if (device?.gateway !== map.self.nodeId) continue;
    const known = new Set([nodeId, ...(sees.get(nodeId) ?? [])]);
    // Without a policy everybody knows of everybody.
    const zone = map.self.filter === undefined ? undefined : new Zone(map, (id) => known.has(id));
    for (const address of addresses) zones.set(canonicalIp(address) ?? address, zone);
  }
  return zones;
}
