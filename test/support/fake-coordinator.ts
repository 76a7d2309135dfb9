/** A coordinator that says what a test wants it to, over real TLS and gRPC on loopback, and counts what it was asked. */
import { Server, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Identity } from '../../agent/state/records.ts';
import { OptionalClientCertificate } from '../../coordinator/grpc/credentials.ts';
import { Authority } from '../../coordinator/pki/authority.ts';
import {
  type CoordinatorServer,
  CoordinatorService,
  type DescribeResponse,
  type JoinRequest,
  type Snapshot,
  type SyncRequest,
  type SyncResponse,
} from '../../proto/gen/warren.ts';
import { certificateRequest } from '../../shared/certificate-request.ts';
import { x25519KeyPair } from '../../shared/key-proof.ts';
import { aSelf } from './map.ts';
import { waitFor } from './wait-for.ts';

export type SyncCall = ServerDuplexStream<SyncRequest, SyncResponse>;

const DAY = 86_400_000;

export class FakeCoordinator {
  readonly authority: Authority;
  readonly url: string;
  readonly joins: JoinRequest[] = [];
  readonly syncs: SyncCall[] = [];
  /** Messages of all streams, in their order. */
  readonly received: SyncRequest[] = [];
  renewals = 0;
  leaves = 0;
  description: Partial<DescribeResponse> = {};
  readonly #server: Server;

  private constructor(authority: Authority, server: Server, port: number) {
    this.authority = authority;
    this.#server = server;
    this.url = `https://127.0.0.1:${port}`;
  }

  static async start(): Promise<FakeCoordinator> {
    const authority = await Authority.load(await Authority.create());
    const proofKey = (await x25519KeyPair()).publicKey;
    const server = new Server();
    let fake: FakeCoordinator;
    const service: CoordinatorServer = {
      describe: (_call, callback) =>
        callback(null, {
          oldestProtocolVersion: 1,
          newestProtocolVersion: 1,
          coordinatorVersion: '9.9.9',
          proofKey: Buffer.from(proofKey),
          ...fake.description,
        }),
      join: (call, callback) => {
        fake.joins.push(call.request);
        void authority.issueClient('node', call.request.certificateRequest, Date.now()).then((issued) =>
          callback(null, {
            nodeId: 'node',
            name: 'joined',
            addresses: ['100.64.0.1', 'fd00::1'],
            certificate: Buffer.from(issued.certificate),
            caCertificate: Buffer.from(authority.certificate),
          }),
        );
      },
      renew: (call, callback) => {
        fake.renewals++;
        void authority
          .issueClient('node', call.request.certificateRequest, Date.now())
          .then((issued) => callback(null, { certificate: Buffer.from(issued.certificate) }));
      },
      sync: (call) => {
        call.on('error', () => {});
        call.on('data', (request) => fake.received.push(request));
        fake.syncs.push(call);
      },
      leave: (_call, callback) => {
        fake.leaves++;
        callback(null, {});
      },
    };
    server.addService(CoordinatorService, service);
    const credentials = new OptionalClientCertificate(await authority.issueServer(Date.now()));
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    fake = new FakeCoordinator(authority, server, port);
    return fake;
  }

  /** The identity of a node whose client certificate was issued `daysAgo`, of the 90 days that it is good for. */
  async identity(daysAgo = 0): Promise<Identity> {
    const { privateKey, request } = await certificateRequest();
    const issued = await this.authority.issueClient('node', request, Date.now() - daysAgo * DAY);
    const keys = await x25519KeyPair();
    return {
      version: 1,
      privateKey: Buffer.from(keys.privateKey).toString('base64'),
      publicKey: Buffer.from(keys.publicKey).toString('base64'),
      nodeId: 'node',
      name: 'joined',
      addresses: ['100.64.0.1', 'fd00::1'],
      urls: [this.url],
      pin: Buffer.from(this.authority.pin).toString('base64'),
      caCertificate: Buffer.from(this.authority.certificate).toString('base64'),
      certificate: Buffer.from(issued.certificate).toString('base64'),
      certificateKey: privateKey,
    };
  }

  /** Stream number `n`, from 1, once the agent has opened it. */
  stream(n: number): Promise<SyncCall> {
    return waitFor(`stream ${n}`, () => this.syncs[n - 1] ?? null, { interval: 10 });
  }

  close(): void {
    this.#server.forceShutdown();
  }
}

export function snapshotMessage(changes: Partial<Snapshot> = {}): SyncResponse {
  const value: Snapshot = {
    epoch: 'epoch',
    version: 7n,
    self: {
      ...aSelf(),
      keyExpiresAt: 0n,
      serverTime: BigInt(Date.now()),
      observedAddress: '127.0.0.1',
      dns: undefined,
      carriedDevices: [],
    },
    peers: [],
    ...changes,
  };
  return { message: { $case: 'snapshot', value } };
}
