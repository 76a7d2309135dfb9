import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enrolRelay } from '../../../coordinator/relay/enrol-relay.ts';
import { KEPT_FOR, readMembers } from '../../../coordinator/relay/kept-members.ts';
import { relayRates } from '../../../coordinator/relay/own-relay.ts';
import type { RelayIdentity } from '../../../coordinator/relay/relay-identity.ts';
import { type RelayServer, serveRelay } from '../../../coordinator/relay/serve-relay.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { WarrenError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import { COORDINATOR_TLS_NAME, relayTlsName } from '../../../shared/tls-names.ts';
import {
  callJoin,
  joinRequest,
  type Member,
  newMember,
  newToken,
  startGrpc,
  type TestGrpc,
  TestStream,
} from '../../support/grpc-coordinator.ts';
import { derOf, TestRelayClient } from '../../support/relay.ts';
import { aToken, CLI } from '../../support/store.ts';
import { waitFor } from '../../support/wait-for.ts';

let folder: string;
let grpc: TestGrpc;
let ada: Member;
let bob: Member;
let relay: RelayServer;
let identity: RelayIdentity;
let refused: WarrenError[];
let isGone: boolean;
const open: { close(): unknown }[] = [];
const until = (what: string, condition: () => boolean) => waitFor(what, condition, { interval: 5 });
const FACTS = { name: 'far away', urls: ['https://relay.example.com:8443'], stunServers: [] };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'warren-relay-'));
  grpc = await startGrpc(folder);
  isGone = false;
  [ada, bob] = [await newMember(grpc, 'ada'), await newMember(grpc, 'bob')];
  identity = await enrolRelay(await relayToken(), FACTS);
  refused = [];
  relay = await start(identity);
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  if (!isGone) await grpc.close();
  rmSync(folder, { recursive: true, force: true });
});

async function relayToken() {
  const secret = new Uint8Array(randomBytes(32));
  const times = { createdAt: Date.now(), expiresAt: Date.now() + 60_000 };
  await grpc.store.createToken(aToken(secret, { ...times, purpose: 'relay' }), CLI);
  return { urls: [`https://${grpc.url}`], pin: grpc.authority.pin, secret };
}

async function start(as: RelayIdentity): Promise<RelayServer> {
  const server = await serveRelay({
    identity: as,
    listen: { host: '127.0.0.1', port: 0 },
    facts: () => FACTS,
    rates: relayRates(100),
    clock: systemClock,
    log: createLogger('silent', 'test'),
    folder,
    onIdentity: () => {},
    onRefused: (error) => refused.push(error),
  });
  open.push(server);
  return server;
}

function client(member: Member, changes: { tlsName?: string; server?: RelayServer } = {}): TestRelayClient {
  const relayClient = new TestRelayClient(
    {
      id: identity.relayId,
      url: `127.0.0.1:${(changes.server ?? relay).port}`,
      tlsName: changes.tlsName ?? relayTlsName(identity.relayId),
    },
    grpc,
    member.shown,
  );
  open.push(relayClient);
  return relayClient;
}

async function connect(member: Member): Promise<TestRelayClient> {
  const relayClient = client(member);
  await relayClient.connected();
  return relayClient;
}

