import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leaveNetwork } from '../../../agent/control/leave-network.ts';
import { SyncClient } from '../../../agent/control/sync-client.ts';
import type { NetworkMap } from '../../../agent/mesh/network-map.ts';
import type { Identity } from '../../../agent/state/records.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { WarrenError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import { COORDINATOR_TLS_NAME } from '../../../shared/tls-names.ts';
import { FakeCoordinator, snapshotMessage } from '../../support/fake-coordinator.ts';
import { aMap, aPeer } from '../../support/map.ts';
import { aPath } from '../../support/mesh-view.ts';
import { syncOptions } from '../../support/sync-options.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('the stream to the coordinator', () => {
  let fake: FakeCoordinator;
  let sync: SyncClient | null = null;
  const maps: NetworkMap[] = [];
  const connections: boolean[] = [];
  const watched: number[] = [];
  const refused: WarrenError[] = [];
  const identities: Identity[] = [];
  /** Seconds are skipped by adding to this. */
  let skipped = 0;
  /** What this host's clock is ahead of the coordinator's. */
  let ahead = 0;
  const clock = {
    monotonic: () => systemClock.monotonic() + skipped,
    wall: () => systemClock.wall() + ahead,
  };

  beforeEach(async () => {
    fake = await FakeCoordinator.start();
    skipped = 0;
    ahead = 0;
    for (const list of [maps, connections, watched, refused, identities]) list.length = 0;
  });

  afterEach(() => {
    sync?.close();
    fake.close();
  });

  function start(identity: Identity, map: NetworkMap | null = null): SyncClient {
    sync = new SyncClient(
      syncOptions(() => identity, createLogger('silent', 'test'), { map, clock }),
      {
        onMap: (each) => maps.push(each),
        onConnected: (connected) => connections.push(connected),
        onWatch: (interval) => watched.push(interval),
        onRefused: (error) => refused.push(error),
        onIdentity: (each) => identities.push(each),
      },
    );
    sync.start();
    return sync;
  }

  const hello = (n: number) => {
    const hellos = fake.received.flatMap(({ message }) =>
      message?.$case === 'hello' ? [message.value] : [],
    );
    return hellos[n - 1];
  };
  const until = (what: string, condition: () => unknown) =>
    waitFor(what, () => Boolean(condition()), { interval: 10 });

  it('begins with what is held, and gives out each map that comes', async () => {
    start(await fake.identity(), aMap([aPeer(2)]));
    const stream = await fake.stream(1);
    await until('the greeting', () => hello(1));
    expect(hello(1)).toMatchObject({ mapEpoch: 'epoch', mapVersion: 7n });
    stream.write({
      message: {
        $case: 'delta',
        value: { fromVersion: 7n, version: 8n, self: undefined, peers: [], removedNodeIds: ['node-002'] },
      },
    });
    await until('the map', () => maps.length === 1);
    expect(maps[0]).toMatchObject({ version: 8, peers: [] });
    expect(connections).toEqual([true]);
  });

  it('a report goes out at once, also before the first answer, and again on the next stream', async () => {
    const client = start(await fake.identity());
    const report = (endpoint: string) =>
      client.report({ endpoints: [endpoint], listenPort: 1, offers: undefined, segments: [] });
    const reports = () =>
      fake.received.flatMap(({ message }) => (message?.$case === 'report' ? message.value.endpoints : []));
    const stream = await fake.stream(1);
    report('192.0.2.1:1');
    await until('the first report', () => reports().length === 1);
    stream.write(snapshotMessage());
    await until('the connection', () => connections.length === 1);
    report('192.0.2.1:2');
    await until('the second', () => reports().length === 2);
    stream.emit('error', { code: status.UNAVAILABLE, details: 'stopping' });
    await fake.stream(2);
    await until('the last one again', () => reports().length === 3);
    expect(reports()).toEqual(['192.0.2.1:1', '192.0.2.1:2', '192.0.2.1:2']);
  });

  it('paths are told when the coordinator asked, and not before it has answered', async () => {
    const client = start(await fake.identity());
    const stream = await fake.stream(1);
    expect(client.reportPaths({ peers: [] })).toBe(false);
    stream.write({ message: { $case: 'watch', value: { interval: 2_000 } } });
    await until('the wish', () => watched.length === 1);
    expect([watched, connections]).toEqual([[2_000], [true]]);
    expect(client.reportPaths({ peers: [aPath('b')] })).toBe(true);
    await until('the report', () => fake.received.some(({ message }) => message?.$case === 'paths'));
  });

  it('a map that cannot be is not taken; the next stream asks for a whole one', async () => {
    start(await fake.identity(), aMap([aPeer(2)]));
    const stream = await fake.stream(1);
    stream.write({
      message: {
        $case: 'delta',
        value: { fromVersion: 9n, version: 10n, self: undefined, peers: [], removedNodeIds: ['node-002'] },
      },
    });
    await fake.stream(2);
    await until('the second greeting', () => hello(2));
    expect(hello(2)).toMatchObject({ mapEpoch: '', mapVersion: 0n });
    expect(maps).toEqual([]);
    expect(connections).toEqual([true, false]);
  });

  it.each([
    status.UNAVAILABLE,
    status.INTERNAL,
    status.PERMISSION_DENIED,
    status.ABORTED,
    status.FAILED_PRECONDITION,
  ])('SEC-44: a stream that ends with status %i is opened again', async (code) => {
    start(await fake.identity());
    (await fake.stream(1)).emit('error', { code, details: 'for a test' });
    (await fake.stream(2)).write(snapshotMessage());
    await until('the map', () => maps.length === 1);
    expect(refused).toEqual([]);
  });

  it('SEC-7: UNAUTHENTICATED is the end: it is told once, and nothing is tried again', async () => {
    start(await fake.identity());
    const stream = await fake.stream(1);
    stream.write(snapshotMessage());
    await until('the map', () => maps.length === 1);
    stream.emit('error', { code: status.UNAUTHENTICATED, details: 'this node was removed' });
    await until('the refusal', () => refused.length === 1);
    expect(refused[0]?.code).toBe('unauthenticated');
    expect(refused[0]?.message).toContain('this node was removed');
    expect(connections).toEqual([true, false]);
    expect(fake.syncs).toHaveLength(1);
  });

  it('a coordinator silent for 15 s is away, and sought again', async () => {
    start(await fake.identity());
    (await fake.stream(1)).write(snapshotMessage());
    await until('the connection', () => connections.length === 1);
    // Not much less, so that a machine that is busy for seconds does not make it the silence itself.
    skipped += 8_000;
    await until('a look at the clock, which sends a heartbeat', () =>
      fake.received.some(({ message }) => message?.$case === 'heartbeat'),
    );
    expect(connections).toEqual([true]);
    skipped += 8_000;
    await until('the loss', () => connections.length === 2);
    await fake.stream(2);
  });

  it('something is sent every 5 s', async () => {
    start(await fake.identity());
    const stream = await fake.stream(1);
    stream.write(snapshotMessage());
    await until('the connection', () => connections.length === 1);
    const beats = () => fake.received.filter(({ message }) => message?.$case === 'heartbeat').length;
    for (const count of [1, 2]) {
      skipped += 5_000;
      await until(`heartbeat ${count}`, () => beats() === count);
      stream.write({ message: { $case: 'heartbeat', value: { sequence: 1n } } });
    }
    expect(connections).toEqual([true]);
  });

  it.each([
    [59, 0, 0],
    [61, 1, 0],
    [59, 0, 3652],
    [61, 1, -3652],
  ])(
    'SEC-50: after %i days of 90 a certificate is renewed %i times, with a clock %i days off',
    async (days, times, off) => {
      ahead = off * 86_400_000;
      const identity = await fake.identity(days);
      start(identity);
      (await fake.stream(1)).write(snapshotMessage());
      await until('the connection', () => connections.length === 1);
      if (times > 0) await until('the new identity', () => identities.length === 1);
      expect(fake.renewals).toBe(times);
      if (times > 0) {
        expect(identities[0]?.certificate).not.toBe(identity.certificate);
        expect(identities[0]?.certificateKey).not.toBe(identity.certificateKey);
        expect(identities[0]?.privateKey).toBe(identity.privateKey);
      }
    },
  );

  it('goes to a coordinator that only the map tells of, when those of the token are away', async () => {
    const other = { id: 'coordinator-2', urls: [fake.url], tlsName: COORDINATOR_TLS_NAME };
    const relay = { id: 'relay-1', urls: ['https://127.0.0.1:2'], tlsName: 'relay-1.relay.warren.internal' };
    const map = aMap([]);
    map.self.relays = [relay, other];
    start({ ...(await fake.identity()), urls: ['https://127.0.0.1:1'] }, map);
    (await fake.stream(1)).write(snapshotMessage());
    await until('the connection', () => connections.at(-1));
  });

  it('leaving is told at the first address that answers', async () => {
    const identity = await fake.identity();
    expect(await leaveNetwork({ ...identity, urls: ['https://127.0.0.1:1', fake.url] }, false)).toBe(true);
    expect(fake.leaves).toBe(1);
    const away = { ...identity, urls: ['https://127.0.0.1:1'] };
    await expect(leaveNetwork(away, false)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await leaveNetwork(away, true)).toBe(false);
  });
});
