import type { ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js';
import { ageOf, REFUSE_AFTER } from '../../shared/certificate-life.ts';
import { WarrenError } from '../../shared/errors.ts';
import { formatIp, parseIp, unmappedIp } from '../../shared/ip.ts';
import { isExpired } from '../network/joining.ts';
import { sha256 } from '../pki/sha256.ts';
import type { NodeRecord } from '../store/contract/nodes.ts';
import type { RpcContext } from './context.ts';

type AnyCall = ServerUnaryCall<never, never> | ServerDuplexStream<never, never>;
export type Call = Pick<AnyCall, 'getAuthContext' | 'getPeer'>;

export const STRANGER = () =>
  new WarrenError(
    'unauthenticated',
    'this coordinator does not know the calling node (removed, or never joined)',
    {
      hint: 'join again with a new token',
    },
  );

/**
 * The node that calls. TLS proved that it holds the key of the certificate it showed, and nothing else about it: the
 * certificate counts if it is, bit for bit, one that we issued to a node that is still a member. So a certificate of another
 * authority, a forged one and a removed node's fail alike.
 */
export async function callingNode(call: Call, context: RpcContext): Promise<NodeRecord> {
  return nodeOfCertificate(call.getAuthContext().sslPeerCertificate?.raw, context);
}

/** The node of a client certificate (DER) that TLS has checked. */
export async function nodeOfCertificate(
  raw: Uint8Array | undefined,
  context: Pick<RpcContext, 'store' | 'clock'>,
): Promise<NodeRecord> {
  if (raw === undefined) throw STRANGER();
  const node = await context.store.nodeByCertificate(sha256(raw));
  if (node === null) throw STRANGER();
  const now = context.clock.wall();
  if (ageOf(raw, now) >= REFUSE_AFTER) {
    // Not "unauthenticated", which ends an agent for good: it may be the coordinator's clock that is wrong.
    throw new WarrenError('permission-denied', 'the certificate of this node has expired', {
      hint: 'join again with a new token',
    });
  }
  if (isExpired(node.keyExpiresAt, now)) throw keyExpired();
  return node;
}

export function keyExpired(): WarrenError {
  return new WarrenError('unauthenticated', 'the key of this node has expired', {
    hint: 'join again with a new token',
  });
}

/** The address that a call came from, canonical and without a port; `unknown` if it has none. */
export function remoteAddress(call: Call): string {
  const host = call
    .getPeer()
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
  const bytes = parseIp(host);
  if (bytes === null) return 'unknown';
  return formatIp(unmappedIp(bytes));
}
