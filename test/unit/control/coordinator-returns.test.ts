import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { SyncClient } from '../../../agent/control/sync-client.ts';
import type { NetworkMap } from '../../../agent/mesh/network-map.ts';
import type { Identity } from '../../../agent/state/records.ts';
import { MapFeed } from '../../../coordinator/grpc/map-feed.ts';
import { createLogger, type Logger } from '../../../shared/log.ts';
import { type Member, newMember, startGrpc, type TestGrpc } from '../../support/grpc-coordinator.ts';
import { derOf } from '../../support/relay.ts';
import { syncOptions } from '../../support/sync-options.ts';
import { waitFor } from '../../support/wait-for.ts';

const AGENTS = 12;

const folder = mkdtempSync(join(tmpdir(), 'warren-returns-'));
let grpc: TestGrpc;
const agents: SyncClient[] = [];

afterEach(async () => {
  for (const agent of agents.splice(0)) agent.close();
  await grpc.close();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

function identityOf(member: Member): Identity {
  return {
    version: 1,
    privateKey: Buffer.from(member.privateKey).toString('base64'),
    publicKey: Buffer.from(member.publicKey).toString('base64'),
    nodeId: member.nodeId,
    name: member.name,
    addresses: [],
    urls: [`https://${grpc.url}`],
    pin: Buffer.from(grpc.authority.pin).toString('base64'),
    caCertificate: Buffer.from(grpc.authority.certificate).toString('base64'),
    certificate: Buffer.from(derOf(member.shown.certificate)).toString('base64'),
    certificateKey: member.shown.privateKey,
  };
}

it(`SEC-45: a coordinator that is back has its ${AGENTS} agents in step by differences, which come after pauses of their own`, async () => {
  grpc = await startGrpc(folder);
  const members: Member[] = [];
  for (let i = 0; i < AGENTS; i++) members.push(await newMember(grpc, `host-${i}`));
  const maps = new Map<number, NetworkMap>();
  const pauses: number[] = [];
  const silent = createLogger('silent', 'test');
  const log = new Proxy(silent, {
    get: (target, name) =>
      name === 'warn'
        ? (facts: { retryMs?: number }) => facts.retryMs !== undefined && pauses.push(facts.retryMs)
        : Reflect.get(target, name),
  }) as Logger;
  const connected = new Set<number>();
  for (const [i, member] of members.entries()) {
    const identity = identityOf(member);
    const agent = new SyncClient(
      syncOptions(() => identity, log),
      {
        onMap: (map) => maps.set(i, map),
        onConnected: (isConnected) => (isConnected ? connected.add(i) : connected.delete(i)),
        onWatch: () => {},
        onRefused: (error) => expect.fail(error.message),
        onIdentity: () => {},
      },
    );
    agents.push(agent);
    agent.start();
  }
  const inStep = (peers: number) => () =>
    connected.size === AGENTS && [...maps.values()].every((map) => map.peers.length === peers);
  await waitFor('all to have the map', inStep(AGENTS - 1));

  const port = grpc.server.port;
  await grpc.close();
  await waitFor('all to notice', () => connected.size === 0);
  const updates: string[] = [];
  const since = MapFeed.prototype.since;
  vi.spyOn(MapFeed.prototype, 'since').mockImplementation(async function (this: MapFeed, ...args) {
    const update = await since.apply(this, args);
    if (update !== null) updates.push(update.kind);
    return update;
  });
  grpc = await startGrpc(folder, (store) => store, port);
  // While they are away, something has changed: what it was is all that they have to be told.
  await newMember(grpc, 'late');
  // Pauses grow to half a minute, where the coordinator takes long to start.
  await waitFor('all to be in step again', inStep(AGENTS), { timeout: 150_000 });
  expect(new Set(updates)).toEqual(new Set(['delta']));
  expect(new Set(pauses).size).toBeGreaterThan(AGENTS / 2);
}, 300_000);
