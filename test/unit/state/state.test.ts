import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { State } from '../../../agent/state/state.ts';
import { TimestampKeeper } from '../../../agent/timestamp-keeper.ts';
import { timestampOf } from '../../../agent/wireguard/tai64n.ts';
import { createLogger } from '../../../shared/log.ts';
import { run } from '../../support/process.ts';
import { IDENTITY, SETTINGS } from '../../support/records.ts';

let root: string;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'warren-test-state-'));
  folder = join(root, 'state');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const refusal = (action: () => unknown) => {
  try {
    action();
  } catch (error) {
    return error as { code: string; hint: string };
  }
  throw new Error('nothing was refused');
};

describe('the state folder', () => {
  it('SEC-61: folder 0700, files 0600, whatever the umask', () => {
    const before = process.umask(0);
    try {
      const state = State.open(folder, { create: true });
      state.saveIdentity(IDENTITY);
      state.saveSettings(SETTINGS);
      state.saveMap({ version: 1, map: {}, clockOffset: 0 });
      state.saveTimestamp(new Uint8Array(12));
      state.lock().release();
    } finally {
      process.umask(before);
    }
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(folder))
      expect([file, statSync(join(folder, file)).mode & 0o777]).toEqual([file, 0o600]);
  });

  it('SEC-61: a folder or file that others can read is refused', () => {
    State.open(folder, { create: true }).saveIdentity(IDENTITY);
    chmodSync(join(folder, 'identity.json'), 0o640);
    expect(refusal(() => State.open(folder, { create: false }).identity())).toMatchObject({
      code: 'permission-denied',
      hint: expect.stringMatching(/chmod 600/),
    });
    chmodSync(folder, 0o750);
    expect(refusal(() => State.open(folder, { create: false }))).toMatchObject({ code: 'permission-denied' });
  });

  it('gives back what was saved, and forgets all of it', () => {
    const state = State.open(folder, { create: true });
    expect([state.identity(), state.settings(), state.lastTimestamp(), state.savedMap(() => {})]).toEqual([
      null,
      null,
      null,
      null,
    ]);
    state.saveIdentity(IDENTITY);
    state.saveSettings(SETTINGS);
    state.saveMap({ version: 1, map: { a: 1 }, clockOffset: 5 });
    const again = State.open(folder, { create: false });
    expect(again.identity()).toEqual(IDENTITY);
    expect(again.settings()).toEqual(SETTINGS);
    expect(again.savedMap(() => {})).toEqual({ version: 1, map: { a: 1 }, clockOffset: 5 });
    again.forget();
    expect(readdirSync(folder)).toEqual([]);
    expect(refusal(() => again.joinedIdentity())).toMatchObject({
      code: 'not-found',
      hint: expect.stringMatching(/agent join/),
    });
  });

  it.each([
    ['half written', '{"version":1,"privateKe', 'corrupt'],
    ['foreign', '{"hello":"world"}', 'corrupt'],
    ['of a newer version', '{"version":2}', 'incompatible'],
    ['with a key of the wrong length', JSON.stringify({ ...IDENTITY, privateKey: 'AAAA' }), 'corrupt'],
  ])('an identity that is %s is refused and not overwritten', (_, content, code) => {
    const state = State.open(folder, { create: true });
    const path = join(folder, 'identity.json');
    writeFileSync(path, content, { mode: 0o600 });
    expect(refusal(() => state.identity())).toMatchObject({ code });
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  it('a broken map is set aside, for the coordinator has it too', () => {
    const state = State.open(folder, { create: true });
    writeFileSync(join(folder, 'map.json'), 'x', { mode: 0o600 });
    const reasons: string[] = [];
    expect(state.savedMap((reason) => reasons.push(reason))).toBeNull();
    expect(reasons).toHaveLength(1);
    expect(existsSync(join(folder, 'map.json.broken'))).toBe(true);
  });

  it('what a process left that was killed while it wrote keeps nothing from being written, and is forgotten too', () => {
    const state = State.open(folder, { create: true });
    writeFileSync(join(folder, 'identity.json.new'), '{"version":1,"privateKe', { mode: 0o600 });
    expect(state.identity()).toBeNull();
    state.saveIdentity(IDENTITY);
    expect(state.identity()).toEqual(IDENTITY);
    writeFileSync(join(folder, 'identity.json.new'), JSON.stringify(IDENTITY), { mode: 0o600 });
    state.forget();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('a path that is too long for the socket is refused before anything is made', () => {
    const deep = join(root, 'x'.repeat(100));
    expect(refusal(() => State.open(deep, { create: true }))).toMatchObject({
      code: 'usage',
      hint: expect.stringMatching(/at most 96 bytes/),
    });
    expect(existsSync(deep)).toBe(false);
    const longest = join(root, 'x'.repeat(96 - root.length - 1));
    expect(Buffer.byteLength(State.open(longest, { create: true }).socketPath)).toBe(107);
  });

  it('a folder that cannot hold a lock is not said to be in use', () => {
    const state = State.open(folder, { create: true });
    mkdirSync(join(folder, 'lock'));
    expect(refusal(() => state.lock())).toMatchObject({ code: 'unavailable' });
  });

  it('a second process is told that the folder is in use, and a killed one locks nobody out', async () => {
    const state = State.open(folder, { create: true });
    const lock = state.lock();
    const script = `import { State } from ${JSON.stringify(join(import.meta.dirname, '../../../agent/state/state.ts'))};
      State.open(${JSON.stringify(folder)}, { create: false }).lock(); process.kill(process.pid, 'SIGKILL');`;
    const other = () => run(process.execPath, ['--input-type=module', '-e', script]);
    expect((await other()).stderr).toMatch(/another agent is running/);
    lock.release();
    expect((await other()).status).toBe(137);
    state.lock().release();
  });

  it.skipIf(process.geteuid?.() !== 0)(
    'SEC-49: on a full disk a write fails and the old file is whole',
    () => {
      const disk = join(root, 'disk');
      execFileSync('mkdir', [disk]);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'warren-test', disk]);
      try {
        const state = State.open(disk, { create: false });
        state.saveIdentity(IDENTITY);
        const failure = refusal(() =>
          state.saveMap({ version: 1, map: 'x'.repeat(100_000), clockOffset: 0 }),
        );
        expect(failure).toMatchObject({ code: 'exhausted' });
        expect(state.identity()).toEqual(IDENTITY);
        expect(readdirSync(disk)).toEqual(['identity.json']);
      } finally {
        execFileSync('umount', [disk]);
      }
    },
  );
});

describe('the newest timestamp', () => {
  it('is kept ahead, so that a clock set back after a restart sends no older one', () => {
    const state = State.open(folder, { create: true });
    const log = createLogger('silent', 'test');
    const sent = timestampOf(1_700_000_000_000);
    new TimestampKeeper(state, log).sent(sent);
    const kept = new TimestampKeeper(state, log).last as Uint8Array;
    expect(Buffer.compare(kept, sent)).toBe(1);
    const before = statSync(join(folder, 'timestamp')).ino;
    new TimestampKeeper(state, log).sent(timestampOf(1_700_000_005_000));
    expect(statSync(join(folder, 'timestamp')).ino).toBe(before);
    new TimestampKeeper(state, log).sent(timestampOf(1_700_000_011_000));
    expect(statSync(join(folder, 'timestamp')).ino).not.toBe(before);
  });
});
