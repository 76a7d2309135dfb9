import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSealingKey, Sealer } from '../../../../coordinator/admin/accounts/sealer.ts';

describe('what is sealed', () => {
  it('is opened by the same key for the same owner, and by nothing else', () => {
    const sealer = new Sealer(new Uint8Array(32).fill(1));
    const sealed = sealer.seal('JBSWY3DPEHPK3PXP', 'ada');
    expect(Buffer.from(sealed).includes('JBSWY3DP')).toBe(false);
    expect(sealer.open(sealed, 'ada')).toBe('JBSWY3DPEHPK3PXP');
    expect(sealer.open(sealed, 'bob')).toBeNull();
    expect(new Sealer(new Uint8Array(32).fill(2)).open(sealed, 'ada')).toBeNull();
    for (let i = 0; i < sealed.length; i++) {
      const bent = sealed.slice();
      bent[i] = (bent[i] as number) ^ 1;
      expect(sealer.open(bent, 'ada')).toBeNull();
    }
    expect(sealer.open(new Uint8Array(3), 'ada')).toBeNull();
  });
});

describe('the key', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'warren-key-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made once, for its owner alone', () => {
    const key = loadSealingKey(folder);
    expect(key).toHaveLength(32);
    expect(loadSealingKey(folder)).toEqual(key);
    expect(statSync(join(folder, 'accounts.key')).mode & 0o777).toBe(0o600);
  });

  it('SEC-61: that others can read, or that is none, is refused and left as it is', () => {
    const path = join(folder, 'accounts.key');
    loadSealingKey(folder);
    chmodSync(path, 0o644);
    expect(() => loadSealingKey(folder)).toThrow('open to others');
    chmodSync(path, 0o600);
    writeFileSync(path, 'nonsense\n');
    expect(() => loadSealingKey(folder)).toThrow('is not a key');
    expect(readFileSync(path, 'utf8')).toBe('nonsense\n');
  });
});
