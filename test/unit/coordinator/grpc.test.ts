import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compressionAlgorithms, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeOfCertificate } from '../../../coordinator/grpc/caller.ts';
import { serveGrpc } from '../../../coordinator/grpc/server.ts';
import type { Store } from '../../../coordinator/store/store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { WarrenError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import {
  callJoin,
  client,
  foreignCertificate,
  joinRequest,
  type Member,
  newMember,
  newToken,
  type Shown,
  startGrpc,
  statusOf,
  type TestGrpc,
  TestStream,
} from '../../support/grpc-coordinator.ts';
import { aPath } from '../../support/mesh-view.ts';
import { derOf } from '../../support/relay.ts';
import { CLI } from '../../support/store.ts';
import { waitFor } from '../../support/wait-for.ts';

let folder: string;
let grpc: TestGrpc;
let storeIsAway: boolean;
const streams: TestStream[] = [];

/** The store with a switch that makes its database be away. */
function unreliable(store: Store): Store {
  return new Proxy(store, {
    get(target, property) {
      const member = Reflect.get(target, property) as unknown;
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        if (storeIsAway && property !== 'onChange' && property !== 'close') {
          return Promise.reject(new WarrenError('unavailable', 'the database is away'));
        }
        return (member as (...args: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

function stream(shown: Shown | null, hello = {}): TestStream {
  const opened = new TestStream(grpc, shown, hello);
  streams.push(opened);
  return opened;
}

beforeEach(async () => {
  storeIsAway = false;
  folder = mkdtempSync(join(tmpdir(), 'warren-test-grpc-'));
  grpc = await startGrpc(folder, unreliable);
});

afterEach(async () => {
  for (const opened of streams.splice(0)) opened.close();
  await grpc.close();
  rmSync(folder, { recursive: true });
});

describe('Join', () => {
  it('SEC-1: unknown, expired, revoked and used-up tokens are refused alike, and leave no node', async () => {
    const used = await newToken(grpc);
    await callJoin(grpc, (await joinRequest(grpc, used)).request);
    const expired = await newToken(grpc, { expiresAt: Date.now() - 1 });
    const revoked = await newToken(grpc);
    const tokens = await grpc.store.listTokens();
    const last = tokens.find((token) => token.uses === 0 && token.expiresAt > Date.now());
    await grpc.store.revokeToken(last?.id as string, Date.now(), CLI);
    const answers = await Promise.all(
      [new Uint8Array(randomBytes(32)), used, expired, revoked].map(async (secret) => {
        const { request } = await joinRequest(grpc, secret);
        return callJoin(grpc, request).then(
          () => 'joined',
          (error: { code: number; details: string }) => `${error.code} ${error.details}`,
        );
      }),
    );
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toMatch(new RegExp(`^${status.UNAUTHENTICATED} `));
    expect(await grpc.store.listNodes()).toHaveLength(1);
  });

  it('SEC-4: a registered key without its private key is refused, and the token stays good', async () => {
    const victim = await newMember(grpc, 'victim');
    const secret = await newToken(grpc);
    // The attacker knows the public key, and makes the proof with a key of its own.
    const { request } = await joinRequest(grpc, secret);
    const stolen = { ...request, publicKey: Buffer.from(victim.publicKey) };
    await expect(callJoin(grpc, stolen)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    // A proof seen before is bound to its certificate request.
    const before = await joinRequest(grpc, secret, { keys: victim });
    const replayed = { ...before.request, certificateRequest: request.certificateRequest };
    await expect(callJoin(grpc, replayed)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    expect((await callJoin(grpc, before.request)).nodeId).toBe(victim.nodeId);
  });

  it.each([
    ['a public key of low order', { publicKey: Buffer.alloc(32) }],
    ['a short key', { publicKey: Buffer.alloc(31) }],
    ['a short secret', { tokenSecret: Buffer.alloc(5) }],
    ['no proof', { keyProof: Buffer.alloc(0) }],
    ['an endless certificate request', { certificateRequest: Buffer.alloc(5000) }],
    ['a broken certificate request', { certificateRequest: Buffer.from('hello') }],
  ])('%s is refused, and the token stays good', async (_, changes) => {
    const secret = await newToken(grpc);
    const { request } = await joinRequest(grpc, secret, changes);
    const error = await callJoin(grpc, request).catch((caught: { code: number }) => caught.code);
    expect([status.INVALID_ARGUMENT, status.PERMISSION_DENIED]).toContain(error);
    expect((await callJoin(grpc, (await joinRequest(grpc, secret)).request)).name).toBe('host');
  });

  it('another protocol version is told which end to update', async () => {
    const { request } = await joinRequest(grpc, await newToken(grpc), { protocolVersion: 99 });
    await expect(callJoin(grpc, request)).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringMatching(/update the coordinator/),
    });
  });

  it('guessing is stopped without asking the database', async () => {
    const guess = async () => (await joinRequest(grpc, new Uint8Array(randomBytes(32)))).request;
    for (let i = 0; i < 30; i++) await callJoin(grpc, await guess()).catch(() => {});
    const rows = (await grpc.store.listAudit({ limit: 1000 })).length;
    await expect(callJoin(grpc, await guess())).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(await grpc.store.listAudit({ limit: 1000 })).toHaveLength(rows);
  });
});

describe('SEC-5: every other RPC with every wrong identity', () => {
  it.each<[string, (member: Member) => Promise<Shown | null>]>([
    ['no certificate', async () => null],
    ['a self-signed certificate with the name of a node', (member) => foreignCertificate(member.nodeId)],
    [
      'the certificate of a removed node',
      async (member) => {
        await grpc.store.removeNode(member.nodeId, Date.now(), CLI);
        return member.shown;
      },
    ],
    [
      'the certificate of a node whose key has expired',
      async (member) => {
        await grpc.store.setKeyExpiry(member.nodeId, Date.now() - 1, Date.now(), CLI);
        return member.shown;
      },
    ],
  ])('%s', async (_, identity) => {
    const shown = await identity(await newMember(grpc));
    const stub = client(grpc, shown);
    const certificateRequest = (await joinRequest(grpc, randomBytes(32))).request.certificateRequest;
    expect((await statusOf((done) => stub.renew({ certificateRequest }, done))).code).toBe(
      status.UNAUTHENTICATED,
    );
    expect((await statusOf((done) => stub.leave({}, done))).code).toBe(status.UNAUTHENTICATED);
    const opened = stream(shown);
    opened.report(['192.0.2.66:6']);
    expect((await opened.ended).code).toBe(status.UNAUTHENTICATED);
    expect(opened.received).toEqual([]);
    stub.close();
  });

  it.each([
    [89, null],
    [91, 'permission-denied'],
    [3652, 'permission-denied'],
    [-3652, null],
  ])(
    'SEC-50: %i days by the coordinator’s clock after a certificate was issued: %s, which ends no agent',
    async (days, code) => {
      const { shown, nodeId } = await newMember(grpc);
      const clock = { monotonic: () => 0, wall: () => Date.now() + days * 86_400_000 };
      const found = nodeOfCertificate(derOf(shown.certificate), { store: grpc.store, clock });
      if (code === null) expect((await found).id).toBe(nodeId);
      else await expect(found).rejects.toMatchObject({ code });
    },
  );

  it("a node posts its own endpoints and no other's, and renews and leaves as itself only", async () => {
    const [a, b] = [await newMember(grpc, 'a'), await newMember(grpc, 'b')];
    const opened = stream(a.shown);
    opened.report(['192.0.2.9:9']);
    await waitFor(
      'the report to be stored',
      async () => (await grpc.store.node(a.nodeId))?.endpoints.length === 1,
    );
    expect((await grpc.store.node(b.nodeId))?.endpoints).toEqual([]);
    expect((await opened.snapshot()).self?.nodeId).toBe(a.nodeId);
    const stub = client(grpc, a.shown);
    expect((await statusOf((done) => stub.leave({}, done))).code).toBe(0);
    stub.close();
    expect((await grpc.store.listNodes()).map((node) => node.id)).toEqual([b.nodeId]);
  });
});

describe('Sync', () => {
  it('a snapshot, then differences; a stream that comes back gets the difference only', async () => {
    const a = await newMember(grpc, 'a');
    const first = stream(a.shown);
    const snapshot = await first.snapshot();
    expect(snapshot.peers).toEqual([]);
    expect(snapshot.self?.observedAddress).toBe('127.0.0.1');
    const b = await newMember(grpc, 'b');
    const delta = await first.until((message) =>
      message.$case === 'delta' && message.value.peers.length > 0 ? message.value : undefined,
    );
    expect(delta.peers.map((peer) => peer.nodeId)).toEqual([b.nodeId]);
    first.close();

    await grpc.store.renameNode(b.nodeId, 'bee', Date.now(), CLI);
    const again = stream(a.shown, { epoch: snapshot.epoch, version: Number(delta.version) });
    const missed = await again.until((message) =>
      message.$case === 'delta' && message.value.peers.some((peer) => peer.name === 'bee')
        ? message.value
        : undefined,
    );
    expect(Number(missed.fromVersion)).toBeGreaterThanOrEqual(Number(delta.version));
    expect(again.received.some(({ message }) => message?.$case === 'snapshot')).toBe(false);
  });

  it('an agent that is up to date is told its own standing at once, with clock and address', async () => {
    const a = await newMember(grpc);
    const first = stream(a.shown);
    const { epoch } = await first.snapshot();
    await waitFor('the node to be online', async () => (await grpc.store.node(a.nodeId))?.online);
    const { version } = await grpc.store.network();
    await grpc.server.feed.refresh();
    const again = stream(a.shown, { epoch, version });
    const { self } = await again.until((message) => (message.$case === 'delta' ? message.value : undefined));
    expect(self).toMatchObject({ nodeId: a.nodeId, observedAddress: '127.0.0.1' });
    expect(Number(self?.serverTime)).toBeGreaterThan(0);
  });

  it.each([
    ['another epoch', { epoch: 'other', version: 1 }],
    ['a version of the future', { version: 1_000_000 }],
  ])('%s is answered with a snapshot', async (_, hello) => {
    const a = await newMember(grpc);
    const { epoch } = await grpc.store.network();
    expect((await stream(a.shown, { epoch, ...hello }).snapshot()).epoch).toBe(epoch);
  });

  it('SEC-7: a removed node is taken from the maps of the others, and its stream closes', async () => {
    const [a, b] = [await newMember(grpc, 'a'), await newMember(grpc, 'b')];
    const [ofA, ofB] = [stream(a.shown), stream(b.shown)];
    await Promise.all([ofA.snapshot(), ofB.snapshot()]);
    await grpc.store.removeNode(b.nodeId, Date.now(), CLI);
    expect(await ofB.ended).toMatchObject({
      code: status.UNAUTHENTICATED,
      details: expect.stringMatching(/removed/),
    });
    await ofA.until((message) =>
      message.$case === 'delta' && message.value.removedNodeIds.includes(b.nodeId) ? true : undefined,
    );
  });

  it('a second stream of a node takes over from the first, and the node stays online', async () => {
    const a = await newMember(grpc);
    const first = stream(a.shown);
    await first.snapshot();
    const second = stream(a.shown);
    await second.snapshot();
    expect((await first.ended).code).toBe(status.ABORTED);
    expect((await grpc.store.node(a.nodeId))?.online).toBe(true);
    second.close();
    await waitFor('the node to be away', async () => (await grpc.store.node(a.nodeId))?.online === false);
  });

  it('a stream that does not begin with Hello, or of another protocol version, is refused', async () => {
    const a = await newMember(grpc);
    expect((await stream(a.shown, { protocolVersion: 7 }).ended).code).toBe(status.FAILED_PRECONDITION);
  });

  it('SEC-53: with the database away callers get UNAVAILABLE, streams stay, and nobody sees an empty network', async () => {
    const [a, b] = [await newMember(grpc, 'a'), await newMember(grpc, 'b')];
    const before = stream(a.shown);
    expect((await before.snapshot()).peers).toHaveLength(1);
    storeIsAway = true;
    const refused = stream(b.shown);
    expect((await refused.ended).code).toBe(status.UNAVAILABLE);
    const { request } = await joinRequest(grpc, new Uint8Array(32));
    await expect(callJoin(grpc, request)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    storeIsAway = false;
    await grpc.store.renameNode(b.nodeId, 'bee', Date.now(), CLI);
    await before.until((message) =>
      message.$case === 'delta' && message.value.peers.some((peer) => peer.name === 'bee') ? true : undefined,
    );
    expect(before.received.filter(({ message }) => message?.$case === 'snapshot')).toHaveLength(1);
  });
});

describe('SEC-60: clients that want too much', () => {
  it.each([
    ['plain', {}],
    ['compressed', { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip }],
  ])('an oversized message, %s, is refused, and others are served', async (_, options) => {
    const { request } = await joinRequest(grpc, new Uint8Array(32), { name: 'x'.repeat(2_000_000) });
    await expect(callJoin(grpc, request, options)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    await newMember(grpc);
  });

  it('an agent that does not read gets one difference for all that it missed', async () => {
    const [a, b] = [await newMember(grpc, 'slow'), await newMember(grpc, 'busy')];
    const slow = stream(a.shown);
    await slow.snapshot();
    // Each difference is of some kilobytes, so that a few hundred are more than lies in buffers on the way.
    const tags = Array.from({ length: 64 }, (_, i) => `t${i}-`.padEnd(60, 'x'));
    await grpc.store.setTags(b.nodeId, tags, Date.now(), CLI);
    slow.pause();
    const CHANGES = 300;
    for (let i = 0; i < CHANGES; i++) await grpc.store.renameNode(b.nodeId, `name-${i}`, Date.now(), CLI);
    slow.resume();
    await slow.until((message) =>
      message.$case === 'delta' && message.value.peers.some((peer) => peer.name === `name-${CHANGES - 1}`)
        ? true
        : undefined,
    );
    expect(slow.received.length).toBeLessThan(CHANGES);
  });

  it('1,000 connections that say nothing do not keep an agent from joining', async () => {
    const [host, port] = grpc.url.split(':') as [string, string];
    const idle = await Promise.all(
      Array.from(
        { length: 1000 },
        () =>
          new Promise<Socket>((resolve, reject) => {
            const socket = createConnection(Number(port), host, () => resolve(socket));
            socket.on('error', reject);
          }),
      ),
    );
    try {
      const before = process.memoryUsage().rss;
      await newMember(grpc);
      expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
    } finally {
      for (const socket of idle) socket.destroy();
    }
  });
});

describe('reports of paths', () => {
  it('are asked for, taken of the stream’s own node, told to no other, and move no version', async () => {
    const [a, b] = [await newMember(grpc, 'a'), await newMember(grpc, 'b')];
    const [streamA, streamB] = [stream(a.shown), stream(b.shown)];
    const asked = await streamA.until((message) => (message.$case === 'watch' ? message.value : undefined));
    expect(asked.interval).toBe(60_000);
    await streamB.until((message) => (message.$case === 'watch' ? true : undefined));
    for (const [watching, other] of [
      [streamA, b],
      [streamB, a],
    ] as const) {
      await watching.until((message) =>
        (message.$case === 'snapshot' || message.$case === 'delta') &&
        message.value.peers.some(({ nodeId, online }) => online && nodeId === other.nodeId)
          ? true
          : undefined,
      );
    }
    const { version } = await grpc.store.network();
    const heard = streamB.received.length;
    streamA.send({
      message: { $case: 'paths', value: { peers: [aPath(b.nodeId), aPath('stranger')] } },
    });
    const { telemetry } = grpc.server;
    await waitFor('the report', () => telemetry.of(a.nodeId)?.peers.has(b.nodeId) === true);
    expect([...(telemetry.of(a.nodeId)?.peers.keys() ?? [])]).toEqual([b.nodeId]);
    expect(telemetry.of(b.nodeId)?.peers.size).toBe(0);
    telemetry.watch(3_000, [a.nodeId]);
    await streamA.until((message) =>
      message.$case === 'watch' && message.value.interval === 3_000 ? true : undefined,
    );
    expect((await grpc.store.network()).version).toBe(version);
    const others = streamB.received.slice(heard).filter(({ message }) => message?.$case !== 'heartbeat');
    expect(others).toEqual([]);
    streamA.close();
    await waitFor('the end', () => telemetry.of(a.nodeId)?.isConnected === false);
  });
});

it('a port that is taken is told, with what to do', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await waitFor('the other to listen', () => other.listening);
  const { port } = other.address() as { port: number };
  const context = {
    store: grpc.store,
    authority: grpc.authority,
    proofKey: { privateKey: new Uint8Array(32), publicKey: grpc.proofKey },
    clock: systemClock,
    log: createLogger('silent', 'test'),
    instance: 'second',
    relayRates: { bytesPerSecond: 1, packetsPerSecond: 1 },
  };
  await expect(serveGrpc(context, { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'in-use',
    hint: expect.stringMatching(/--listen/),
  });
  other.close();
});
