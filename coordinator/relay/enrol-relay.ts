import { createHash } from 'node:crypto';
import { certificateRequest } from '../../shared/certificate-request.ts';
import type { JoinToken } from '../../shared/join-token.ts';
import { firstPinned } from '../../shared/pinned-authority.ts';
import { unaryCall } from '../../shared/unary-call.ts';
import { NEWEST_PROTOCOL_VERSION } from '../../shared/version.ts';
import type { RelayFacts } from '../store/contract/relays.ts';
import { controlClient } from './control-channel.ts';
import type { RelayIdentity } from './relay-identity.ts';

/** By which a relay notices that it was given another token. Base64. */
export function tokenHash(token: JoinToken): string {
  return createHash('sha256').update(token.secret).digest('base64');
}

/**
 * Makes this host a relay of the network that the token is for: the coordinator is checked against the token's pin before the
 * secret is sent. Throws `untrusted`, `unavailable`, `unauthenticated`, `incompatible`.
 */
export async function enrolRelay(token: JoinToken, facts: RelayFacts): Promise<RelayIdentity> {
  const { url, authority } = await firstPinned(token);
  const { privateKey, request } = await certificateRequest();
  const client = controlClient(url, authority, null);
  try {
    const enrolled = await unaryCall(client.enrol.bind(client), {
      protocolVersion: NEWEST_PROTOCOL_VERSION,
      tokenSecret: Buffer.from(token.secret),
      certificateRequest: Buffer.from(request),
      facts: { name: facts.name, urls: [...facts.urls], stunServers: [...facts.stunServers] },
    });
    return {
      version: 1,
      relayId: enrolled.relayId,
      tokenHash: tokenHash(token),
      urls: [url, ...token.urls.filter((other) => other !== url)],
      caCertificate: Buffer.from(authority).toString('base64'),
      certificate: enrolled.certificate.toString('base64'),
      certificateKey: privateKey,
    };
  } finally {
    client.close();
  }
}
