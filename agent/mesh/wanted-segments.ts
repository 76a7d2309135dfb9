import type { NetworkMap } from './network-map.ts';
import type { WantedState } from './wanted-state.ts';

/** A layer 2 segment as this host is to have it. */
export interface WantedSegment {
  name: string;
  vni: number;
  /** The network device's name. */
  device: string;
  /** A bridge of this host that the device is a port of; null for none. */
  bridge: string | null;
  /** This host's IPv4 address in the mesh, which frames are sent from. */
  local: string;
  /** The other members' addresses, sorted: who gets a copy of every frame whose place is not known. */
  members: string[];
}

/**
 * The segments that this host asked for and that were granted, with those of their members that are peers now. The outer packets
 * are IPv4, which every node has in the mesh, whatever the underlay is.
 */
export function wantedSegments(
  map: NetworkMap,
  wanted: Pick<WantedState, 'peers'>,
  chosen: readonly { name: string; bridge: string | null }[],
): WantedSegment[] {
  const alive = new Set(wanted.peers.map(({ nodeId }) => nodeId));
  const local = four(map.self.addresses);
  if (local === undefined) return [];
  return chosen.flatMap(({ name, bridge }) => {
    const vni = map.self.segments.find((segment) => segment.name === name)?.vni;
    if (vni === undefined) return [];
    const members = map.peers
      .filter((peer) => alive.has(peer.nodeId) && peer.segments.includes(name))
      .flatMap((peer) => four(peer.addresses) ?? []);
    return [{ name, vni, device: `seg-${name}`, bridge, local, members: members.sort() }];
  });
}

function four(addresses: readonly string[]): string | undefined {
  return addresses.find((address) => !address.includes(':'));
}
