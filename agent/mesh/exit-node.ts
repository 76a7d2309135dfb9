import { formatPrefix, type Prefix, parsePrefix } from '../../shared/prefix.ts';
import type { MapPeer, NetworkMap } from './network-map.ts';
import { without } from './routes-around.ts';

/** The exit node that the user chose, as he named it; `nodeId` once it was found, so that a rename changes nothing. */
export interface ExitChoice {
  name: string;
  nodeId: string | null;
}

/** Both families' Internet. */
export const EVERYTHING = ['0.0.0.0/0', '::/0'] as const;

/**
 * An exit's allowed IPs: everything but the overlay's ranges, CIDRs. What is for a member that has expired or left is not for the exit
 * to answer, and what has such a source is not from there.
 */
export function exitAllowedIps(overlay: readonly string[]): string[] {
  return overlay
    .map((cidr) => parsePrefix(cidr) as Prefix)
    .reduce(
      (left, own) => left.flatMap((block) => without(block, own)),
      EVERYTHING.map((cidr) => parsePrefix(cidr) as Prefix),
    )
    .map(formatPrefix);
}

/** The peer that a choice means, whatever it offers; null if this node sees none. */
export function chosenPeer(map: NetworkMap, { name, nodeId }: ExitChoice): MapPeer | null {
  const isIt = (peer: MapPeer) =>
    nodeId === null
      ? peer.name === name || peer.nodeId === name || peer.addresses.includes(name)
      : peer.nodeId === nodeId;
  return map.peers.find(isIt) ?? null;
}

/** For people and `agent exit-node list`: what a choice has come to. */
export type ExitState = 'in use' | 'offline' | 'not an exit node' | 'expired' | 'unknown';

/** `now` is the coordinator's clock. */
export function exitState(map: NetworkMap, choice: ExitChoice, now: number): ExitState {
  const peer = chosenPeer(map, choice);
  if (peer === null) return 'unknown';
  if (peer.keyExpiresAt !== 0 && peer.keyExpiresAt <= now) return 'expired';
  if (!peer.exitNode) return 'not an exit node';
  return peer.online ? 'in use' : 'offline';
}
