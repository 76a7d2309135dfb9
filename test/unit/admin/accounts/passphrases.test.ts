import { describe, expect, it } from 'vitest';
import { passphraseProblem } from '../../../../coordinator/admin/accounts/passphrase-rules.ts';
import { Passphrases } from '../../../../coordinator/admin/accounts/passphrases.ts';

const CHEAP = { memory: 64, passes: 1, parallelism: 1 };

describe('hashes of passphrases', () => {
  it('SEC-57: are memory-hard by default: Argon2id of 64 MiB, with a salt of their own', async () => {
    const passphrases = new Passphrases();
    const [one, other] = await Promise.all([passphrases.hash('x'), passphrases.hash('x')]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=4\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(other).not.toBe(one);
  });

  it('agree with those of another implementation', async () => {
    // A vector of src/test.c of the reference implementation (argon2 20190702).
    const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    const { isRight } = await new Passphrases(CHEAP).verify('password', hash);
    expect(isRight).toBe(true);
  });

  it('are right for their passphrase alone, however it is composed, and tell when they cost too little', async () => {
    const passphrases = new Passphrases(CHEAP);
    const hash = await passphrases.hash('crème brûlée au lait');
    const decomposed = 'crème brûlée au lait'.normalize('NFD');
    expect(await passphrases.verify(decomposed, hash)).toEqual({ isRight: true, isOutdated: false });
    expect((await passphrases.verify('creme brulee au lait', hash)).isRight).toBe(false);
    const dearer = new Passphrases({ ...CHEAP, passes: 2 });
    expect(await dearer.verify(decomposed, hash)).toEqual({ isRight: true, isOutdated: true });
    expect((await passphrases.verify('', null)).isRight).toBe(false);
  });

  it('two are made at once, a few wait, and more are told to come again', async () => {
    const passphrases = new Passphrases(CHEAP);
    const results = await Promise.allSettled(Array.from({ length: 60 }, () => passphrases.hash('x')));
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(60 - 34);
    expect(refused[0]).toMatchObject({ reason: { code: 'exhausted' } });
    expect(await passphrases.hash('x')).toContain('$argon2id$');
  });
});

describe('a passphrase', () => {
  it.each([
    'short one',
    'aaaaaaaaaaaaaaaa',
    'abababababababab',
    'password12345',
    'passwordpassword',
    'qwertyuiop123456',
    '98765432109876543210',
    'ada.lovelace@example',
    'Warren-Admin-2345',
    'x'.repeat(513),
  ])('%j is refused', (text) => {
    expect(passphraseProblem(text, 'ada.lovelace@example.com')).not.toBeNull();
  });

  it.each([
    'nine blue teapots',
    'correct horse battery staple',
    'Tr0ub4dor&3xyz!',
    'дом стоит на горе',
    '猫と犬と鳥と魚と虫と花が好き',
  ])('%j is taken', (text) => {
    expect(passphraseProblem(text, 'ada')).toBeNull();
  });
});
