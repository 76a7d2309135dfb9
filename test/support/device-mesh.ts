/**
 * A mesh with plain WireGuard devices as packets see it: through the files that devices were handed and the maps that agents get, by
 * cryptokey routing and the firewall's verdicts, hop by hop. Everybody who may be called is there, and no time passes.
 */
import { checkMap, type NetworkMap } from '../../agent/mesh/network-map.ts';
import { dialledByDevices, type Transit, wantedTransit } from '../../agent/mesh/transit.ts';
import { hostPrefix, wantedState } from '../../agent/mesh/wanted-state.ts';
import type { DeviceFile, DeviceState, DialledNode } from '../../coordinator/network/devices/device-file.ts';
import { DeviceFiles } from '../../coordinator/network/devices/device-files.ts';
import { type MapNode, snapshotFor } from '../../coordinator/network/map.ts';
import { servicesInclude } from '../../coordinator/network/policy/services.ts';
import { DEFAULT_SETTINGS } from '../../coordinator/network/settings.ts';
import { Visibility, type VisibleNode } from '../../coordinator/network/visibility.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../shared/prefix.ts';
import { aMapNode } from './map-node.ts';
import { NETWORK } from './policies.ts';

export type MeshNode = DialledNode & VisibleNode & MapNode;

export interface MeshPacket {
  /** Addresses. */
  source: string;
  destination: string;
  protocol: number;
  port: number;
}

/** Nobody's forwarding takes longer: device, gateway, gateway, device. */
const MOST_HOPS = 4;

export function meshNode(
  id: string,
  n: number,
  changes: Partial<MeshNode> & { device?: DeviceState | null } = {},
): MeshNode {
  return {
    ...aMapNode(id),
    name: id,
    publicKey: Buffer.alloc(32, n).toString('base64'),
    address4: `100.64.0.${n}`,
    address6: `fd00::${n.toString(16)}`,
    reachableEndpoints: [],
    acceptsRoutes: false,
    owner: '',
    createdAt: n,
    device: null,
    ...changes,
  };
}

/** The network of one moment. */
export class DeviceMesh {
  readonly files: DeviceFiles;
  readonly #hops: ReadonlyMap<string, Hop>;

  constructor(nodes: readonly MeshNode[], policy: { document: string } | null) {
    const network = {
      ...NETWORK,
      epoch: 'e',
      version: 1,
      zone: 'warren',
      relays: [],
      settings: DEFAULT_SETTINGS,
      policy,
    };
    this.files = new DeviceFiles(network, nodes, 0);
    const visibility = new Visibility(network, nodes, policy);
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const mapOf = (viewer: MeshNode) => {
      const seen = [...visibility.peersOf(viewer.id)].map((id) => byId.get(id) as MeshNode);
      const { self, ...view } = snapshotFor(viewer, network, seen, 0, {
        carriedBy: (peer) => visibility.carriedFor(viewer.id, peer),
        filter: () => visibility.filterOf(viewer.id),
        notices: () => [],
        devices: () => [],
      });
      const peers = view.peers.map((peer) => ({ ...peer, device: peer.device ?? undefined }));
      return checkMap({ ...view, self: { ...self, filter: filterIn(self.filter) }, peers });
    };
    this.#hops = new Map(
      nodes.map((node) => [
        node.id,
        node.device === null ? new AgentHop(mapOf(node)) : new DeviceHop(node, node.device.file),
      ]),
    );
  }

  /** Whether a packet reaches whom it is for, and what that one answers comes back. */
  passes(from: string, to: string, packet: MeshPacket): boolean {
    const way = this.#walk(from, packet, false, new Set());
    if (way?.at(-1) !== to) return false;
    const back = { ...packet, source: packet.destination, destination: packet.source };
    return this.#walk(to, back, true, new Set(way))?.at(-1) === from;
  }

  /** Whom a packet came by, its sender first; null where it was dropped. `knows`: who saw the packet that this one answers. */
  #walk(from: string, packet: MeshPacket, isAnswer: boolean, knows: ReadonlySet<string>): string[] | null {
    const way = [from];
    let at = this.#hops.get(from) as Hop;
    let next = at.sends(packet, isAnswer);
    while (next !== null && way.length <= MOST_HOPS) {
      const previous = way.at(-1) as string;
      const hop = this.#hops.get(next) as Hop;
      way.push(next);
      if (!hop.takes(packet, previous, isAnswer && knows.has(next))) return null;
      if (hop.has(packet.destination)) return way;
      at = hop;
      next = at.forwards(packet, isAnswer && knows.has(way.at(-1) as string));
    }
    return null;
  }
}

/** `isAnswer`: to a packet of a connection that this one has seen. What is returned is the id of the peer that it goes to. */
interface Hop {
  has(address: string): boolean;
  sends(packet: MeshPacket, isAnswer: boolean): string | null;
  takes(packet: MeshPacket, from: string, isAnswer: boolean): boolean;
  forwards(packet: MeshPacket, isAnswer: boolean): string | null;
}

