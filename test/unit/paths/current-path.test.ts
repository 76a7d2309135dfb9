import { beforeEach, expect, it } from 'vitest';
import { FRESH } from '../../../agent/paths/constants.ts';
import { CurrentPath } from '../../../agent/paths/current-path.ts';
import { OWN_SOCKET, Path } from '../../../agent/paths/path.ts';
import type { PathContext } from '../../../agent/paths/path-context.ts';
import type { ChosenPath } from '../../../agent/paths/path-sink.ts';
import { ProbeCounters } from '../../../agent/paths/probe-counters.ts';
import { udp } from './ends.ts';

const SLOT = 5;
let told: (ChosenPath | null)[];
let why: string[];
let context: PathContext;
let current: CurrentPath;

beforeEach(() => {
  [told, why] = [[], []];
  context = {
    relayIsUp: true,
    counters: new ProbeCounters(),
    sink: {
      use: (_: number, path: ChosenPath | null) => void told.push(path),
      event: (event: { kind: string; why: string }) => void why.push(event.why),
    },
  } as never;
  current = new CurrentPath(SLOT, context, 0);
});

/** A path that answered just now, `roundTrip` after it was asked. */
function proven(address: string, now: number, roundTrip = 10, socket = OWN_SOCKET): Path {
  const path = new Path(socket, udp(address), 'interface');
  path.proved(now - roundTrip, now);
  return path;
}

it('begins by relay, which is no change', () => {
  expect([current.path, told, why]).toEqual([null, [null], []]);
});

it('takes a path that has answered, and stays with it while none is better', () => {
  const path = proven('203.0.113.1:1', 1_000);
  current.choose([path, new Path(OWN_SOCKET, udp('203.0.113.2:1'), 'interface')], 1_000);
  current.choose([path, proven('203.0.113.3:1', 1_000, 500)], 1_100);
  expect([current.path, told.length, current.inUse.changes]).toEqual([path, 2, 1]);
  expect(told[1]).toBe(path);
});

it('takes none that answered long ago', () => {
  current.choose([proven('203.0.113.1:1', 1_000)], 1_001 + FRESH);
  expect(current.path).toBeNull();
});

it('sends by relay when the path is dropped, and where there is none by the last path that answered', () => {
  const path = proven('203.0.113.1:1', 1_000);
  current.choose([path], 1_000);
  current.drop();
  current.tell('idle', 2_000);
  expect([current.path, told.at(-1)]).toEqual([null, null]);
  current.setAbsent(true, 3_000);
  expect([current.hasRelay, current.path, told.at(-1)]).toEqual([false, null, path]);
  current.setAbsent(false, 4_000);
  expect([current.hasRelay, told.at(-1)]).toEqual([true, null]);
  expect(why.slice(1)).toEqual(['idle', 'no relay has it', 'the relay is back']);
});

it('forgets the last path that answered with its socket', () => {
  const path = proven('203.0.113.1:1', 1_000, 10, 3);
  current.choose([path], 1_000);
  current.drop();
  current.tell('idle', 2_000);
  current.forgetLast((socket) => socket !== 3);
  current.setAbsent(true, 3_000);
  expect(told.at(-1)).toBe(path);
  current.setAbsent(false, 4_000);
  current.forgetLast((socket) => socket === 3);
  current.setAbsent(true, 5_000);
  expect(told.at(-1)).toBeNull();
});
