import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js';
import type { JoinRequest, JoinResponse } from '../../proto/gen/warren.ts';
import { WarrenError } from '../../shared/errors.ts';
import { KEY_LENGTH, keyToBase64 } from '../../shared/key.ts';
import { keyProof, sameProof } from '../../shared/key-proof.ts';
import { sha256 } from '../pki/sha256.ts';
import { type Call, remoteAddress } from './caller.ts';
import type { RpcContext } from './context.ts';
import { checkProtocolVersion } from './protocol-version.ts';
import { Refusals } from './refusals.ts';
import { grpcError } from './status.ts';

const SECRET_LENGTH = 32;
const PROOF_LENGTH = 32;
const MAX_CERTIFICATE_REQUEST = 4096;

export function join(context: RpcContext): handleUnaryCall<JoinRequest, JoinResponse> {
  const refusals = new Refusals();
  return (call, callback) => {
    joinNode(call, context, refusals).then(
      (response) => callback(null, response),
      (error: unknown) => callback(grpcError(error, context.log)),
    );
  };
}

async function joinNode(
  call: ServerUnaryCall<JoinRequest, JoinResponse>,
  context: RpcContext,
  refusals: Refusals,
): Promise<JoinResponse> {
  const { request } = call;
  const { store, authority, clock, log } = context;
  const source = remoteAddress(call as unknown as Call);
  checkProtocolVersion(request.protocolVersion);
  if (refusals.tooMany(source, clock.monotonic())) {
    throw new WarrenError('exhausted', 'too many refused attempts from this address', {
      hint: 'wait a minute',
    });
  }
  try {
    await checkShape(request, context);
    const now = clock.wall();
    const { node, rejoined, certificate } = await store.join({
      secretHash: sha256(request.tokenSecret),
      publicKey: keyToBase64(request.publicKey),
      name: request.name,
      operatingSystem: request.host?.operatingSystem ?? '',
      agentVersion: request.host?.agentVersion ?? '',
      offers: {
        routes: request.offers?.routes ?? [],
        exitNode: request.offers?.exitNode ?? false,
        tags: request.offers?.tags ?? [],
        mappings: request.offers?.mappings ?? [],
      },
      remoteAddress: source,
      now,
      issueCertificate: (nodeId) => authority.issueClient(nodeId, request.certificateRequest, now),
    });
    log.info({ node: node.id, name: node.name, rejoined, source }, 'a node joined');
    return {
      nodeId: node.id,
      name: node.name,
      addresses: [node.address4, node.address6],
      certificate: Buffer.from(certificate.certificate),
      caCertificate: Buffer.from(authority.certificate),
    };
  } catch (error) {
    if (error instanceof WarrenError && error.code === 'unauthenticated') {
      refusals.add(source, clock.monotonic());
      log.warn({ source }, 'a join was refused; the audit log has the reason');
    }
    throw error;
  }
}

/** Sizes, and the proof that the caller holds the private key, before anything is looked up. */
async function checkShape(request: JoinRequest, context: RpcContext): Promise<void> {
  if (
    request.tokenSecret.length !== SECRET_LENGTH ||
    request.publicKey.length !== KEY_LENGTH ||
    request.keyProof.length !== PROOF_LENGTH ||
    request.certificateRequest.length > MAX_CERTIFICATE_REQUEST
  ) {
    throw new WarrenError('usage', 'the join request is malformed');
  }
  const expected = await keyProof(
    context.proofKey.privateKey,
    request.publicKey,
    request.publicKey,
    request.certificateRequest,
  );
  if (expected === null || !sameProof(expected, request.keyProof)) {
    throw new WarrenError(
      'permission-denied',
      'the agent did not prove that it holds the private key it joins with',
    );
  }
}
