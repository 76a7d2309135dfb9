import type { Candidate } from '../paths/candidate.ts';
import type { PathView, PeerPathStatus } from '../paths/path-sink.ts';
import type { PeerEndpoint } from '../wireguard/configuration.ts';
import { endpointOf, UdpAddress } from '../wireguard/udp-address.ts';
import type { PathSnapshot, PlainCandidate, PlainPath, PlainPathsChange } from './commands.ts';
import type { PathsChange } from './path-search.ts';

/** Path discovery's values on their way between threads, where objects become plain data. */

export function pathsChange(plain: PlainPathsChange): PathsChange {
  const { candidates, peers, stunServers, local, ...rest } = plain;
  return {
    ...rest,
    ...(stunServers === undefined ? {} : { stunServers: stunServers.map(addressOf) }),
    ...(local === undefined ? {} : { local: local.map(addressOf) }),
    ...(candidates === undefined ? {} : { candidates: candidates.map(candidate) }),
    ...(peers === undefined
      ? {}
      : {
          peers: peers.map(({ publicKey, candidates }) => ({
            publicKey,
            candidates: candidates.map(candidate),
          })),
        }),
  };
}

function candidate({ kind, endpoint }: PlainCandidate): Candidate {
  return { kind, address: addressOf(endpoint) };
}

function addressOf({ address, port, scope }: PeerEndpoint): UdpAddress {
  return UdpAddress.from(address, port, scope);
}

export function plainPath(path: PathView | null): PlainPath | null {
  if (path === null) return null;
  const { kind, address, roundTrip } = path;
  return {
    endpoint: endpointOf(address),
    kind,
    class: path.class,
    roundTrip: Number.isFinite(roundTrip) ? roundTrip : null,
  };
}

/** `epoch`: what the wall clock said when the monotonic one said 0. */
export function pathSnapshot(status: PeerPathStatus, epoch: number): PathSnapshot {
  const { path, why, since, changes, probing, sprays, tried } = status;
  return {
    path: plainPath(path),
    why,
    since: since + epoch,
    changes,
    probing,
    sprays,
    tried: tried.map((each) => ({
      ...(plainPath(each) as PlainPath),
      provenAt: Number.isFinite(each.provenAt) ? each.provenAt + epoch : null,
    })),
  };
}
