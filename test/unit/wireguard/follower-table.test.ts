import { beforeEach, expect, it } from 'vitest';
import { FollowerTable } from '../../../agent/wireguard/follower-table.ts';
import type { FollowerUpdate } from '../../../agent/wireguard/follower-updates.ts';
import { shareSession } from '../../../agent/wireguard/shared-session.ts';
import { parseIp } from '../../../shared/ip.ts';
import { type Prefix, parsePrefix } from '../../../shared/prefix.ts';
import { createReferenceCipher } from '../../support/reference-cipher.ts';

const WORKER = 1;
const SLOT = 4;
const prefix = parsePrefix('10.0.0.4/32') as Prefix;
const ADDRESS = parseIp('192.0.2.1') as Uint8Array;
let table: FollowerTable;

const peer = (endpoint: { address: Uint8Array; port: number } | null): FollowerUpdate & { kind: 'peer' } => ({
  kind: 'peer',
  slot: SLOT,
  endpoint,
  endpointChosen: true,
  isDiverted: false,
});

const session = (localIndex: number, owner: number): FollowerUpdate & { kind: 'session' } => ({
  kind: 'session',
  slot: SLOT,
  localIndex,
  remoteIndex: 9,
  created: 0,
  owner,
  memory: shareSession({ sending: new Uint8Array(32).fill(1), receiving: new Uint8Array(32).fill(2) }, 1),
});

beforeEach(() => {
  table = new FollowerTable(WORKER, createReferenceCipher, 1_420);
  table.apply(peer(null));
});

it('a peer keeps what is known of it when it is told of again, but for where it is', () => {
  table.apply(session(7, WORKER));
  const known = table.session(7)?.peer;
  table.apply({ kind: 'current', localIndex: 7 });
  table.apply(peer({ address: ADDRESS, port: 5 }));
  table.apply(session(8, WORKER));
  expect(table.session(8)?.peer).toBe(known);
  expect([known?.current?.localIndex, known?.endpoint?.port, known?.endpointChosen]).toEqual([7, 5, true]);
});

it('a session that ends is sent under no more; another one of its peer stays', () => {
  table.apply(session(7, WORKER));
  table.apply(session(8, WORKER));
  const known = table.session(7)?.peer;
  table.apply({ kind: 'current', localIndex: 8 });
  table.apply({ kind: 'session-ended', localIndex: 7 });
  expect([table.session(7), known?.current?.localIndex]).toEqual([undefined, 8]);
  table.apply({ kind: 'session-ended', localIndex: 8 });
  table.apply({ kind: 'session-ended', localIndex: 8 });
  expect(known?.current).toBeNull();
});

it('a session that came and went before it was to be used is not', () => {
  table.apply({ kind: 'current', localIndex: 7 });
  table.apply(session(7, WORKER));
  expect(table.session(7)?.peer.current).toBeNull();
});

it('of a peer that it was never told of no session can begin', () => {
  table.apply({ kind: 'peer-removed', slot: SLOT });
  expect(() => table.apply(session(7, WORKER))).toThrow('no peer in slot 4');
  expect(() => table.apply({ kind: 'allowed-ip', slot: SLOT, prefix, remove: false })).toThrow('no peer');
});

it('what the device says of itself holds from then on', () => {
  table.apply({ kind: 'mtu', mtu: 1_280 });
  table.apply({ kind: 'group', hasGroup: true });
  expect([table.mtu, table.hasGroup]).toEqual([1_280, true]);
});

it('nothing is left of it when it is closed', () => {
  table.apply(session(7, WORKER));
  table.close();
  expect(table.session(7)).toBeUndefined();
  expect(() => table.apply(session(8, WORKER))).toThrow('no peer');
});
