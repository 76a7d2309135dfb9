import type { NetworkMap } from './network-map.ts';
import { hostPrefix, type WantedState } from './wanted-state.ts';

/** What a host forwards within the mesh for plain WireGuard devices: it is their gateway. */
export interface Transit {
  /** Their addresses, host prefixes. */
  devices: string[];
  /** This host's, host prefixes. */
  own: string[];
  /** Where the others are, CIDRs. */
  towards: string[];
  /** What of that is this host's own to judge: its addresses, those devices and others that dial it, networks behind it. */
  except: string[];
}

/** Addresses of plain WireGuard devices that are peers of this host, host prefixes: nobody but it can judge what is sent to them. */
export function dialledByDevices({ peers }: NetworkMap, wanted: Pick<WantedState, 'peers'>): string[] {
  const present = new Set(wanted.peers.map(({ nodeId }) => nodeId));
  return peers
    .filter(({ nodeId, device }) => device?.direct === true && present.has(nodeId))
    .flatMap(({ addresses }) => addresses.map(hostPrefix));
}

/** Null for a host that is no device's gateway. */
export function wantedTransit(
  map: NetworkMap,
  wanted: Pick<WantedState, 'peers' | 'routes'>,
): Transit | null {
  const { self, peers } = map;
  const present = new Set(wanted.peers.map(({ nodeId }) => nodeId));
  const devices = peers
    .filter(({ nodeId, device }) => device?.gateway === self.nodeId && present.has(nodeId))
    .flatMap(({ addresses }) => addresses.map(hostPrefix));
  if (devices.length === 0) return null;
  const own = self.addresses.map(hostPrefix);
  return {
    devices,
    own,
    towards: wanted.routes,
    except: [...new Set([...own, ...devices, ...dialledByDevices(map, wanted), ...self.approvedRoutes])],
  };
}
