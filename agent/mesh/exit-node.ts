import type { MapPeer, NetworkMap } from './network-map.ts';

/** The exit node that the user chose, as he named it; `nodeId` once it was found, so that a rename changes nothing. */
export interface ExitChoice {
  name: string;
  nodeId: string | null;
}

/** Both families' Internet, as an exit's allowed IPs. */
export const EVERYTHING = ['0.0.0.0/0', '::/0'] as const;

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
