import { beforeEach, expect, it } from 'vitest';
import { HeldNetwork } from '../../../coordinator/grpc/held-network.ts';
import { type Update, ViewerUpdates } from '../../../coordinator/grpc/viewer-updates.ts';
import type { MapNode } from '../../../coordinator/network/map.ts';
import { DEFAULT_SETTINGS } from '../../../coordinator/network/settings.ts';
import type { NetworkChanges, NetworkRecord } from '../../../coordinator/store/contract/network.ts';
import type { NodeRecord } from '../../../coordinator/store/contract/nodes.ts';
import { aMapNode } from '../../support/map-node.ts';

const NETWORK = {
  epoch: 'e',
  version: 5,
  prefix4: '100.64.0.0/10',
  prefix6: 'fd00::/48',
  relays: [],
  settings: DEFAULT_SETTINGS,
  policy: null,
} as unknown as NetworkRecord;

const node = (id: string, changes: Partial<MapNode> = {}): NodeRecord =>
  aMapNode(id, { address4: `100.64.0.${id.charCodeAt(0)}`, ...changes }) as NodeRecord;

const changesTo = (version: number, changed: NodeRecord[], removed: string[] = []): NetworkChanges =>
  ({
    epoch: 'e',
    version,
    changed,
    removed,
    relays: null,
    settings: null,
    policy: null,
    complete: true,
  }) as NetworkChanges;

let held: HeldNetwork;
let updates: ViewerUpdates;

beforeEach(() => {
  held = new HeldNetwork(NETWORK, [node('a'), node('b')]);
  updates = new ViewerUpdates(held);
});

const names = (update: Update) => update?.view.peers.map(({ name }) => name);

it('goes on by steps, of which the last is at hand', () => {
  const step = changesTo(6, [node('c')], ['b']);
  held.advance(step);
  expect([held.network.version, [...held.nodes.keys()]]).toEqual([6, ['a', 'c']]);
  expect(held.stepFrom(5)).toMatchObject(step);
  held.advance(changesTo(7, [node('a', { name: 'another' })]));
  expect([held.stepFrom(5), held.stepFrom(6)?.version, held.nodes.get('a')?.name]).toEqual([
    null,
    7,
    'another',
  ]);
  expect(held.lastSteps(2).map(({ version }) => version)).toEqual([6, 7]);
});

it('is replaced by another as a whole, and says who is gone', () => {
  held.advance(changesTo(6, [node('c')]));
  const gone = held.replace({ ...NETWORK, epoch: 'f', version: 2 }, [node('a'), node('d')]);
  expect(gone.sort()).toEqual(['b', 'c']);
  expect([held.network.epoch, [...held.nodes.keys()], held.stepFrom(5), held.lastSteps(0)]).toEqual([
    'f',
    ['a', 'd'],
    null,
    [],
  ]);
});

it('shows a member all others, or what changed of them; and nothing to who is none', () => {
  expect(names(updates.snapshot('a', 0))).toEqual(['name-b']);
  expect([updates.snapshot('x', 0), updates.self('x'), updates.standing('x')]).toEqual([null, null, null]);
  const step = changesTo(6, [node('c')], ['b']);
  held.advance(step);
  const update = updates.since(held.nodes.get('a') as NodeRecord, held.network, 5, step, 0);
  expect([update?.kind, names(update)]).toEqual(['delta', ['name-c']]);
  expect(updates.standing('a')).toMatchObject({
    fromVersion: 6,
    version: 6,
    peers: [],
    self: { nodeId: 'a' },
  });
});

it('shows all again where the changes since are not known as a whole', () => {
  const step = { ...changesTo(6, [node('c')]), complete: false };
  held.advance(step);
  const update = updates.since(held.nodes.get('a') as NodeRecord, held.network, 5, step, 0);
  expect([update?.kind, names(update)]).toEqual(['snapshot', ['name-b', 'name-c']]);
});
