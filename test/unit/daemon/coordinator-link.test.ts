import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CoordinatorClock } from '../../../agent/control/coordinator-clock.ts';
import { SyncClient } from '../../../agent/control/sync-client.ts';
import { CoordinatorLink } from '../../../agent/daemon/coordinator-link.ts';
import type { NetworkMap } from '../../../agent/mesh/network-map.ts';
import type { Identity } from '../../../agent/state/records.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { WarrenError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import { FakeCoordinator, snapshotMessage } from '../../support/fake-coordinator.ts';
import { SETTINGS } from '../../support/records.ts';
import { waitFor } from '../../support/wait-for.ts';

const REPORT = { endpoints: ['192.0.2.1:1'], listenPort: 1, homeRelay: '', reachable: ['192.0.2.1:1'] };

let fake: FakeCoordinator;
let identity: Identity;
let ending: AbortController;
let link: CoordinatorLink;
let maps: NetworkMap[];
let refused: WarrenError[];

beforeEach(async () => {
  fake = await FakeCoordinator.start();
  identity = await fake.identity();
  [ending, maps, refused] = [new AbortController(), [], []];
  link = new CoordinatorLink({
    records: {
      identity,
      settings: { ...SETTINGS, acceptRoutes: true, segments: [{ name: 'lab', bridge: null }] },
      saveIdentity: () => {},
    },
    map: () => maps.at(-1) ?? null,
    paths: async () => {
      throw new Error('no tunnel here');
    },
    waysTo: (urls) => urls,
    onMap: (map) => maps.push(map),
    onRefused: (error) => refused.push(error),
    coordinatorClock: new CoordinatorClock(systemClock),
    clock: systemClock,
    log: createLogger('silent', 'test'),
    ending: ending.signal,
  });
});

afterEach(() => {
  link.close();
  fake.close();
});

const until = (what: string, condition: () => boolean) => waitFor(what, condition, { interval: 10 });

it('tells on the first stream what was reported before its code was there, and gives out maps', async () => {
  link.report({ ...REPORT, listenPort: 0 });
  link.report(REPORT);
  await link.start();
  const stream = await fake.stream(1);
  await until('the report', () => fake.received.length === 2);
  expect(fake.received.map(({ message }) => message?.$case)).toEqual(['hello', 'report']);
  expect(fake.received[1]?.message?.value).toMatchObject({
    endpoints: REPORT.endpoints,
    listenPort: 1,
    segments: ['lab'],
    reach: { endpoints: REPORT.reachable, acceptsRoutes: true },
    offers: { routes: [], exitNode: false },
  });
  expect(link.isConnected).toBe(false);
  stream.write(snapshotMessage());
  await until('the map', () => maps.length === 1);
  expect(link.isConnected).toBe(true);
  stream.emit('error', { code: status.UNAUTHENTICATED, details: 'removed' });
  await until('the refusal', () => refused.length === 1);
  expect(link.isConnected).toBe(false);
});

it('leaves without having started, and where the coordinator is away only by force', async () => {
  expect(await link.leave(false)).toBe(true);
  expect(fake.leaves).toBe(1);
  fake.close();
  await expect(link.leave(false)).rejects.toMatchObject({ code: 'unavailable' });
  expect(await link.leave(true)).toBe(false);
});

it('does not begin when the end has come while its code was loaded', async () => {
  const begun = vi.spyOn(SyncClient.prototype, 'start');
  const starting = link.start();
  ending.abort();
  await starting;
  expect(begun).not.toHaveBeenCalled();
});