describe('a relay on a host of its own', () => {
  it('carries datagrams between nodes that connected to it, the first one too', async () => {
    const [a, b] = [await connect(ada), await connect(bob)];
    a.client.send(bob.nodeId, Buffer.from('1'));
    b.client.send(ada.nodeId, Buffer.from('2'));
    await until('both', () => a.heard.length + b.heard.length === 2);
    expect(b.heard).toEqual([{ from: ada.nodeId, bytes: Buffer.from('1') }]);
    expect(a.heard).toEqual([{ from: bob.nodeId, bytes: Buffer.from('2') }]);
  });

  it('stands in the map of every node, and goes from it when it is removed', async () => {
    const stream = new TestStream(grpc, ada.shown);
    open.push(stream);
    const { self } = await stream.snapshot();
    expect(self?.relays).toEqual([
      { id: identity.relayId, urls: FACTS.urls, tlsName: relayTlsName(identity.relayId) },
    ]);
    await grpc.store.removeRelay(identity.relayId, Date.now(), CLI);
    const after = await stream.until((message) =>
      message.$case === 'delta' ? message.value.self : undefined,
    );
    expect(after.relays).toEqual([]);
    await until('the end of the relay', () => refused.length > 0);
    expect(refused[0]?.code).toBe('unauthenticated');
  });

  it('SEC-1: a token of a node admits no relay, that of a relay no node, and a used one nobody', async () => {
    const used = await relayToken();
    await enrolRelay(used, FACTS);
    await expect(enrolRelay(used, FACTS)).rejects.toMatchObject({ code: 'unauthenticated' });
    const nodes = { ...used, secret: await newToken(grpc) };
    await expect(enrolRelay(nodes, FACTS)).rejects.toMatchObject({ code: 'unauthenticated' });
    const { request } = await joinRequest(grpc, (await relayToken()).secret);
    await expect(callJoin(grpc, request)).rejects.toThrow(/token is not accepted/);
    expect(await grpc.store.listRelays()).toHaveLength(2);
  });

  it('SEC-9: an agent refuses a relay under the name of the coordinator, and one with the certificate of a node', async () => {
    const wrongName = client(ada, { tlsName: COORDINATOR_TLS_NAME });
    const posing = await start({
      ...identity,
      certificate: Buffer.from(derOf(bob.shown.certificate)).toString('base64'),
      certificateKey: bob.shown.privateKey,
    });
    const wrongCertificate = client(ada, { server: posing });
    await until('both refusals', () =>
      [wrongName, wrongCertificate].every(({ states }) => states.includes('waiting')),
    );
    expect([...wrongName.states, ...wrongCertificate.states]).not.toContain('connected');
  });

  it.each([
    ['removed', () => grpc.store.removeNode(bob.nodeId, Date.now(), CLI)],
    ['expired', () => grpc.store.setKeyExpiry(bob.nodeId, Date.now() - 1, Date.now(), CLI)],
  ])('SEC-7: a node that was %s is cut off there too, and does not come back', async (_, end) => {
    const [a, b] = [await connect(ada), await connect(bob)];
    await end();
    await until('the end of the stream', () => b.client.state === 'waiting');
    b.states.length = 0;
    a.client.send(bob.nodeId, Buffer.from('x'));
    await until('the notice', () => a.gone.length > 0);
    await until('another try', () => b.states.filter((state) => state === 'waiting').length > 0);
    expect(b.states).not.toContain('connected');
    expect(relay.switchboard.size).toBe(1);
  });

  it('SEC-44: without its coordinator it carries on as before: nodes that come back, and pairs that had not met', async () => {
    const [a, b] = [await connect(ada), await connect(bob)];
    a.client.send(bob.nodeId, Buffer.from('1'));
    await until('the first', () => b.heard.length === 1);
    const carol = await newMember(grpc, 'carol');
    const c = await connect(carol);
    isGone = true;
    await grpc.close();
    b.close();
    const again = await connect(bob);
    a.client.send(bob.nodeId, Buffer.from('2'));
    await until('the second', () => again.heard.length === 1);
    c.client.send(bob.nodeId, Buffer.from('3'));
    await until('the third', () => again.heard.length === 2);
    expect(again.heard[1]).toEqual({ from: carol.nodeId, bytes: Buffer.from('3') });
  });

  it('SEC-44: started while its coordinator is away it carries for the members that it knew, and for no others', async () => {
    await connect(ada);
    await relay.close();
    const late = await newMember(grpc, 'late');
    isGone = true;
    await grpc.close();
    const server = await start(identity);
    const [a, b] = [client(ada, { server }), client(bob, { server })];
    const c = client(late, { server });
    for (const each of [a, b]) await each.connected();
    a.client.send(bob.nodeId, Buffer.from('1'));
    await until('the datagram', () => b.heard.length === 1);
    await until('the refusal', () => c.states.includes('waiting'));
    expect(c.states).not.toContain('connected');
  });

  it('what it keeps of its members is for its owner alone, and counts for a day', async () => {
    await connect(ada);
    await relay.close();
    expect(statSync(join(folder, 'members.json')).mode & 0o777).toBe(0o600);
    const log = createLogger('silent', 'test');
    const known = (later: number) => readMembers(folder, Date.now() + later, log)?.members.length;
    expect(known(0)).toBe(2);
    for (const later of [KEPT_FOR + 1_000, -KEPT_FOR - 60_000]) expect(known(later)).toBeUndefined();
    writeFileSync(join(folder, 'members.json'), '{"version":1,');
    expect(known(0)).toBeUndefined();
  });
});
