import { type Prefix, prefixContains } from '../../shared/prefix.ts';
import type { UdpAddress } from '../wireguard/udp-address.ts';
import { isProbeable } from './address-class.ts';

/**
 * How an address came to be a candidate: of one of the host's interfaces, seen from outside by a STUN server, mapped on the
 * router by PCP, NAT-PMP or UPnP, given by the user. Order is the number on the wire.
 */
export const CANDIDATE_KINDS = ['interface', 'reflexive', 'mapped', 'configured'] as const;
export type CandidateKind = (typeof CANDIDATE_KINDS)[number];

/** Where a host may perhaps be reached. The address is not changed after. */
export interface Candidate {
  readonly kind: CandidateKind;
  readonly address: UdpAddress;
}

/**
 * Those of a peer's candidates that are worth a probe, at most `limit`, without repetition (SEC-35): nothing that is no
 * single other host, nothing inside the overlay itself. What is mapped, configured or seen from outside goes before the
 * rest when there are too many, for a host may have any number of interfaces.
 */
export function usableCandidates(
  candidates: readonly Candidate[],
  overlay: readonly Prefix[],
  limit: number,
): Candidate[] {
  const byAddress = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const { address } = candidate;
    const key = addressKey(address);
    if (!isProbeable(address) || byAddress.has(key)) continue;
    const bytes = address.addressBytes();
    if (overlay.some((prefix) => prefixContains(prefix, bytes))) continue;
    byAddress.set(key, candidate);
  }
  const usable = [...byAddress.values()];
  if (usable.length <= limit) return usable;
  const outside = usable.filter(({ kind }) => kind !== 'interface');
  return [...outside, ...usable.filter(({ kind }) => kind === 'interface')].slice(0, limit);
}

/** The same text for equal addresses, for maps and sets. */
export function addressKey({ family, port, word0, word1, word2, word3, scope }: UdpAddress): string {
  return family === 4 ? `${word0}:${port}` : `${word0}.${word1}.${word2}.${word3}%${scope}:${port}`;
}
