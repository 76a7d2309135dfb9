import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRelayChannel } from '../../../agent/relay/relay-channel.ts';
import { serveGrpc } from '../../../coordinator/grpc/server.ts';
import { MAX_WAITING_BYTES } from '../../../coordinator/relay/outgoing-queue.ts';
import { relayRates } from '../../../coordinator/relay/own-relay.ts';
import { RECEIVE_WINDOW, widenWindow } from '../../../coordinator/relay/receive-window.ts';
import { RelayFrame, RelayService, RelayClient as RelayStub } from '../../../proto/gen/warren.ts';
import { systemClock } from '../../../shared/clock.ts';
import { createLogger } from '../../../shared/log.ts';
import { encodeDatagrams } from '../../../shared/relay-frame.ts';
import { COORDINATOR_TLS_NAME } from '../../../shared/tls-names.ts';
import {
  foreignCertificate,
  type Member,
  newMember,
  type Shown,
  startGrpc,
  type TestGrpc,
} from '../../support/grpc-coordinator.ts';
import { connectedClient, derOf, TestRelayClient } from '../../support/relay.ts';
import { CLI } from '../../support/store.ts';
import { waitFor } from '../../support/wait-for.ts';

let folder: string;
let grpc: TestGrpc;
let ada: Member;
let bob: Member;
const open: { close(): unknown }[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'warren-relay-'));
  grpc = await startGrpc(folder);
  [ada, bob] = [await newMember(grpc, 'ada'), await newMember(grpc, 'bob')];
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  await grpc.close();
  rmSync(folder, { recursive: true, force: true });
});

async function connect(member: Member): Promise<TestRelayClient> {
  const relayClient = await connectedClient(grpc, member);
  open.push(relayClient);
  return relayClient;
}

const heard = (of: TestRelayClient) => of.heard.map(({ from, bytes }) => `${from}: ${bytes}`);
const until = (what: string, condition: () => boolean) => waitFor(what, condition, { interval: 5 });

/** A stream by hand: its frames, and the status it ends with. */
function rawStream(shown: Shown) {
  const channel = openRelayChannel(`https://${grpc.url}`, COORDINATOR_TLS_NAME, grpc.authority.certificate, {
    certificate: derOf(shown.certificate),
    privateKey: shown.privateKey,
  });
  open.push(channel);
  const frames: RelayFrame['frame'][] = [];
  const ended = new Promise<number>((resolve) => {
    channel.stream.on('error', (error: ServiceError) => resolve(error.code));
    channel.stream.on('end', () => resolve(0));
  });
  channel.stream.on('data', (frame: Buffer) => frames.push(RelayFrame.decode(frame).frame));
  return { stream: channel.stream, frames, ended };
}

