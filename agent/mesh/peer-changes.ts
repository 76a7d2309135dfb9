import { type Endpoint, parseEndpoint } from '../../shared/endpoint.ts';
import { keyFromBase64 } from '../../shared/key.ts';
import { type Prefix, parsePrefix } from '../../shared/prefix.ts';
import type { PeerChange } from '../wireguard/configuration.ts';
import type { WantedPeer } from './wanted-state.ts';

/** What brings a device from one set of peers to another: removals first, so that a prefix is free before its next owner comes. */
export function peerChanges(before: readonly WantedPeer[], after: readonly WantedPeer[]): PeerChange[] {
  const old = new Map(before.map((peer) => [peer.publicKey, peer]));
  const kept = new Set(after.map((peer) => peer.publicKey));
  const changes: PeerChange[] = before
    .filter((peer) => !kept.has(peer.publicKey))
    .map((peer) => ({ publicKey: keyFromBase64(peer.publicKey) as Uint8Array, remove: true }));
  for (const peer of after) {
    const known = old.get(peer.publicKey);
    const sameIps = known !== undefined && sameList(known.allowedIps, peer.allowedIps);
    const sameEndpoints = known !== undefined && sameList(known.endpoints, peer.endpoints);
    if (sameIps && sameEndpoints) continue;
    changes.push({
      publicKey: keyFromBase64(peer.publicKey) as Uint8Array,
      ...(sameIps
        ? {}
        : {
            replaceAllowedIps: true,
            allowedIps: peer.allowedIps.map((cidr) => ({ prefix: parsePrefix(cidr) as Prefix })),
          }),
      ...(sameEndpoints ? {} : { candidates: peer.endpoints.map((text) => parseEndpoint(text) as Endpoint) }),
    });
  }
  return changes;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
