/** A coordinator's gRPC side in this process, and clients as an agent, or an attacker, would make them. */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { type ChannelOptions, credentials, type ServiceError } from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import { type GrpcServer, serveGrpc } from '../../coordinator/grpc/server.ts';
import type { Authority } from '../../coordinator/pki/authority.ts';
import { loadAuthority, loadProofKey } from '../../coordinator/pki/secrets.ts';
import { relayRates } from '../../coordinator/relay/own-relay.ts';
import { openStore } from '../../coordinator/store/open.ts';
import type { Store } from '../../coordinator/store/store.ts';
import {
  CoordinatorClient,
  type JoinRequest,
  type JoinResponse,
  type SyncRequest,
  type SyncResponse,
} from '../../proto/gen/warren.ts';
import { certificateRequest } from '../../shared/certificate-request.ts';
import { systemClock } from '../../shared/clock.ts';
import { keyProof, x25519KeyPair } from '../../shared/key-proof.ts';
import { createLogger } from '../../shared/log.ts';
import { COORDINATOR_TLS_NAME } from '../../shared/tls-names.ts';
import { aToken, CLI } from './store.ts';

export interface TestGrpc {
  store: Store;
  authority: Authority;
  server: GrpcServer;
  url: string;
  proofKey: Uint8Array;
  close(): Promise<void>;
}

/** Serves on loopback with SQLite in a folder; `wrap` may put something between the service and its store. */
export async function startGrpc(
  folder: string,
  wrap: (store: Store) => Store = (store) => store,
  port = 0,
): Promise<TestGrpc> {
  const store = await openStore({ dataDir: folder, initialise: {} });
  const authority = await loadAuthority(store);
  const proofKey = await loadProofKey(store);
  const context = {
    store: wrap(store),
    authority,
    proofKey,
    clock: systemClock,
    log: createLogger('silent', 'test'),
    instance: 'test',
    relayRates: relayRates(10_000),
  };
  const server = await serveGrpc(context, { host: '127.0.0.1', port });
  return {
    store,
    authority,
    server,
    url: `127.0.0.1:${server.port}`,
    proofKey: proofKey.publicKey,
    close: async () => {
      await server.close();
      await store.close();
    },
  };
}

/** A client certificate as a client shows it, PEM both. */
export interface Shown {
  certificate: string;
  privateKey: string;
}

export function client(grpc: TestGrpc, shown: Shown | null, options: ChannelOptions = {}): CoordinatorClient {
  return new CoordinatorClient(
    grpc.url,
    credentials.createSsl(
      Buffer.from(toPem(grpc.authority.certificate)),
      shown === null ? null : Buffer.from(shown.privateKey),
      shown === null ? null : Buffer.from(shown.certificate),
    ),
    { 'grpc.ssl_target_name_override': COORDINATOR_TLS_NAME, 'grpc.enable_retries': 0, ...options },
  );
}

export interface Member {
  nodeId: string;
  name: string;
  privateKey: Uint8Array;
  publicKey: Uint8Array;
  shown: Shown;
}

/** A whole Join request for a token's secret; parts of it can be replaced. */
export async function joinRequest(
  grpc: TestGrpc,
  secret: Uint8Array,
  changes: Partial<JoinRequest> & { keys?: { privateKey: Uint8Array; publicKey: Uint8Array } } = {},
): Promise<{
  request: JoinRequest;
  keys: { privateKey: Uint8Array; publicKey: Uint8Array };
  certificateKey: string;
}> {
  const keys = changes.keys ?? (await x25519KeyPair());
  const csr = await certificateRequest();
  const proof = (await keyProof(keys.privateKey, grpc.proofKey, keys.publicKey, csr.request)) as Uint8Array;
  const { keys: _keys, ...rest } = changes;
  return {
    keys,
    certificateKey: csr.privateKey,
    request: {
      protocolVersion: 1,
      tokenSecret: Buffer.from(secret),
      publicKey: Buffer.from(keys.publicKey),
      keyProof: Buffer.from(proof),
      certificateRequest: Buffer.from(csr.request),
      name: 'host',
      host: { operatingSystem: 'linux', agentVersion: '0.1.0' },
      offers: { routes: [], exitNode: false, tags: [], mappings: [] },
      ...rest,
    },
  };
}

