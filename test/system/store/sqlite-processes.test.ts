import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../../coordinator/store/open.ts';
import { describeNeeds } from '../../support/needs.ts';
import { Child, runOk } from '../../support/process.ts';
import { aRequest, aToken, CLI } from '../../support/store.ts';

const WRITER = join(import.meta.dirname, '../../support/store-writer.ts');
let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'warren-store-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const secret = randomBytes(32);
const startWriter = (count: number) =>
  new Child(process.execPath, [WRITER, dataDir, secret.toString('hex'), String(count)]);
const linesOf = (child: Child, kind: string) =>
  child.stdout.split('\n').filter((line) => line.startsWith(`${kind} `));

describe('SQLite under several processes', () => {
  it('SEC-2: of 50 joins from five processes at once with a one-use token exactly one succeeds', async () => {
    const store = await openStore({ dataDir, initialise: {} });
    await store.createToken(aToken(secret), CLI);
    const children = Array.from({ length: 5 }, () => startWriter(10));
    for (const child of children) expect(await child.exited, child.stderr).toBe(0);
    const all = children.flatMap((child) => child.stdout.trim().split('\n'));
    expect(all).toHaveLength(50);
    expect(all.filter((line) => line.startsWith('ok '))).toHaveLength(1);
    expect(all.filter((line) => line === 'refused unauthenticated')).toHaveLength(49);
    expect(await store.listNodes()).toHaveLength(1);
    await store.close();
  });

  it('SEC-46: after kill -9 in mid-write the database is whole and holds every acknowledged join', async () => {
    const store = await openStore({ dataDir, initialise: {} });
    await store.createToken(aToken(secret, { reusable: true }), CLI);
    await store.close();
    const acknowledged: string[] = [];
    for (let round = 0; round < 5; round++) {
      const child = startWriter(0);
      await child.waitForOutput(new RegExp(`(ok .*\\n){${20 + round * 7}}`));
      child.signal('SIGKILL');
      await child.exited;
      // A last line that was cut off was not acknowledged.
      acknowledged.push(...linesOf(child, 'ok').filter((line) => child.stdout.includes(`${line}\n`)));
    }
    const database = new DatabaseSync(join(dataDir, 'warren.db'));
    expect(database.prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    expect(database.prepare('pragma foreign_key_check').all()).toEqual([]);
    database.close();

    const again = await openStore({ dataDir });
    const { network, nodes } = await again.snapshot();
    const stored = new Set(nodes.map((node) => `ok ${node.address4} ${node.publicKey}`));
    expect(acknowledged.length).toBeGreaterThan(150);
    expect(acknowledged.filter((line) => !stored.has(line))).toEqual([]);
    expect(new Set(nodes.map((node) => node.address4)).size).toBe(nodes.length);
    expect(network.version).toBe(1 + nodes.length);
    expect(await again.listTokens()).toMatchObject([{ uses: nodes.length }]);
    await again.close();
  });
});

describeNeeds(['root'], 'SQLite on a disk that fills up', () => {
  it('SEC-49: changes fail with a reason, maps are still served, and space heals it', async () => {
    const disk = join(dataDir, 'disk');
    mkdirSync(disk);
    await runOk('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=700', 'warren-test', disk]);
    try {
      const store = await openStore({ dataDir: join(disk, 'data'), initialise: {} });
      await store.createToken(aToken(secret, { reusable: true }), CLI);
      const { node } = await store.join(aRequest(secret));
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, 'ballast'), new Uint8Array(bavail * bsize));

      const failures = new Set<string>();
      for (let i = 0; i < 20; i++) {
        await store.join(aRequest(secret)).then(
          () => {},
          (error) => failures.add(`${error.code}: ${error.hint}`),
        );
      }
      expect([...failures]).toEqual(['unavailable: free space on that disk']);
      const full = await store.snapshot();
      expect(full.nodes).toContainEqual(node);
      expect(full.network.version).toBe(full.nodes.length + 1);
      expect(await store.nodeByCertificate(new Uint8Array(32))).toBeNull();

      rmSync(join(disk, 'ballast'));
      const { node: next } = await store.join(aRequest(secret));
      expect((await store.listNodes()).map(({ id }) => id)).toContain(next.id);
      await store.close();
    } finally {
      await runOk('umount', [disk]);
    }
  });
});