describe('the relay of a coordinator', () => {
  it('carries datagrams between nodes, in their order, under the name of the sender', async () => {
    const [a, b] = [await connect(ada), await connect(bob)];
    for (let i = 0; i < 100; i++) a.client.send(bob.nodeId, Buffer.from(`a${i}`));
    b.client.send(ada.nodeId, Buffer.from('b'));
    await until('all of it', () => b.heard.length === 100 && a.heard.length === 1);
    expect(heard(b)).toEqual(Array.from({ length: 100 }, (_, i) => `${ada.nodeId}: a${i}`));
    expect(heard(a)).toEqual([`${bob.nodeId}: b`]);
    await until('a measured round trip', () => a.client.latency !== null);
    expect(a.client.latency).toBeGreaterThan(0);
  });

  it('tells a sender that the other is not connected here', async () => {
    const a = await connect(ada);
    a.client.send(bob.nodeId, Buffer.from('x'));
    await until('the notice', () => a.gone.length > 0);
    expect(a.gone).toEqual([bob.nodeId]);
  });

  it('a client leaves a relay that is another than the one it looked for', async () => {
    const lost = new TestRelayClient({ id: 'coordinator-2', url: grpc.url }, grpc, ada.shown);
    open.push(lost);
    lost.client.send(bob.nodeId, Buffer.from('x'));
    await until('its end', () => lost.states.includes('waiting'));
    expect(lost.states).not.toContain('connected');
    expect(lost.unsent).toEqual([`${bob.nodeId}: x`]);
  });

  it('SEC-33: refuses whoever shows no certificate, a foreign one, or that of a removed node', async () => {
    await grpc.store.removeNode(bob.nodeId, Date.now(), CLI);
    expect(await rawStream(bob.shown).ended).toBe(status.UNAUTHENTICATED);
    expect(await rawStream(await foreignCertificate(ada.nodeId)).ended).toBe(status.UNAUTHENTICATED);
    const stub = new RelayStub(grpc.url, credentials.createSsl(Buffer.from(pemOf(grpc))), {
      'grpc.ssl_target_name_override': COORDINATOR_TLS_NAME,
      'grpc.enable_retries': 0,
    });
    open.push(stub);
    const stream = stub.connect();
    const code = await new Promise((resolve) => {
      stream.on('error', (error: ServiceError) => resolve(error.code));
      stream.on('data', () => {});
    });
    expect(code).toBe(status.UNAUTHENTICATED);
  });

  it('SEC-33: a frame in the name of another goes to that other, in the name of who sent it', async () => {
    const eve = await newMember(grpc, 'eve');
    const [a, b] = [await connect(ada), await connect(bob)];
    const forger = rawStream(eve.shown);
    await until('the welcome', () => forger.frames.length > 0);
    // The one node id of a frame is where it goes; one in every other field of the generated message makes it no frame.
    forger.stream.write(encodeDatagrams(ada.nodeId, [Buffer.from('1')]));
    const twice = Buffer.concat([
      encodeDatagrams(bob.nodeId, [Buffer.from('2')]),
      encodeDatagrams(ada.nodeId, []),
    ]);
    forger.stream.write(twice);
    forger.stream.write(encodeDatagrams(eve.nodeId, [Buffer.from('3')]));
    forger.stream.write(encodeDatagrams(bob.nodeId, [Buffer.from('4')]));
    await until('what was sent', () => b.heard.length > 0);
    expect(heard(a)).toEqual([`${eve.nodeId}: 1`]);
    expect(heard(b)).toEqual([`${eve.nodeId}: 4`]);
    expect(grpc.server.switchboard.counters).toMatchObject({ malformed: 1, droppedForbidden: 1 });
  });

  it('SEC-33: hands on what it cannot read, bit for bit', async () => {
    const [a, b] = [await connect(ada), await connect(bob)];
    const ciphertext = Buffer.from(Array.from({ length: 1452 }, (_, i) => (i * 31) & 0xff));
    a.client.send(bob.nodeId, Buffer.from(ciphertext));
    await until('the datagram', () => b.heard.length > 0);
    expect(b.heard[0]?.bytes.equals(ciphertext)).toBe(true);
  });

  it.each([
    ['is removed', () => grpc.store.removeNode(bob.nodeId, Date.now(), CLI)],
    ['expires', () => grpc.store.setKeyExpiry(bob.nodeId, Date.now() - 1, Date.now(), CLI)],
  ])('SEC-7: a node that %s is cut off, and nothing reaches it', async (_, end) => {
    const a = await connect(ada);
    const stream = rawStream(bob.shown);
    await until('the welcome', () => stream.frames.length > 0);
    await end();
    expect(await stream.ended).toBe(status.UNAUTHENTICATED);
    a.client.send(bob.nodeId, Buffer.from('x'));
    await until('the notice', () => a.gone.length > 0);
    expect(stream.frames).toHaveLength(1);
  });

  it('a node has one stream: the newest', async () => {
    const first = rawStream(bob.shown);
    await until('the welcome', () => first.frames.length > 0);
    const [a, b] = [await connect(ada), await connect(bob)];
    expect(await first.ended).toBe(status.ABORTED);
    a.client.send(bob.nodeId, Buffer.from('x'));
    await until('the datagram', () => b.heard.length > 0);
  });

  it('SEC-34: one that does not read loses the oldest; others lose nothing and wait for nobody', async () => {
    const slow = await newMember(grpc, 'slow');
    const stuck = rawStream(slow.shown);
    await until('the welcome', () => stuck.frames.length > 0);
    stuck.stream.pause();
    const [a, b] = [await connect(ada), await connect(bob)];
    const waiting = () => Math.max(...[...grpc.server.switchboard.clients()].map((one) => one.waitingBytes));
    let most = 0;
    let echoes = 0;
    // 30 MB for one who takes nothing; in between, each datagram to the other must arrive before the next is sent.
    for (let round = 0; round < 150; round++) {
      for (let i = 0; i < 140; i++) a.client.send(slow.nodeId, Buffer.alloc(1452, i));
      a.client.send(bob.nodeId, Buffer.from([round]));
      await until('the echo', () => b.heard.length > echoes);
      echoes++;
      most = Math.max(most, waiting());
    }
    expect(b.heard.map(({ bytes }) => bytes[0])).toEqual(Array.from({ length: 150 }, (_, i) => i));
    expect(most).toBeLessThanOrEqual(MAX_WAITING_BYTES);
    const { droppedQueue } = grpc.server.switchboard.counters;
    expect(droppedQueue).toBeGreaterThan(10_000);
    expect(a.client.counters.droppedQueue).toBe(0);
    // When it reads again it is served again, with the newest.
    stuck.stream.resume();
    a.client.send(slow.nodeId, Buffer.from('newest'));
    await until('the newest', () =>
      stuck.frames.some(
        (frame) =>
          frame?.$case === 'datagrams' && frame.value.datagrams.some((one) => one.toString() === 'newest'),
      ),
    );
  });

  it('what is sent while the connection is being made waits for it, the latest 32', async () => {
    const b = await connect(bob);
    const early = new TestRelayClient({ url: grpc.url }, grpc, ada.shown);
    open.push(early);
    for (let i = 0; i < 40; i++) early.client.send(bob.nodeId, Buffer.from(`${i}`));
    await until('all of it', () => b.heard.length === 32);
    expect(heard(b)[0]).toBe(`${ada.nodeId}: 8`);
    expect(early.client.counters).toMatchObject({ sent: 32, droppedAway: 8 });
  });

  it('what waits for a connection that does not come to be is given back', async () => {
    const early = new TestRelayClient({ url: '127.0.0.1:1' }, grpc, ada.shown);
    open.push(early);
    for (const text of ['1', '2']) early.client.send(bob.nodeId, Buffer.from(text));
    await until('the end of the try', () => early.unsent.length === 2);
    expect(early.unsent).toEqual([`${bob.nodeId}: 1`, `${bob.nodeId}: 2`]);
    expect(early.client.counters).toMatchObject({ sent: 0, droppedAway: 0 });
  });

  it('a relay gone bad cannot make a client fail', async () => {
    const certificate = await grpc.authority.issueServer(Date.now());
    const evil = new Server();
    const junk = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 100 }), { seed: 1, numRuns: 500 });
    evil.addService(
      { connect: { ...RelayService.connect, responseSerialize: (bytes: Buffer) => bytes } },
      {
        connect: (call: ServerDuplexStream<unknown, Buffer>) => {
          for (const bytes of junk) {
            call.write(Buffer.from(bytes));
            call.write(Buffer.from([0x0a, ...bytes]));
          }
          call.write(
            Buffer.from(RelayFrame.encode({ frame: { $case: 'welcome', value: { relayId: '' } } }).finish()),
          );
          call.resume();
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) =>
      evil.bindAsync(
        '127.0.0.1:0',
        ServerCredentials.createSsl(null, [
          { cert_chain: Buffer.from(certificate.chain), private_key: Buffer.from(certificate.privateKey) },
        ]),
        (error, bound) => (error === null ? resolve(bound) : reject(error)),
      ),
    );
    open.push({ close: () => evil.forceShutdown() });
    const victim = new TestRelayClient({ url: `127.0.0.1:${port}` }, grpc, ada.shown);
    open.push(victim);
    await victim.connected();
    expect(victim.client.counters.malformed).toBeGreaterThan(500);
  });

  it('a client comes back when the relay is there again', async () => {
    const [a, b] = [await connect(ada), await connect(bob)];
    const { port } = grpc.server;
    await grpc.server.close();
    await until('the loss', () => a.client.state === 'waiting' && b.client.state === 'waiting');
    a.client.send(bob.nodeId, Buffer.from('lost'));
    expect(a.client.counters.droppedAway).toBe(1);
    grpc.server = await serveGrpc(
      {
        store: grpc.store,
        authority: grpc.authority,
        proofKey: { privateKey: new Uint8Array(32), publicKey: grpc.proofKey },
        clock: systemClock,
        log: createLogger('silent', 'test'),
        instance: 'test',
        relayRates: relayRates(100),
      },
      { host: '127.0.0.1', port },
    );
    await Promise.all([a.connected(), b.connected()]);
    a.client.send(bob.nodeId, Buffer.from('x'));
    await until('the datagram', () => b.heard.length > 0);
    expect(heard(b)).toEqual([`${ada.nodeId}: x`]);
  });
});

it('the receive window of a stream can be widened as the relay does it', async () => {
  const server = new Server();
  const sizes = new Promise<(boolean | number | undefined)[]>((resolve) => {
    server.addService(RelayService, {
      connect: (call: ServerDuplexStream<RelayFrame, RelayFrame>) => {
        const done = widenWindow(call);
        const { session } = (
          call as unknown as { call: { stream: { session: import('node:http2').Http2Session } } }
        ).call.stream;
        call.resume();
        session.once('localSettings', (settings) =>
          resolve([done, session.state.effectiveLocalWindowSize, settings.initialWindowSize]),
        );
      },
    });
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  const stub = new RelayStub(`127.0.0.1:${port}`, credentials.createInsecure());
  const stream = stub.connect();
  stream.on('error', () => {});
  expect(await sizes).toEqual([true, RECEIVE_WINDOW, RECEIVE_WINDOW]);
  stream.cancel();
  stub.close();
  server.forceShutdown();
});

function pemOf({ authority }: TestGrpc): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(authority.certificate).toString('base64')}\n-----END CERTIFICATE-----\n`;
}