export function callJoin(
  grpc: TestGrpc,
  request: JoinRequest,
  options: ChannelOptions = {},
): Promise<JoinResponse> {
  const stub = client(grpc, null, options);
  return new Promise<JoinResponse>((resolve, reject) => {
    stub.join(request, (error, response) => (error === null ? resolve(response) : reject(error)));
  }).finally(() => stub.close());
}

/** A fresh one-use token's secret. */
export async function newToken(grpc: TestGrpc, changes = {}): Promise<Uint8Array> {
  const secret = new Uint8Array(randomBytes(32));
  await grpc.store.createToken(
    aToken(secret, { createdAt: Date.now(), expiresAt: Date.now() + 3_600_000, ...changes }),
    CLI,
  );
  return secret;
}

/** Joins a new node as an agent would. */
export async function newMember(grpc: TestGrpc, name = 'host', token = {}): Promise<Member> {
  const { request, keys, certificateKey } = await joinRequest(grpc, await newToken(grpc, token), { name });
  const response = await callJoin(grpc, request);
  return {
    nodeId: response.nodeId,
    name: response.name,
    ...keys,
    shown: { certificate: toPem(response.certificate), privateKey: certificateKey },
  };
}

/** What a unary call ends with: its status, or 0. */
export function statusOf(
  call: (callback: (error: ServiceError | null) => void) => unknown,
): Promise<{ code: number; details: string }> {
  return new Promise((resolve) => {
    call((error) =>
      resolve(error === null ? { code: 0, details: '' } : { code: error.code, details: error.details }),
    );
  });
}

/** A Sync stream whose messages and end can be waited for. */
export class TestStream {
  readonly received: SyncResponse[] = [];
  readonly ended: Promise<{ code: number; details: string }>;
  readonly #stream;
  readonly #client: CoordinatorClient;
  #wake: () => void = () => {};

  constructor(
    grpc: TestGrpc,
    shown: Shown | null,
    hello: { epoch?: string; version?: number; protocolVersion?: number } = {},
  ) {
    this.#client = client(grpc, shown);
    this.#stream = this.#client.sync();
    this.#stream.on('data', (response: SyncResponse) => {
      this.received.push(response);
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      this.#stream.on('error', (error: ServiceError) =>
        resolve({ code: error.code, details: error.details }),
      );
      this.#stream.on('end', () => resolve({ code: 0, details: '' }));
    });
    this.send({
      message: {
        $case: 'hello',
        value: {
          protocolVersion: hello.protocolVersion ?? 1,
          host: { operatingSystem: 'linux', agentVersion: '0.1.0' },
          mapEpoch: hello.epoch ?? '',
          mapVersion: BigInt(hello.version ?? 0),
        },
      },
    });
  }

  send(request: SyncRequest): void {
    this.#stream.write(request);
  }

  report(endpoints: string[]): void {
    this.send({
      message: { $case: 'report', value: { endpoints, listenPort: 1, offers: undefined, segments: [] } },
    });
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** The first message, from now or before, for which `pick` answers something. */
  async until<T>(pick: (message: NonNullable<SyncResponse['message']>) => T | undefined): Promise<T> {
    for (let seen = 0; ; ) {
      for (; seen < this.received.length; seen++) {
        const { message } = this.received[seen] as SyncResponse;
        const answer = message === undefined ? undefined : pick(message);
        if (answer !== undefined) return answer;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  snapshot() {
    return this.until((message) => (message.$case === 'snapshot' ? message.value : undefined));
  }

  close(): void {
    this.#stream.on('error', () => {});
    this.#stream.cancel();
    this.#client.close();
  }
}

/** A certificate that nobody of ours signed. */
export async function foreignCertificate(commonName: string): Promise<Shown> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=${commonName}`,
    notBefore: new Date(Date.now() - 1000),
    notAfter: new Date(Date.now() + 3_600_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.2'], true)],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: certificate.toString('pem'),
    privateKey: x509.PemConverter.encode(key, 'PRIVATE KEY'),
  };
}

export function toPem(der: Uint8Array): string {
  return x509.PemConverter.encode(der as Uint8Array<ArrayBuffer>, 'CERTIFICATE');
}
