import { parseEndpoint } from '../../../shared/endpoint.ts';
import { type Prefix, parsePrefix, prefixContains } from '../../../shared/prefix.ts';
import type { Granted } from '../grants.ts';
import { isExpired } from '../joining.ts';
import { type Decided, takesPart } from '../standing.ts';
import { type PairedDevice, placeIn, wayBetween } from './device-pairs.ts';

/** What the file of a plain WireGuard device says, but for its private key: plain data, kept as JSON. */
export interface DeviceFile {
  /** Own ones as host prefixes. */
  readonly addresses: readonly string[];
  /** Where it asks for names; empty for nowhere. */
  readonly resolvers: readonly string[];
  /** Searched for names without dots; null where it asks for none. */
  readonly searchDomain: string | null;
  /** The first is the gateway. */
  readonly peers: readonly DevicePeer[];
}

/** An agent that the device dials. */
export interface DevicePeer {
  readonly nodeId: string;
  readonly name: string;
  /** Base64. */
  readonly publicKey: string;
  /** `ADDRESS:PORT`. */
  readonly endpoint: string;
  /** CIDRs. */
  readonly allowedIps: readonly string[];
}

/** The file that a device was given last. Agents go by it: the device does what it says, and nobody can tell it anything else. */
export interface DeviceState {
  readonly file: DeviceFile;
  /** Milliseconds since the epoch. */
  readonly handedOutAt: number;
  /** Whether names are to be asked for at the gateway. */
  readonly wantsNames: boolean;
  /** Id of the agent that is to be its gateway wherever that is connected; absent for any. */
  readonly preferred?: string;
}

/** What may be a device's peer. */
export interface DialledNode extends Granted, Decided {
  readonly id: string;
  readonly name: string;
  readonly publicKey: string;
  readonly address4: string;
  readonly address6: string;
  readonly online: boolean;
  readonly createdAt: number;
  readonly keyExpiresAt: number;
  /** Where any host can begin with it, best first. */
  readonly reachableEndpoints: readonly string[];
  readonly acceptsRoutes: boolean;
  readonly device: DeviceState | null;
}

/** A device with the file that it has. */
export interface KnownDevice extends DialledNode {
  readonly file: DeviceFile;
}

export interface FileSources {
  readonly device: PairedDevice;
  readonly wantsNames: boolean;
  /** As in DeviceState. */
  readonly preferred?: string | undefined;
  readonly nodes: readonly DialledNode[];
  /** Those of the nodes that are devices, as devicesAmong() has them. */
  readonly devices: readonly KnownDevice[];
  readonly network: { readonly prefix4: string; readonly prefix6: string; readonly zone: string };
  /** Of the routes that a node carries those which the policy lets the device use; null where it may not know of the node. */
  readonly routesFor: (node: DialledNode) => readonly string[] | null;
  /** What it was given last: nothing of it changes without need. */
  readonly last: DeviceFile | null;
  /** As in WantedPeers; absent for a file that is to be handed out. */
  readonly leavesToNewer?: boolean;
  readonly now: number;
}

/** Keepalives go to each, by battery; a QR code has room for no more. */
const MAX_PEERS = 8;

/**
 * What a device should be given now; null while no agent can be dialled. Agents that can are its peers, as far as the policy lets it
 * know of them; one of them, its gateway, has the whole overlay and so all the others, but for some devices with another gateway
 * (device-pairs.ts).
 *
 * The gateway is the one that is preferred, or else that of before, for as long as it can be dialled and no other is connected while
 * it is not. A new one is the first of those connected, that accept routes, that joined first.
 */
export function wantedFile(sources: FileSources): DeviceFile | null {
  const { device, wantsNames, network, routesFor, last } = sources;
  const dialled = candidates(sources);
  const [first] = dialled;
  if (first === undefined) return null;
  const known = new Set(last?.peers.map(({ nodeId }) => nodeId));
  const devices = sources.devices.filter(({ id }) => id !== device.id);
  const gateways = new Set(devices.map(({ file }) => file.peers[0]?.nodeId));
  const rank = ({ id }: DialledNode) => 2 * Number(known.has(id)) + Number(gateways.has(id));
  const gateway = gatewayAmong(dialled, [sources.preferred, last?.peers[0]?.nodeId]) as DialledNode;
  const others = dialled
    .filter((node) => node !== gateway && routesFor(node) !== null)
    .sort((a, b) => rank(b) - rank(a))
    .slice(0, MAX_PEERS - 1);
  const direct = [gateway, ...others];
  const endpoints = direct.map(({ reachableEndpoints }) => reachableEndpoints[0] as string);
  const routes = routesOver(direct, sources, endpoints);
  const ways = waysToDevices(
    sources,
    devices,
    direct.map(({ id }) => id),
  );
  return {
    addresses: hostPrefixes(device),
    resolvers: wantsNames ? [gateway.address4, gateway.address6] : [],
    searchDomain: wantsNames ? network.zone : null,
    peers: direct.map((node, index) => ({
      nodeId: node.id,
      name: node.name,
      publicKey: node.publicKey,
      endpoint: endpoints[index] as string,
      allowedIps: [
        ...(node === gateway ? [network.prefix4, network.prefix6] : hostPrefixes(node)),
        ...(ways.get(node.id) ?? []),
        ...(routes.get(node.id) ?? []),
      ],
    })),
  };
}

