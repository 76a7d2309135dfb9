import { type Endpoint, parseEndpoint } from '../../shared/endpoint.ts';
import { parseIp } from '../../shared/ip.ts';
import { isLocal } from '../paths/address-class.ts';
import type { CandidateKind } from '../paths/candidate.ts';
import { UdpAddress } from '../wireguard/udp-address.ts';

/** Where a host may be reached, as plain data. */
export interface MeshCandidate {
  kind: CandidateKind;
  endpoint: Endpoint;
}

export interface OwnCandidates {
  candidates: MeshCandidate[];
  /** The interfaces' addresses with the tunnel's port. */
  local: Endpoint[];
}

/**
 * This host's candidates but for what STUN servers say: its interfaces' addresses, the gateway's port that is mapped, and what the
 * user gave.
 */
export function ownCandidates(
  addresses: readonly string[],
  port: number,
  mapped: string | null,
  configured: readonly string[] = [],
): OwnCandidates {
  if (port === 0) return { candidates: [], local: [] };
  const local = addresses.flatMap((text) => {
    const address = parseIp(text);
    return address === null ? [] : [{ address, port }];
  });
  const at = (texts: readonly string[], kind: CandidateKind) =>
    texts.flatMap((text): MeshCandidate[] => {
      const endpoint = parseEndpoint(text);
      return endpoint === null ? [] : [{ kind, endpoint }];
    });
  return {
    local,
    candidates: [
      ...local.map((endpoint) => ({ kind: 'interface' as const, endpoint })),
      ...at(mapped === null ? [] : [mapped], 'mapped'),
      ...at(configured, 'configured'),
    ],
  };
}

/** An endpoint that a peer told the coordinator, which does not say how it came to be: private ones are its interfaces'. */
export function candidateAt(endpoint: Endpoint): MeshCandidate {
  const isInterface = isLocal(UdpAddress.from(endpoint.address, endpoint.port));
  return { kind: isInterface ? 'interface' : 'reflexive', endpoint };
}
