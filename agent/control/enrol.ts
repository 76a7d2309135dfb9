import { hostname } from 'node:os';
import type { CoordinatorClient, DescribeResponse } from '../../proto/gen/warren.ts';
import { certificateRequest } from '../../shared/certificate-request.ts';
import { WarrenError } from '../../shared/errors.ts';
import type { JoinToken } from '../../shared/join-token.ts';
import { keyFromBase64, keyToBase64, wipe } from '../../shared/key.ts';
import { keyProof, x25519PublicKey } from '../../shared/key-proof.ts';
import { firstPinned } from '../../shared/pinned-authority.ts';
import { unaryCall } from '../../shared/unary-call.ts';
import { NEWEST_PROTOCOL_VERSION, OLDEST_PROTOCOL_VERSION, VERSION } from '../../shared/version.ts';
import type { Identity } from '../state/records.ts';
import { coordinatorClient } from './connect.ts';

export interface EnrolOptions {
  token: JoinToken;
  /** Wished for; this host's name where it is not given. */
  name: string | undefined;
  advertiseRoutes: readonly string[];
  /** Those of them that stand for another network of this host's site. */
  mappings: readonly { prefix: string; sitePrefix: string }[];
  advertiseExitNode: boolean;
  /**
   * The WireGuard private key to join with, base64, on disk before it is used here: then an answer that is lost, with this
   * process, can be asked for again. One that was a member before keeps its address.
   */
  privateKey: string;
  /** Told what is being done, for people. */
  progress: (text: string) => void;
}

/**
 * Makes this host a member: keys made here, the token used up there. Tries the token's URLs in their order. Throws one error
 * for people: `untrusted`, `unavailable`, `incompatible`, `unauthenticated`, `exhausted`.
 */
export async function enrol(options: EnrolOptions): Promise<Identity> {
  const { token, progress } = options;
  const { url, authority } = await firstPinned(token, (error) => {
    if (token.urls.length > 1) progress(error instanceof Error ? error.message : String(error));
  });
  const client = coordinatorClient(url, authority, null);
  try {
    progress(`joining at ${url}`);
    const description = await describe(client);
    const privateKey = keyFromBase64(options.privateKey) as Uint8Array;
    const identity = await joinWith(client, description, privateKey, options, authority, url);
    wipe(privateKey);
    return identity;
  } finally {
    client.close();
  }
}

async function describe(client: CoordinatorClient): Promise<DescribeResponse> {
  const answer = await unaryCall(client.describe.bind(client), { protocolVersion: NEWEST_PROTOCOL_VERSION });
  const { oldestProtocolVersion: oldest, newestProtocolVersion: newest } = answer;
  if (oldest > NEWEST_PROTOCOL_VERSION || newest < OLDEST_PROTOCOL_VERSION) {
    throw new WarrenError(
      'incompatible',
      `the coordinator (${answer.coordinatorVersion}) speaks protocol versions ${oldest} to ${newest}, this agent (${VERSION}) ${OLDEST_PROTOCOL_VERSION} to ${NEWEST_PROTOCOL_VERSION}`,
      { hint: oldest > NEWEST_PROTOCOL_VERSION ? 'update this agent' : 'update the coordinator' },
    );
  }
  return answer;
}

async function joinWith(
  client: CoordinatorClient,
  description: DescribeResponse,
  privateKey: Uint8Array,
  options: EnrolOptions,
  authority: Uint8Array,
  url: string,
): Promise<Identity> {
  const publicKey = await x25519PublicKey(privateKey);
  const { privateKey: certificateKey, request } = await certificateRequest();
  const proof = await keyProof(privateKey, description.proofKey, publicKey, request);
  if (proof === null) throw new WarrenError('untrusted', "the coordinator's proof key is of low order");
  const response = await unaryCall(client.join.bind(client), {
    protocolVersion: Math.min(NEWEST_PROTOCOL_VERSION, description.newestProtocolVersion),
    tokenSecret: Buffer.from(options.token.secret),
    publicKey: Buffer.from(publicKey),
    keyProof: Buffer.from(proof),
    certificateRequest: Buffer.from(request),
    name: options.name ?? hostname(),
    host: { operatingSystem: process.platform, agentVersion: VERSION },
    offers: {
      routes: [...options.advertiseRoutes],
      exitNode: options.advertiseExitNode,
      tags: [],
      mappings: [...options.mappings],
    },
  });
  return {
    version: 1,
    privateKey: keyToBase64(privateKey),
    publicKey: keyToBase64(publicKey),
    nodeId: response.nodeId,
    name: response.name,
    addresses: response.addresses,
    urls: [url, ...options.token.urls.filter((other) => other !== url)],
    pin: Buffer.from(options.token.pin).toString('base64'),
    caCertificate: Buffer.from(authority).toString('base64'),
    certificate: response.certificate.toString('base64'),
    certificateKey,
  };
}
