import { type Prefix, parsePrefix, prefixContains } from '../../../shared/prefix.ts';
import type { DeviceFile, DevicePeer, DialledNode } from './device-file.ts';

/** How many changes of one file are told; the first says enough. */
const MAX_TOLD = 8;

type KnownNode = Pick<DialledNode, 'name' | 'online' | 'address4' | 'address6'>;

/**
 * Why the file that a device was given is not what it should be given now, in words; empty where it is good. `wanted` is null
 * while no agent can be dialled.
 */
export function whyOutOfDate(
  given: DeviceFile,
  wanted: DeviceFile | null,
  nodes: ReadonlyMap<string, KnownNode>,
): string[] {
  if (wanted === null) return ['no agent can be dialled any more'];
  const told: string[] = [];
  const [gateway, next] = [given.peers[0], wanted.peers[0]];
  if (gateway !== undefined && next !== undefined && gateway.nodeId !== next.nodeId) {
    const node = nodes.get(gateway.nodeId);
    const isPeer = wanted.peers.some(({ nodeId }) => nodeId === gateway.nodeId);
    const fate =
      node === undefined
        ? 'is no longer a member'
        : isPeer || !node.online
          ? 'is away'
          : 'can no longer be dialled';
    told.push(`its gateway ${gateway.name} ${fate}; ${next.name} would take its place`);
  }
  const overlay = given.peers[0]?.allowedIps.slice(0, 2) ?? [];
  const named = (cidrs: readonly string[]) => withNames(cidrs, nodes.values(), overlay);
  const after = new Map(wanted.peers.map((peer) => [peer.nodeId, peer]));
  for (const peer of given.peers) {
    const now = after.get(peer.nodeId);
    after.delete(peer.nodeId);
    // With another gateway much is reached otherwise, which is said by that.
    if (now !== undefined) {
      told.push(...changesOf(peer, now));
      if (gateway?.nodeId === next?.nodeId) told.push(...reachedOver(peer, now, named));
    } else if (peer !== gateway) told.push(`${peer.name} is no peer of it any more`);
  }
  for (const peer of after.values()) {
    if (peer.nodeId !== next?.nodeId || gateway?.nodeId === next.nodeId) {
      told.push(`${peer.name} could be a peer of it`);
    }
  }
  if (String(given.addresses) !== String(wanted.addresses)) told.push('its addresses are others');
  if (String(given.resolvers) !== String(wanted.resolvers) && gateway?.nodeId === next?.nodeId) {
    told.push('its resolvers are others');
  }
  if (given.searchDomain !== wanted.searchDomain) told.push('the zone is another');
  return told.slice(0, MAX_TOLD);
}

function changesOf(given: DevicePeer, wanted: DevicePeer): string[] {
  const told: string[] = [];
  if (given.publicKey !== wanted.publicKey) told.push(`${wanted.name} has another key`);
  if (given.endpoint !== wanted.endpoint)
    told.push(`${wanted.name} is at ${wanted.endpoint}, not ${given.endpoint}`);
  return told;
}

/** What is to be reached through a peer, and is not. `named`: texts for people of what is told. */
function reachedOver(
  given: DevicePeer,
  wanted: DevicePeer,
  named: (cidrs: readonly string[]) => string[],
): string[] {
  const without = (all: readonly string[], some: readonly string[]) => {
    const left = new Set(all);
    for (const cidr of some) left.delete(cidr);
    return named([...left]);
  };
  const more = without(wanted.allowedIps, given.allowedIps);
  const less = without(given.allowedIps, wanted.allowedIps);
  return [
    ...(more.length > 0 ? [`${more.join(', ')} could be reached through ${wanted.name}`] : []),
    ...(less.length > 0 ? [`${less.join(', ')} cannot be reached through ${wanted.name} any more`] : []),
  ];
}

/** Members by their names, others' networks as they are. Of addresses in the mesh that nobody has any more nothing need be said. */
function withNames(
  cidrs: readonly string[],
  nodes: Iterable<KnownNode>,
  overlay: readonly string[],
): string[] {
  if (cidrs.length === 0) return [];
  const names = new Map<string, string>();
  for (const { name, address4, address6 } of nodes) {
    for (const cidr of [`${address4}/32`, `${address6}/128`]) names.set(cidr, name);
  }
  const prefixes = overlay.map((cidr) => parsePrefix(cidr) as Prefix);
  const isOverlay = (cidr: string) =>
    prefixes.some((prefix) => prefixContains(prefix, (parsePrefix(cidr) as Prefix).bytes));
  return [...new Set(cidrs.flatMap((cidr) => names.get(cidr) ?? (isOverlay(cidr) ? [] : [cidr])))];
}
