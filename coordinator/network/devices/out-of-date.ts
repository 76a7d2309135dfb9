import type { DeviceFile, DevicePeer, DialledNode } from './device-file.ts';

/** How many changes of one file are told; the first says enough. */
const MAX_TOLD = 8;

/**
 * Why the file that a device was given is not what it should be given now, in words; empty where it is good. `wanted` is null
 * while no agent can be dialled.
 */
export function whyOutOfDate(
  given: DeviceFile,
  wanted: DeviceFile | null,
  nodes: ReadonlyMap<string, Pick<DialledNode, 'name' | 'online'>>,
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
  const after = new Map(wanted.peers.map((peer) => [peer.nodeId, peer]));
  for (const peer of given.peers) {
    const now = after.get(peer.nodeId);
    after.delete(peer.nodeId);
    // With another gateway much is reached otherwise, which is said by that.
    if (now !== undefined) told.push(...changesOf(peer, now, gateway?.nodeId === next?.nodeId));
    else if (peer !== gateway) told.push(`${peer.name} is no peer of it any more`);
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

function changesOf(given: DevicePeer, wanted: DevicePeer, withNetworks: boolean): string[] {
  const told: string[] = [];
  if (given.publicKey !== wanted.publicKey) told.push(`${wanted.name} has another key`);
  if (given.endpoint !== wanted.endpoint)
    told.push(`${wanted.name} is at ${wanted.endpoint}, not ${given.endpoint}`);
  if (!withNetworks) return told;
  const without = (all: readonly string[], some: readonly string[]) =>
    all.filter((cidr) => !some.includes(cidr));
  const [more, less] = [
    without(wanted.allowedIps, given.allowedIps),
    without(given.allowedIps, wanted.allowedIps),
  ];
  if (more.length > 0) told.push(`${more.join(', ')} could be reached through ${wanted.name}`);
  if (less.length > 0) told.push(`${less.join(', ')} cannot be reached through ${wanted.name} any more`);
  return told;
}
