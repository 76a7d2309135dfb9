import { type Endpoint, parseEndpoint } from '../../shared/endpoint.ts';
import { keyFromBase64 } from '../../shared/key.ts';
import { type Prefix, parsePrefix } from '../../shared/prefix.ts';
import type { PeerChange } from '../wireguard/configuration.ts';
import { candidateAt, type MeshCandidate } from './own-candidates.ts';
import type { StandIns, WantedPeer } from './wanted-state.ts';

export interface PeerCandidates {
  publicKey: Uint8Array;
  candidates: MeshCandidate[];
}

/** What brings a device from one set of peers to another: removals first, so that a prefix is free before its next owner comes. */
export function peerChanges(before: readonly WantedPeer[], after: readonly WantedPeer[]): PeerChange[] {
  const old = new Map(before.map((peer) => [peer.publicKey, peer]));
  const changes = removals(before, after);
  for (const peer of after) {
    const known = old.get(peer.publicKey);
    const sameIps = known !== undefined && sameList(known.allowedIps, peer.allowedIps);
    const sameGroup = (known?.inGroup ?? false) === peer.inGroup;
    if (sameIps && sameGroup) continue;
    changes.push({
      publicKey: keyFromBase64(peer.publicKey) as Uint8Array,
      ...(sameGroup ? {} : { inGroup: peer.inGroup }),
      ...(sameIps
        ? {}
        : {
            replaceAllowedIps: true,
            allowedIps: peer.allowedIps.map((cidr) => ({ prefix: parsePrefix(cidr) as Prefix })),
          }),
    });
  }
  return changes;
}

/** Those of the changes that take peers away. */
export function removals(before: readonly WantedPeer[], after: readonly WantedPeer[]): PeerChange[] {
  const kept = new Set(after.map((peer) => peer.publicKey));
  return before
    .filter((peer) => !kept.has(peer.publicKey))
    .map((peer) => ({ publicKey: keyFromBase64(peer.publicKey) as Uint8Array, remove: true }));
}

/** Where peers may be that are new, or may be elsewhere than before: for path discovery, once the device has them. */
export function candidateChanges(
  before: readonly WantedPeer[],
  after: readonly WantedPeer[],
): PeerCandidates[] {
  const old = new Map(before.map((peer) => [peer.publicKey, peer]));
  return after
    .filter(({ isDevice }) => !isDevice)
    .filter(({ publicKey, endpoints }) => !sameList(old.get(publicKey)?.endpoints ?? NONE, endpoints))
    .map(({ publicKey, endpoints }) => ({
      publicKey: keyFromBase64(publicKey) as Uint8Array,
      candidates: endpoints.map((text) => candidateAt(parseEndpoint(text) as Endpoint)),
    }));
}

/** What the device is to know of peers that stand in for each other. */
export function standInChange({ route, publicKeys }: StandIns): { prefix: Prefix; publicKeys: Uint8Array[] } {
  return {
    prefix: parsePrefix(route) as Prefix,
    publicKeys: publicKeys.map((key) => keyFromBase64(key) as Uint8Array),
  };
}

/** Not equal to any list of endpoints, so that a new peer without one is told of too. */
const NONE = [''];

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
