/** What every engine of the store must do with accounts; a part of the store's conformance suite. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AccountDecision, NewUser, UserRecord } from '../../coordinator/store/accounts/accounts.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { aRequest, aToken, CLI, NOW, tally } from './store.ts';

const BY: AccountDecision = { ...CLI, now: NOW, userId: null };
const as = (user: UserRecord): AccountDecision => ({
  actor: user.name,
  source: '192.0.2.1',
  now: NOW,
  userId: user.id,
});
const aUser = (changes: Partial<NewUser> = {}): NewUser => ({
  name: 'ada',
  displayName: 'Ada Lovelace',
  role: 'owner',
  passphraseHash: 'a hash',
  ...changes,
});
const hash = () => new Uint8Array(randomBytes(32));

export function accountsConformance(current: () => Store, open: () => Promise<Store>): void {
  const accounts = () => current().accounts;
  const audited = async (action: string) =>
    (await current().listAudit({ limit: 1000 })).filter((row) => row.action === action);
  const session = async (userId: string) => {
    const secretHash = hash();
    const made = await accounts().createSession(
      {
        userId,
        secretHash,
        confirmationHash: hash(),
        method: 'passphrase',
        address: '192.0.2.1',
        userAgent: 'a browser',
      },
      BY,
    );
    return { ...made, secretHash };
  };
  const apiKey = (userId: string, secretHash: Uint8Array, expiresAt = 0) =>
    accounts().createApiKey(
      { userId, name: 'backup', secretHash, role: 'admin', scopes: ['machines:read'], expiresAt },
      BY,
    );

  describe('users', () => {
    it('SEC-54: the first owner is made once, by many at once too', async () => {
      expect(await accounts().hasOwner()).toBe(false);
      const other = await open();
      const outcome = await Promise.allSettled(
        ['ada', 'bob', 'carol'].map((name, index) =>
          (index === 1 ? other.accounts : accounts()).createFirstOwner(aUser({ name }), BY),
        ),
      );
      expect(tally(outcome)).toEqual({ ok: 1, conflict: 2 });
      expect(await accounts().hasOwner()).toBe(true);
      expect(await accounts().listUsers()).toMatchObject([{ role: 'owner', hasPassphrase: true }]);
    });

    it('have names in one form, each once', async () => {
      await accounts().createUser(aUser({ name: ' Ada@Example.com ' }), BY);
      expect(await accounts().userNamed('ADA@example.com')).toMatchObject({ name: 'ada@example.com' });
      await expect(accounts().createUser(aUser({ name: 'ada@example.com' }), BY)).rejects.toMatchObject({
        code: 'already-exists',
      });
      for (const name of ['', '-ada', '<script>', 'a b', 'a@', 'ada@-', `a${'b'.repeat(64)}`]) {
        await expect(accounts().createUser(aUser({ name }), BY), name).rejects.toMatchObject({
          code: 'usage',
        });
      }
    });

    it('SEC-58: the last owner can be neither demoted, disabled nor removed, by a race either', async () => {
      const ada = await accounts().createUser(aUser(), BY);
      const bob = await accounts().createUser(aUser({ name: 'bob' }), BY);
      const other = await open();
      const outcome = await Promise.allSettled([
        accounts().changeUser(ada.id, { role: 'admin' }, as(bob)),
        other.accounts.changeUser(bob.id, { disabled: true }, as(ada)),
      ]);
      // Whoever comes second is no owner any more, or would be the last.
      expect(tally(outcome).ok).toBe(1);
      expect(await accounts().hasOwner()).toBe(true);
      const left = (await accounts().listUsers()).find(
        ({ role, disabled }) => role === 'owner' && !disabled,
      )!;
      for (const act of [
        () => accounts().changeUser(left.id, { role: 'auditor' }, BY),
        () => accounts().changeUser(left.id, { disabled: true }, BY),
        () => accounts().removeUser(left.id, BY),
      ]) {
        await expect(act()).rejects.toMatchObject({ code: 'conflict' });
      }
      expect(await accounts().user(left.id)).toEqual(left);
    });

    it('SEC-58: who lost the role while the request was under way changes nothing', async () => {
      const ada = await accounts().createUser(aUser(), BY);
      const eve = await accounts().createUser(aUser({ name: 'eve' }), BY);
      await accounts().changeUser(eve.id, { role: 'admin' }, as(ada));
      const denied = { code: 'permission-denied' };
      await expect(accounts().changeUser(eve.id, { role: 'owner' }, as(eve))).rejects.toMatchObject(denied);
      await expect(accounts().createUser(aUser({ name: 'mallory' }), as(eve))).rejects.toMatchObject(denied);
      await expect(accounts().removeUser(ada.id, as(eve))).rejects.toMatchObject(denied);
      await expect(accounts().resetCredentials(ada.id, as(eve))).rejects.toMatchObject(denied);
      await expect(accounts().setPassphrase(ada.id, 'mine', null, as(eve))).rejects.toMatchObject(denied);
      await accounts().setPassphrase(eve.id, 'her own', null, as(eve));
      expect((await accounts().user(eve.id))?.role).toBe('admin');
    });

    it('are changed with an audit row that tells before and after', async () => {
      const ada = await accounts().createUser(aUser(), BY);
      const bob = await accounts().createUser(aUser({ name: 'bob', role: 'auditor' }), BY);
      await accounts().changeUser(bob.id, { role: 'admin', displayName: 'Bob' }, as(ada));
      await accounts().changeUser(bob.id, { role: 'admin' }, as(ada));
      expect(await audited('user.change')).toMatchObject([
        { actor: 'ada', source: '192.0.2.1', target: 'bob', result: 'ok' },
      ]);
      expect((await audited('user.change'))[0]?.detail).toContain('role "auditor" → "admin"');
    });

    it('their machines have the role of the account while it counts, and only those change', async () => {
      const ada = await accounts().createUser(aUser(), BY);
      const bob = await accounts().createUser(aUser({ name: 'bob', role: 'auditor' }), BY);
      const machine = async (owner: string) => {
        const secret = randomBytes(32);
        await current().createToken(aToken(secret, { owner }), CLI);
        return (await current().join(aRequest(secret))).node;
      };
      const [, laptop] = [await machine('ada'), await machine('bob')];
      expect(laptop.ownerRole).toBe('auditor');
      const changes = async (act: () => Promise<unknown>) => {
        const { version } = await current().network();
        await act();
        return (await current().changesSince(version)).changed.map(({ id, ownerRole }) => ({
          id,
          ownerRole,
        }));
      };
      const { id } = laptop;
      const change = (what: { role?: 'admin'; displayName?: string; disabled?: boolean }) =>
        changes(() => accounts().changeUser(bob.id, what, as(ada)));
      expect(await change({ role: 'admin' })).toEqual([{ id, ownerRole: 'admin' }]);
      expect(await change({ displayName: 'Bob' })).toEqual([]);
      const unused = randomBytes(32);
      await current().createToken(aToken(unused, { owner: 'bob' }), CLI);
      expect(await change({ disabled: true })).toEqual([{ id, ownerRole: '' }]);
      await expect(current().join(aRequest(unused))).rejects.toMatchObject({ code: 'unauthenticated' });
      expect((await machine('bob')).ownerRole).toBe('');
      expect(await changes(() => accounts().resetCredentials(bob.id, as(ada)))).toHaveLength(2);
      expect((await current().node(id))?.ownerRole).toBe('admin');
    });

    it('leave with sessions, keys and tokens; their machines stay and are nobody’s', async () => {
      await accounts().createUser(aUser(), BY);
      const bob = await accounts().createUser(aUser({ name: 'bob' }), BY);
      const { secretHash } = await session(bob.id);
      const key = hash();
      await apiKey(bob.id, key);
      const secrets = [randomBytes(32), randomBytes(32)];
      for (const secret of secrets) await current().createToken(aToken(secret, { owner: 'bob' }), CLI);
      const { node } = await current().join(aRequest(secrets[0]!));
      expect(node.owner).toBe('bob');
      const { version } = await current().network();

      await accounts().removeUser(bob.id, BY);
      expect(await accounts().session(secretHash)).toBeNull();
      expect(await accounts().apiKey(key)).toBeNull();
      await expect(current().join(aRequest(secrets[1]!))).rejects.toMatchObject({ code: 'unauthenticated' });
      const { changed } = await current().changesSince(version);
      expect(node.ownerRole).toBe('owner');
      expect(changed).toMatchObject([{ id: node.id, owner: '', ownerGroups: [], ownerRole: '' }]);
      await accounts().createUser(aUser({ name: 'bob' }), BY);
      expect((await current().node(node.id))?.owner).toBe('');
    });
  });

  describe('what lets somebody in', () => {
    it('a new passphrase ends all other sessions', async () => {
      const ada = await accounts().createUser(aUser(), BY);
      const [kept, ended] = [await session(ada.id), await session(ada.id)];
      const ticket = hash();
      const welcome = {
        kind: 'welcome' as const,
        hash: ticket,
        userId: ada.id,
        data: '',
        expiresAt: NOW + 5,
      };
      await accounts().putTicket(welcome);
      await accounts().setPassphrase(ada.id, 'another hash', kept.id, as(ada));
      expect(await accounts().ticket('welcome', ticket, NOW)).toBeNull();
      expect(await accounts().session(kept.secretHash)).not.toBeNull();
      expect(await accounts().session(ended.secretHash)).toBeNull();
      expect((await accounts().credentials(ada.id))?.passphraseHash).toBe('another hash');
    });

    it('whatever ends all sessions makes strangers of all browsers, of that account alone', async () => {
      const [ada, bob] = [
        await accounts().createUser(aUser(), BY),
        await accounts().createUser(aUser({ name: 'bob' }), BY),
      ];
      const epoch = async (user: UserRecord) => (await accounts().user(user.id))?.browserEpoch;
      expect(await epoch(ada)).toBe(0);
      await accounts().setPassphrase(ada.id, 'another hash', null, as(ada));
      await accounts().endSessions(ada.id, null, as(ada));
      await accounts().resetCredentials(ada.id, BY);
      await accounts().changeUser(ada.id, { disabled: true }, BY);
      expect(await epoch(ada)).toBe(4);
      await accounts().rehashPassphrase(bob.id, 'of a higher cost');
      await accounts().endSession(bob.id, (await session(bob.id)).id, as(bob));
      expect(await epoch(bob)).toBe(0);
    });

    it('a code of the second factor is good once, a recovery code too, by many at once', async () => {
      const ada = await accounts().createUser(aUser(), BY);
      const codes = [hash(), hash()];
      await accounts().setTotp(ada.id, { sealed: Uint8Array.of(1, 2), recoveryCodes: codes }, as(ada));
      expect(await accounts().credentials(ada.id)).toEqual({
        passphraseHash: 'a hash',
        sealedTotp: Uint8Array.of(1, 2),
        recoveryCodesLeft: 2,
      });
      const steps = await Promise.all([7, 7, 7].map((step) => accounts().useTotpStep(ada.id, step)));
      expect(steps.filter(Boolean)).toHaveLength(1);
      expect(await accounts().useTotpStep(ada.id, 6)).toBe(false);
      expect(await accounts().useTotpStep(ada.id, 8)).toBe(true);
      const used = await Promise.all([0, 0, 0].map(() => accounts().useRecoveryCode(ada.id, codes[0]!, BY)));
      expect(used.filter(Boolean)).toHaveLength(1);
      expect((await accounts().credentials(ada.id))?.recoveryCodesLeft).toBe(1);
      await accounts().setTotp(ada.id, null, as(ada));
      expect(await accounts().credentials(ada.id)).toMatchObject({ sealedTotp: null, recoveryCodesLeft: 0 });
    });

    it('a passkey belongs to one account, which alone removes it', async () => {
      const ada = await accounts().createUser(aUser(), BY);
      const bob = await accounts().createUser(aUser({ name: 'bob', role: 'admin' }), BY);
      const passkey = {
        id: 'c0ffee',
        userId: ada.id,
        publicKey: Uint8Array.of(4, 2),
        counter: 0,
        transports: ['internal'],
        name: 'phone',
        relyingParty: 'localhost',
      };
      await accounts().addPasskey(passkey, as(ada));
      await expect(accounts().addPasskey({ ...passkey, userId: bob.id }, as(bob))).rejects.toMatchObject({
        code: 'already-exists',
      });
      await accounts().usePasskey('c0ffee', 5, NOW + 1);
      expect(await accounts().passkey('c0ffee')).toEqual({
        ...passkey,
        counter: 5,
        createdAt: NOW,
        lastUsedAt: NOW + 1,
      });
      await expect(accounts().removePasskey(bob.id, 'c0ffee', as(bob))).rejects.toMatchObject({
        code: 'not-found',
      });
      await accounts().removePasskey(ada.id, 'c0ffee', as(ada));
      expect(await accounts().listPasskeys(ada.id)).toEqual([]);
    });

    it('a reset takes all of it away and opens a disabled account again', async () => {
      await accounts().createUser(aUser(), BY);
      const bob = await accounts().createUser(aUser({ name: 'bob' }), BY);
      const { secretHash } = await session(bob.id);
      await accounts().setTotp(bob.id, { sealed: Uint8Array.of(1), recoveryCodes: [hash()] }, BY);
      await accounts().changeUser(bob.id, { disabled: true }, BY);
      await accounts().resetCredentials(bob.id, BY);
      expect(await accounts().user(bob.id)).toMatchObject({
        disabled: false,
        hasPassphrase: false,
        hasTotp: false,
      });
      expect(await accounts().session(secretHash)).toBeNull();
    });
  });

  describe('identities of a provider', () => {
    const ID = { issuer: 'https://login.example.com', subject: 'f3a1' };
    const admitted = {
      role: 'admin' as const,
      name: 'ada@example.com',
      displayName: 'Ada',
      groups: ['ops@login.example.com'],
    };

    it('are known by issuer and subject, whatever name they bring', async () => {
      const first = await accounts().signInByIdentity(ID, admitted, BY);
      const again = await accounts().signInByIdentity(ID, { ...admitted, name: 'eve@example.com' }, BY);
      expect(again).toEqual(first);
      expect(await accounts().identity(first!.id)).toEqual(ID);
      const stranger = await accounts().signInByIdentity({ ...ID, subject: 'b0b0' }, admitted, BY);
      expect(stranger?.id).not.toBe(first?.id);
      expect(stranger?.name).toBe('ada-2@example.com');
      const other = { ...ID, issuer: 'https://evil.example' };
      expect((await accounts().signInByIdentity(other, admitted, BY))?.id).not.toBe(first?.id);
    });

    it('whom no rule admits gets no account, and loses the sessions of one', async () => {
      expect(await accounts().signInByIdentity(ID, null, BY)).toBeNull();
      expect(await accounts().listUsers()).toEqual([]);
      const user = (await accounts().signInByIdentity(ID, admitted, BY)) as UserRecord;
      const { secretHash } = await session(user.id);
      expect(await accounts().signInByIdentity(ID, null, BY)).toBeNull();
      expect(await accounts().session(secretHash)).toBeNull();
    });

    it('groups and role follow the provider, on the machines of the user too; the last owner stays one', async () => {
      const user = (await accounts().signInByIdentity(ID, { ...admitted, role: 'owner' }, BY)) as UserRecord;
      const secret = randomBytes(32);
      await current().createToken(aToken(secret, { owner: user.name }), CLI);
      const { node } = await current().join(aRequest(secret));
      expect(node).toMatchObject({
        owner: 'ada@example.com',
        ownerGroups: ['ops@login.example.com'],
        ownerRole: 'owner',
      });
      const { version } = await current().network();
      const moved = await accounts().signInByIdentity(
        ID,
        { ...admitted, role: 'auditor', groups: ['a', 'b'] },
        BY,
      );
      expect(moved).toMatchObject({ role: 'owner', groups: ['a', 'b'] });
      expect((await current().changesSince(version)).changed).toMatchObject([{ ownerGroups: ['a', 'b'] }]);
      await accounts().createUser(aUser({ name: 'bob' }), BY);
      for (const another of [
        () => accounts().setPassphrase(user.id, 'a hash', null, as(user)),
        () => accounts().setTotp(user.id, { sealed: Uint8Array.of(1), recoveryCodes: [] }, as(user)),
      ]) {
        await expect(another()).rejects.toMatchObject({ code: 'conflict' });
      }
      expect(await accounts().signInByIdentity(ID, { ...admitted, role: 'auditor' }, BY)).toMatchObject({
        role: 'auditor',
      });
      expect((await current().node(node.id))?.ownerRole).toBe('auditor');
      const unused = randomBytes(32);
      await current().createToken(aToken(unused, { owner: user.name }), CLI);
      await accounts().signInByIdentity(ID, null, BY);
      expect(await current().node(node.id)).toMatchObject({ ownerGroups: [], ownerRole: '' });
      await expect(current().join(aRequest(unused))).rejects.toMatchObject({ code: 'unauthenticated' });
      await expect(accounts().changeUser(user.id, { role: 'admin' }, BY)).rejects.toMatchObject({
        code: 'conflict',
      });
    });
  });

  describe('sessions, keys and tickets', () => {
    it('SEC-55: a session is there for every coordinator, until it is ended, disabled or grows old', async () => {
      await accounts().createUser(aUser(), BY);
      const bob = await accounts().createUser(aUser({ name: 'bob' }), BY);
      const [first, second, third] = [await session(bob.id), await session(bob.id), await session(bob.id)];
      const other = await open();
      expect(await other.accounts.session(first.secretHash)).toMatchObject({
        session: { id: first.id, userAgent: 'a browser' },
        user: { name: 'bob' },
      });
      await accounts().endSession(bob.id, first.id, as(bob));
      expect(await other.accounts.session(first.secretHash)).toBeNull();
      expect(await accounts().endSessions(bob.id, third.id, as(bob))).toBe(1);
      expect(await other.accounts.session(second.secretHash)).toBeNull();
      await accounts().touchSession(third.id, NOW + 10);
      expect(await accounts().listSessions(bob.id)).toMatchObject([{ id: third.id, usedAt: NOW + 10 }]);
      await accounts().pruneAccounts({ used: NOW + 11, created: 0 }, NOW);
      expect(await accounts().listSessions(bob.id)).toEqual([]);

      const last = await session(bob.id);
      await accounts().changeUser(bob.id, { disabled: true }, BY);
      expect(await other.accounts.session(last.secretHash)).toBeNull();
      await expect(session(bob.id)).rejects.toMatchObject({ code: 'permission-denied' });
    });

    it('a session knows when its owner was confirmed last, at every coordinator', async () => {
      const ada = await accounts().createUser(aUser(), BY);
      const made = await session(ada.id);
      expect(made).toMatchObject({ confirmedAt: NOW, confirmationHash: expect.any(Uint8Array) });
      const [shown, later] = [hash(), { ...as(ada), now: NOW + 7 }];
      await accounts().confirmSession(made.id, shown, 'passkey', later);
      const found = await (await open()).accounts.session(made.secretHash);
      expect(found?.session).toMatchObject({ confirmedAt: NOW + 7, confirmationHash: shown });
      expect(await audited('user.confirm')).toMatchObject([{ target: 'ada', detail: 'by passkey' }]);
      await accounts().endSession(ada.id, made.id, as(ada));
      await expect(accounts().confirmSession(made.id, shown, 'passkey', later)).rejects.toMatchObject({
        code: 'unauthenticated',
      });
    });

    it('an API key is known by its hash, ends with its account, and has at least one scope', async () => {
      await accounts().createUser(aUser(), BY);
      const bob = await accounts().createUser(aUser({ name: 'bob' }), BY);
      const secretHash = hash();
      const key = await apiKey(bob.id, secretHash, NOW + 5);
      expect(await accounts().apiKey(secretHash)).toMatchObject({
        key: { name: 'backup', role: 'admin', scopes: ['machines:read'], lastUsedAt: 0 },
        user: { id: bob.id },
      });
      await accounts().touchApiKey(key.id, NOW + 1);
      expect(await accounts().listApiKeys()).toMatchObject([{ id: key.id, lastUsedAt: NOW + 1 }]);
      await accounts().changeUser(bob.id, { disabled: true }, BY);
      expect(await accounts().apiKey(secretHash)).toBeNull();
      await expect(
        accounts().createApiKey(
          { userId: bob.id, name: '', secretHash: hash(), role: 'admin', scopes: [], expiresAt: 0 },
          BY,
        ),
      ).rejects.toMatchObject({ code: 'usage' });
      await accounts().removeApiKey(key.id, BY);
      await expect(accounts().removeApiKey(key.id, BY)).rejects.toMatchObject({ code: 'not-found' });
    });

    it('a ticket is good once, for its kind, until its end', async () => {
      const put = async (expiresAt: number) => {
        const ticket = hash();
        await accounts().putTicket({ kind: 'oidc', hash: ticket, userId: null, data: 'x', expiresAt });
        return ticket;
      };
      const ticket = await put(NOW + 1);
      expect(await accounts().takeTicket('welcome', ticket, NOW)).toBeNull();
      expect(await accounts().ticket('oidc', ticket, NOW)).toEqual({ userId: null, data: 'x' });
      const other = await open();
      const taken = await Promise.all(
        [accounts(), other.accounts, accounts()].map((each) => each.takeTicket('oidc', ticket, NOW)),
      );
      expect(taken.filter((each) => each !== null)).toHaveLength(1);
      expect(await accounts().takeTicket('oidc', await put(NOW), NOW)).toBeNull();
    });
  });
}
