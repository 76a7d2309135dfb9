import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { admission } from '../../../../coordinator/admin/oidc/admission.ts';
import { readProviders } from '../../../../coordinator/admin/oidc/config.ts';

const OPTIONS = {
  issuer: 'https://login.example.com/realm',
  groupsClaim: 'groups',
  admit: [
    { domain: 'example.com', role: 'auditor' },
    { group: 'netops', role: 'admin' },
    { group: 'chiefs', domain: 'example.com', role: 'owner' },
  ] as const,
};
const CLAIMS = { sub: '1', email: 'Ada@Example.com', email_verified: true, name: 'Ada', groups: ['netops'] };

describe('who is let in by a provider', () => {
  it('whoever matches a rule, with the highest role of those that match', () => {
    expect(admission(CLAIMS, OPTIONS)).toEqual({
      role: 'admin',
      name: 'ada@example.com',
      displayName: 'Ada',
      groups: ['netops@login.example.com'],
    });
    expect(admission({ ...CLAIMS, groups: [] }, OPTIONS)?.role).toBe('auditor');
    expect(admission({ ...CLAIMS, groups: ['chiefs', 'netops'] }, OPTIONS)?.role).toBe('owner');
  });

  it.each([
    ['an unverified address', { email_verified: false, groups: [] }],
    ['an address of another domain', { email: 'ada@example.com.evil.example', groups: [] }],
    ['an address that only ends alike', { email: 'ada@notexample.com', groups: [] }],
    ['two at signs', { email: 'ada@evil.example@example.com', groups: [] }],
    ['groups of another form', { email: '', groups: { netops: true } }],
    ['a group that only begins alike', { email: '', groups: ['netops2'] }],
  ])('nobody by %s', (_, changes) => {
    expect(admission({ ...CLAIMS, ...changes }, OPTIONS)).toBeNull();
  });

  it('an unverified address is nobody’s name, and what a user chose has no domain', () => {
    const claims = { ...CLAIMS, email_verified: false, preferred_username: 'boss@example.com' };
    expect(admission(claims, OPTIONS)).toMatchObject({ name: 'boss' });
    expect(admission({ sub: '1', groups: 'netops' }, OPTIONS)).toMatchObject({ name: 'user' });
  });
});

describe('the file of --oidc', () => {
  const GOOD = {
    issuer: 'https://login.example.com',
    clientId: 'warren',
    admit: [{ group: 'netops', role: 'admin' }],
  };

  it.each([
    ['what is no JSON', '{', 'is not JSON'],
    ['a misspelt key', { ...GOOD, clientID: 'x' }, 'clientID'],
    ['no rules', { ...GOOD, admit: [] }, 'admit'],
    ['a rule for everybody', { ...GOOD, admit: [{ role: 'owner' }] }, 'needs "group" or "domain"'],
    ['a role that there is not', { ...GOOD, admit: [{ group: 'x', role: 'god' }] }, 'admit.0.role'],
    ['plain http elsewhere', { ...GOOD, issuer: 'http://127.evil.example' }, 'is not https'],
    ['a secret that is not there', { ...GOOD, clientSecretFile: 'nowhere' }, 'cannot be read'],
  ])('with %s is refused by its place', (_, content, message) => {
    const folder = mkdtempSync(join(tmpdir(), 'warren-oidc-'));
    const path = join(folder, 'oidc.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    expect(() => readProviders(path)).toThrow(message);
    rmSync(folder, { recursive: true });
  });
});