/** Cryptokey routing: the longest of the prefixes that hold an address. */
class Peers {
  readonly #owners = new Map<string, string>();
  readonly #networks: { prefix: Prefix; id: string }[] = [];

  constructor(peers: readonly { nodeId: string; allowedIps: readonly string[] }[]) {
    for (const { nodeId, allowedIps } of peers) {
      for (const cidr of allowedIps) {
        this.#owners.set(cidr, nodeId);
        if (!/\/(32|128)$/.test(cidr)) this.#networks.push({ prefix: prefixOf(cidr), id: nodeId });
      }
    }
  }

  of(address: string): string | null {
    const own = this.#owners.get(hostPrefix(address));
    if (own !== undefined) return own;
    return this.#networks.find(({ prefix }) => prefixContains(prefix, bytesOf(address)))?.id ?? null;
  }
}

class DeviceHop implements Hop {
  readonly #addresses: readonly string[];
  readonly #peers: Peers;

  constructor({ address4, address6 }: MeshNode, file: DeviceFile) {
    this.#addresses = [address4, address6];
    this.#peers = new Peers(file.peers);
  }

  has(address: string): boolean {
    return this.#addresses.includes(address);
  }

  sends({ destination }: MeshPacket): string | null {
    return this.#peers.of(destination);
  }

  takes({ source }: MeshPacket, from: string): boolean {
    return this.#peers.of(source) === from;
  }

  forwards(): null {
    return null;
  }
}

class AgentHop implements Hop {
  readonly #map: NetworkMap;
  readonly #peers: Peers;
  readonly #transit: Transit | null;
  readonly #guarded: readonly string[];

  constructor(map: NetworkMap) {
    const wanted = wantedState(map, { acceptRoutes: true }, 0);
    this.#map = map;
    this.#peers = new Peers(wanted.peers);
    this.#transit = wantedTransit(map, wanted);
    this.#guarded = dialledByDevices(map, wanted);
  }

  has(address: string): boolean {
    return this.#map.self.addresses.includes(address);
  }

  sends(packet: MeshPacket, isAnswer: boolean): string | null {
    if (isAnswer) return this.#answers(packet) ? this.#peers.of(packet.destination) : null;
    const guards = this.#guarded.includes(hostPrefix(packet.destination));
    return guards && !this.#lets(packet) ? null : this.#peers.of(packet.destination);
  }

  takes(packet: MeshPacket, from: string, isAnswer: boolean): boolean {
    if (this.#peers.of(packet.source) !== from) return false;
    if (isAnswer) return true;
    const { devices, except, towards } = this.#transit ?? NO_TRANSIT;
    if (!devices.includes(hostPrefix(packet.source)) || isWithin(except, packet.destination)) {
      return this.#lets(packet);
    }
    return isWithin(towards, packet.destination) || this.#lets(packet);
  }

  forwards(packet: MeshPacket, isAnswer: boolean): string | null {
    const { devices } = this.#transit ?? NO_TRANSIT;
    const ends = [packet.source, packet.destination].map(hostPrefix);
    if (!ends.some((end) => devices.includes(end))) return null;
    return isAnswer && !this.#answers(packet) ? null : this.#peers.of(packet.destination);
  }

  /** The chains of firewall-rules.ts and transit-rules.ts that judge an answer as it leaves. */
  #answers({ source, destination, protocol, port }: MeshPacket): boolean {
    const { devices, except } = this.#transit ?? NO_TRANSIT;
    if (devices.includes(hostPrefix(destination)) && !isWithin(except, source)) return true;
    return this.#lets({ source: destination, destination: source, protocol, port });
  }

  #lets({ source, destination, protocol, port }: MeshPacket): boolean {
    const { filter } = this.#map.self;
    if (filter === undefined) return true;
    return filter.rules.some(
      ({ sources, destinations, services }) =>
        isWithin(sources, source) &&
        isWithin(destinations, destination) &&
        servicesInclude(services, protocol, port),
    );
  }
}

const NO_TRANSIT: Transit = { devices: [], own: [], towards: [], except: [] };
const prefixes = new Map<string, Prefix>();

function prefixOf(cidr: string): Prefix {
  const known = prefixes.get(cidr);
  if (known !== undefined) return known;
  const prefix = parsePrefix(cidr) as Prefix;
  prefixes.set(cidr, prefix);
  return prefix;
}

function bytesOf(address: string) {
  return prefixOf(hostPrefix(address)).bytes;
}

function isWithin(cidrs: readonly string[], address: string): boolean {
  return cidrs.some((cidr) => prefixContains(prefixOf(cidr), bytesOf(address)));
}

/** As it comes out of a message: absent for null. */
function filterIn(rules: readonly unknown[] | null): { rules: unknown } | undefined {
  return rules === null ? undefined : { rules };
}