/** Those that can be dialled, the best gateway first. */
function candidates({ nodes, now }: FileSources): DialledNode[] {
  return nodes
    .filter((node) => isActiveAgent(node, now) && node.reachableEndpoints.length > 0)
    .sort(
      (a, b) =>
        Number(b.online) - Number(a.online) ||
        Number(b.acceptsRoutes) - Number(a.acceptsRoutes) ||
        a.createdAt - b.createdAt ||
        (a.id < b.id ? -1 : 1),
    );
}

/** The devices among nodes, those first that were added first. */
export function devicesAmong(nodes: readonly DialledNode[]): KnownDevice[] {
  return nodes
    .flatMap((node) => (node.device === null ? [] : [{ ...node, file: node.device.file }]))
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

/** What is to be said of other devices, by the agent that they are reached through: of those that it may know of, or was told of before. */
function waysToDevices(
  { device, routesFor, last, leavesToNewer = false }: FileSources,
  devices: readonly KnownDevice[],
  dials: readonly string[],
): Map<string, string[]> {
  const ways = new Map<string, string[]>();
  for (const other of devices) {
    const way = wayBetween(device, { dials, last, leavesToNewer }, other);
    if (way === null) continue;
    const isTold = last !== null && placeIn(last, other) !== null;
    if (!isTold && routesFor(other) === null) continue;
    const prefixes = ways.get(way) ?? [];
    prefixes.push(...hostPrefixes(other));
    ways.set(way, prefixes);
  }
  return ways;
}

function isActiveAgent(node: DialledNode, now: number): boolean {
  return node.device === null && takesPart(node) && !isExpired(node.keyExpiresAt, now);
}

/** Of those that would do, the first of `ids`, or else the best. */
function gatewayAmong(
  dialled: readonly DialledNode[],
  ids: readonly (string | undefined)[],
): DialledNode | undefined {
  const [best] = dialled;
  const wouldDo = (node: DialledNode) => node.online || best?.online !== true;
  return ids.flatMap((id) => dialled.find((node) => node.id === id && wouldDo(node)) ?? [])[0] ?? best;
}

/**
 * Networks behind agents, by the peer that they are reached through: the router itself where it is one, else the gateway, if that
 * sends what is for networks. A network that holds the endpoint of a peer would cut off that peer, and is left out.
 */
function routesOver(
  direct: readonly DialledNode[],
  { nodes, routesFor, now }: FileSources,
  endpoints: readonly string[],
): Map<string, string[]> {
  const [gateway] = direct as [DialledNode];
  const taken = new Set<string>();
  const routes = new Map<string, string[]>();
  const outer = endpoints.flatMap((text) => parseEndpoint(text)?.address ?? []);
  const take = (carrier: DialledNode, offered: readonly string[]) => {
    for (const route of offered) {
      const prefix = parsePrefix(route) as Prefix;
      if (taken.has(route) || outer.some((address) => prefixContains(prefix, address))) continue;
      taken.add(route);
      routes.set(carrier.id, [...(routes.get(carrier.id) ?? []), route].sort());
    }
  };
  const onlineFirst = [...direct].sort((a, b) => Number(b.online) - Number(a.online));
  for (const node of onlineFirst) take(node, routesFor(node) ?? []);
  if (!gateway.acceptsRoutes) return routes;
  for (const node of nodes) {
    if (isActiveAgent(node, now)) take(gateway, routesFor(node) ?? []);
  }
  return routes;
}

function hostPrefixes({ address4, address6 }: { address4: string; address6: string }): string[] {
  return [`${address4}/32`, `${address6}/128`];
}

/** The node that forwards for a device; empty for none. */
export function gatewayOf({ file }: DeviceState): string {
  return file.peers[0]?.nodeId ?? '';
}

/** Whether a node is a peer in a device's file. */
export function isDialled({ file }: DeviceState, nodeId: string): boolean {
  return file.peers.some((peer) => peer.nodeId === nodeId);
}
