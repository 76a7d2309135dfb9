import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { OwnRecords } from '../../../agent/daemon/own-records.ts';
import { State } from '../../../agent/state/state.ts';
import { createLogger } from '../../../shared/log.ts';
import { aMap, aPeer } from '../../support/map.ts';
import { IDENTITY, SETTINGS } from '../../support/records.ts';

let folder: string;
let state: State;
let records: OwnRecords;

const open = (nodeId = 'self') =>
  new OwnRecords(state, { ...IDENTITY, nodeId }, SETTINGS, createLogger('silent', 'test'));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'warren-test-records-'));
  state = State.open(join(folder, 'state'), { create: true });
  records = open();
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

it('what is saved is in use, and there at the next start', () => {
  records.saveSettings({ ...SETTINGS, lastPort: 4711 });
  records.saveIdentity({ ...records.identity, certificateKey: 'another' });
  expect([records.settings.lastPort, records.identity.certificateKey]).toEqual([4711, 'another']);
  expect([state.settings()?.lastPort, state.identity()?.certificateKey]).toEqual([4711, 'another']);
});

it('on a full disk settings hold all the same, and an identity does not', () => {
  const full = () => {
    throw new Error('no space left on device');
  };
  vi.spyOn(state, 'saveSettings').mockImplementation(full);
  vi.spyOn(state, 'saveMap').mockImplementation(full);
  vi.spyOn(state, 'saveIdentity').mockImplementation(full);
  records.saveSettings({ ...SETTINGS, lastPort: 4711 });
  records.saveMap(aMap([]), 0);
  expect(records.settings.lastPort).toBe(4711);
  expect(() => records.saveIdentity({ ...records.identity, certificateKey: 'another' })).toThrow('no space');
  expect(records.identity.certificateKey).toBe(IDENTITY.certificateKey);
});

it('a map comes back with its clock, to the node that it was for', () => {
  expect(records.savedMap()).toBeNull();
  const map = aMap([aPeer(2)]);
  records.saveMap(map, 1_500);
  expect(records.savedMap()).toMatchObject({ map: { version: map.version }, clockOffset: 1_500 });
  expect(open('another').savedMap()).toBeNull();
});

it('a map that cannot be is none', () => {
  state.saveMap({ version: 1, map: { nonsense: true }, clockOffset: 0 });
  expect(records.savedMap()).toBeNull();
});
