/** What every engine of the store must do with what administrators decide, and that all of it is in the audit log. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AccountDecision } from '../../coordinator/store/accounts/accounts.ts';
import { SqlAccounts } from '../../coordinator/store/accounts/sql-accounts.ts';
import type { AuditRecord } from '../../coordinator/store/contract/audit.ts';
import type { NodeRecord } from '../../coordinator/store/contract/nodes.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { WarrenError } from '../../shared/errors.ts';
import { aCertificate, aReport, aRequest, aToken, CLI, joinNode, NOW, sha256, tally } from './store.ts';

const BY: AccountDecision = { ...CLI, now: NOW, userId: null };
const hash = () => new Uint8Array(randomBytes(32));
const key = () => randomBytes(32).toString('base64');

export function administrationConformance(current: () => Store): void {
  const lastId = async () => (await current().listAudit({ limit: 1 }))[0]?.id ?? 0;
  const rowsAfter = async (id: number) =>
    (await current().listAudit({ limit: 1_000 })).filter((row) => row.id > id).reverse();

  describe('a node', () => {
    it('is changed whole or not at all, and only if the check lets it', async () => {
      const store = current();
      const node = await joinNode(store, { name: 'ada' });
      await joinNode(store, { name: 'bob' });
      const before = await lastId();
      const patch = { tags: ['web'], disabled: true, name: 'bob' };
      await expect(store.changeNode(node.id, patch, NOW, CLI)).rejects.toMatchObject({
        code: 'already-exists',
      });
      const stale = store.changeNode(node.id, { name: 'eve' }, NOW, CLI, (found) => {
        expect(found.name).toBe('ada');
        throw new WarrenError('stale', 'no');
      });
      await expect(stale).rejects.toMatchObject({ code: 'stale' });
      expect(await store.node(node.id)).toEqual(node);
      expect(await rowsAfter(before)).toEqual([]);
    });

    it('is disabled and enabled with a version that it hears of as a whole', async () => {
      const store = current();
      const node = await joinNode(store);
      const { version } = await store.network();
      const disabled = await store.changeNode(node.id, { disabled: true }, NOW, CLI);
      expect(disabled).toMatchObject({ disabled: true, version: version + 1, viewVersion: version + 1 });
      const same = await store.changeNode(node.id, { disabled: true }, NOW, CLI);
      expect(same).toEqual(disabled);
      expect((await store.changesSince(version)).changed).toEqual([disabled]);
    });

    it('waits for approval where its token says so, and no token lifts that it was disabled', async () => {
      const store = current();
      const publicKey = key();
      const joins = async (approval: boolean): Promise<NodeRecord> => {
        const secret = randomBytes(32);
        await store.createToken(aToken(secret, { approval }), CLI);
        return (await store.join(aRequest(secret, { publicKey }))).node;
      };
      const node = await joins(true);
      expect(node).toMatchObject({ approved: false, disabled: false });
      expect((await joins(true)).approved).toBe(false);
      const { version } = await store.network();
      const admitted = await joins(false);
      expect(admitted.approved).toBe(true);
      expect(admitted.viewVersion).toBeGreaterThan(version);
      await store.changeNode(node.id, { disabled: true }, NOW, CLI);
      expect(await joins(true)).toMatchObject({ approved: true, disabled: true });
    });
  });

  describe('a token', () => {
    it('SEC-2: for five hosts admits five of twenty at once', async () => {
      const store = current();
      const secret = randomBytes(32);
      const made = await store.createToken(
        aToken(secret, { reusable: true, maxUses: 5, description: 'five\0hosts' }),
        CLI,
      );
      expect(made).toMatchObject({ maxUses: 5, reusable: true, createdBy: 'cli', description: 'five hosts' });
      const joins = Array.from({ length: 20 }, (_, n) => store.join(aRequest(secret, { name: `n${n}` })));
      expect(tally(await Promise.allSettled(joins))).toEqual({ ok: 5, unauthenticated: 15 });
      expect(await store.listTokens()).toMatchObject([{ uses: 5 }]);
    });

    it.each([0, -1, 1.5, Number.NaN])('cannot be for %d hosts', async (maxUses) => {
      const made = current().createToken(aToken(randomBytes(32), { maxUses }), CLI);
      await expect(made).rejects.toMatchObject({ code: 'usage' });
    });
  });

  it('a request that is to take effect once is noted once, of many at the same moment, and for a day', async () => {
    const store = current();
    const begun = await Promise.all(Array.from({ length: 10 }, () => store.beginOnce('id', 'request', NOW)));
    expect(begun.filter((first) => first === null)).toHaveLength(1);
    expect(begun.find((first) => first !== null)).toEqual({ request: 'request', answer: null });
    await store.endOnce('id', Uint8Array.of(0, 255));
    expect(await store.beginOnce('id', 'other', NOW + 1)).toEqual({
      request: 'request',
      answer: Uint8Array.of(0, 255),
    });
    await store.endOnce('id', null);
    expect(await store.beginOnce('id', 'request', NOW)).toBeNull();
    expect(await store.beginOnce('id', 'request', NOW + 25 * 3_600_000)).toBeNull();
  });

  it('the audit log is filtered by actor, action, target, result and time, and by no sign of its own', async () => {
    const store = current();
    const add = (changes: Partial<AuditRecord>) =>
      store.audit({ ...CLI, at: NOW, action: 'a.b', target: '', result: 'ok', detail: '', ...changes });
    await add({ actor: 'node:1', target: '100%_!', before: { x: 1 } });
    await add({ actor: 'node', action: 'a', result: 'failed', at: NOW + 5, after: ['\0', null] });
    await add({ actor: 'nodes', action: 'ab.c', target: 'ADA', at: NOW + 9 });
    const find = async (filter: object) =>
      (await store.listAudit({ limit: 3, ...filter }))
        .filter(({ at, action }) => at >= NOW && /^ab?(\.|$)/.test(action))
        .map(({ actor }) => actor);
    expect(await find({})).toEqual(['nodes', 'node', 'node:1']);
    expect(await find({ actor: 'node' })).toEqual(['node', 'node:1']);
    expect(await find({ actor: 'n%' })).toEqual([]);
    expect(await find({ action: 'a' })).toEqual(['node', 'node:1']);
    expect(await find({ target: 'ada' })).toEqual(['nodes']);
    expect(await find({ target: '%_!' })).toEqual(['node:1']);
    expect(await find({ target: '_' })).toEqual(['node:1']);
    expect(await find({ result: 'failed' })).toEqual(['node']);
    expect(await find({ since: NOW + 5, until: NOW + 9 })).toEqual(['node']);
    const rows = await store.listAudit({ limit: 3 });
    expect(rows.map(({ before, after }) => [before, after])).toEqual([
      [null, null],
      [null, ['\0', null]],
      [{ x: 1 }, null],
    ]);
  });

  it('SEC-65: every method of the store that changes something leaves its row, with values before and after where there are some', async () => {
    const store = current();
    const accounts = store.accounts;
    const token = await store.createToken(aToken(randomBytes(32)), CLI);
    const { id } = await joinNode(store, {
      offers: { routes: ['10.1.0.0/16'], exitNode: true, tags: [] },
    });
    const endpoints = ['192.0.2.7:51820'];
    const relay = { id: 'relay-1', name: 'r', urls: ['https://192.0.2.1:1'], tlsName: 'r', stunServers: [] };
    const relaySecret = randomBytes(32);
    await store.createToken(aToken(relaySecret, { purpose: 'relay' }), CLI);
    const secret = randomBytes(32);
    await store.createToken(aToken(secret), CLI);
    const backup = join(tmpdir(), `warren-backup-${randomBytes(6).toString('hex')}.db`);
    const policy = '{"acls": []}';
    const user = { name: 'ada', displayName: 'Ada', role: 'owner' as const, passphraseHash: null };
    let [ada, bob, session, apiKey, device] = ['', '', '', '', ''];
    const passkey = { id: 'p', publicKey: hash(), counter: 0, transports: [], name: 'p', relyingParty: 'h' };
    const code = hash();

    /** In an order in which each has something to do: method, action, whether there are values before, and after. */
    const steps: [string, string, boolean, boolean, () => Promise<unknown>][] = [
      ['putSecretOnce', 'secret.create', false, false, () => store.putSecretOnce('ca', Uint8Array.of(1))],
      ['createToken', 'token.create', false, true, () => store.createToken(aToken(randomBytes(32)), CLI)],
      ['revokeToken', 'token.revoke', true, true, () => store.revokeToken(token.id, NOW, CLI)],
      ['join', 'node.join', false, false, () => store.join(aRequest(secret))],
      ['putCertificate', 'certificate.issue', false, false, () => store.putCertificate(id, aCertificate())],
      [
        'putReport',
        'node.report',
        false,
        false,
        () =>
          store.putReport(
            id,
            aReport({
              endpoints,
              reachableEndpoints: endpoints,
              offers: { routes: ['10.1.0.0/16'], exitNode: true, tags: [] },
              offeredSegments: ['lab'],
            }),
            NOW,
          ),
      ],
      ['setOnline', 'node.online', false, false, () => store.setOnline(id, 'i', true, NOW)],
      [
        'addDevice',
        'device.add',
        false,
        true,
        async () => {
          const made = {
            name: 'phone',
            publicKey: key(),
            tags: [],
            owner: '',
            keyExpiresAt: 0,
            wantsNames: true,
          };
          device = (await store.addDevice(made, NOW, CLI)).id;
        },
      ],
      [
        'handOutDevice',
        'device.rekey',
        true,
        true,
        () => store.handOutDevice(device, { publicKey: key() }, NOW, CLI),
      ],
      [
        'approveSegment',
        'segment.approve',
        true,
        true,
        () => store.approveSegment(id, 'lab', true, NOW, CLI),
      ],
      [
        'approveRoute',
        'route.approve',
        true,
        true,
        () => store.approveRoute(id, '10.1.0.0/16', true, NOW, CLI),
      ],
      ['preferRoute', 'route.prefer', true, true, () => store.preferRoute(id, '10.1.0.0/16', true, NOW, CLI)],
      ['approveExitNode', 'exit-node.approve', true, true, () => store.approveExitNode(id, true, NOW, CLI)],
      ['setTags', 'node.tag', true, true, () => store.setTags(id, ['x'], NOW, CLI)],
      ['renameNode', 'node.rename', true, true, () => store.renameNode(id, 'other', NOW, CLI)],
      ['setKeyExpiry', 'node.expire', true, true, () => store.setKeyExpiry(id, NOW * 2, NOW, CLI)],
      ['changeNode', 'node.disable', true, true, () => store.changeNode(id, { disabled: true }, NOW, CLI)],
      [
        'changeSettings',
        'network.change',
        true,
        true,
        () => store.changeSettings({ multicast: true }, NOW, CLI),
      ],
      ['applyPolicy', 'policy.apply', false, true, () => store.applyPolicy(policy, NOW, CLI)],
      ['applyPolicy', 'policy.apply', true, true, () => store.applyPolicy(`${policy} `, NOW, CLI)],
      ['restorePolicy', 'policy.restore', true, true, () => store.restorePolicy(1, NOW, CLI)],
      ['putRelay', 'relay.add', false, true, () => store.putRelay(relay, NOW)],
      [
        'putRelayFacts',
        'relay.change',
        true,
        true,
        () => store.putRelayFacts('relay-1', { ...relay, name: 's' }, NOW),
      ],
      ['removeRelay', 'relay.remove', true, false, () => store.removeRelay('relay-1', NOW, CLI)],
      [
        'enrolRelay',
        'relay.enrol',
        false,
        true,
        () =>
          store.enrolRelay({
            secretHash: sha256(relaySecret),
            facts: relay,
            remoteAddress: '192.0.2.1',
            now: NOW,
            issueCertificate: async () => aCertificate(),
          }),
      ],
      ['clearOnline', 'presence.clear', false, false, () => store.clearOnline('i', NOW)],
      ['removeNode', 'node.remove', true, false, () => store.removeNode(id, NOW, CLI)],
      [
        'removeIfAway',
        'node.remove',
        true,
        false,
        async () => void (await store.removeIfAway((await joinNode(store)).id, NOW, NOW, CLI)),
      ],
      [
        'createFirstOwner',
        'user.create',
        false,
        true,
        async () => {
          ada = (await accounts.createFirstOwner({ ...user, passphraseHash: 'h' }, BY)).id;
        },
      ],
      [
        'createUser',
        'user.create',
        false,
        true,
        async () => {
          bob = (await accounts.createUser({ ...user, name: 'bob' }, BY)).id;
        },
      ],
      ['changeUser', 'user.change', true, true, () => accounts.changeUser(bob, { role: 'auditor' }, BY)],
      ['setPassphrase', 'user.passphrase', false, false, () => accounts.setPassphrase(bob, 'h2', null, BY)],
      [
        'setTotp',
        'user.totp-on',
        false,
        false,
        () => accounts.setTotp(bob, { sealed: hash(), recoveryCodes: [code] }, BY),
      ],
      ['useRecoveryCode', 'user.recovery-code', false, false, () => accounts.useRecoveryCode(bob, code, BY)],
      [
        'addPasskey',
        'user.passkey-add',
        false,
        false,
        () => accounts.addPasskey({ ...passkey, userId: bob }, BY),
      ],
      ['removePasskey', 'user.passkey-remove', false, false, () => accounts.removePasskey(bob, 'p', BY)],
      [
        'createSession',
        'user.sign-in',
        false,
        false,
        async () => {
          const wanted = { userId: bob, method: 'm', address: '', userAgent: '', confirmationHash: hash() };
          session = (await accounts.createSession({ ...wanted, secretHash: hash() }, BY)).id;
          await accounts.createSession({ ...wanted, secretHash: hash() }, BY);
        },
      ],
      [
        'confirmSession',
        'user.confirm',
        false,
        false,
        () => accounts.confirmSession(session, hash(), 'passphrase', BY),
      ],
      ['endSession', 'user.sign-out', false, false, () => accounts.endSession(bob, session, BY)],
      ['endSessions', 'user.sign-out', false, false, () => accounts.endSessions(bob, null, BY)],
      [
        'createApiKey',
        'api-key.create',
        false,
        true,
        async () => {
          const wanted = {
            userId: bob,
            name: 'k',
            secretHash: hash(),
            role: 'auditor' as const,
            scopes: ['*'],
            expiresAt: 0,
          };
          apiKey = (await accounts.createApiKey(wanted, BY)).id;
        },
      ],
      ['removeApiKey', 'api-key.remove', true, false, () => accounts.removeApiKey(apiKey, BY)],
      [
        'signInByIdentity',
        'user.create',
        false,
        true,
        () =>
          accounts.signInByIdentity(
            { issuer: 'i', subject: 's' },
            { role: 'admin', name: 'c', displayName: 'C', groups: [] },
            BY,
          ),
      ],
      [
        'signInByIdentity',
        'user.change',
        true,
        true,
        () =>
          accounts.signInByIdentity(
            { issuer: 'i', subject: 's' },
            { role: 'admin', name: 'c', displayName: 'C', groups: ['g'] },
            BY,
          ),
      ],
      ['resetCredentials', 'user.reset', false, false, () => accounts.resetCredentials(bob, BY)],
      ['removeUser', 'user.remove', true, false, () => accounts.removeUser(bob, BY)],
      ['prune', 'history.prune', false, false, () => store.prune({ audit: 0, removed: 0 }, NOW)],
    ];
    const isPostgres = await store.backUp(backup, NOW, CLI).then(
      () => false,
      (error: WarrenError) => error.code === 'unsupported',
    );
    rmSync(backup, { force: true });
    if (!isPostgres)
      steps.push(['backUp', 'backup.create', false, false, () => store.backUp(backup, NOW, CLI)]);
    for (const [method, action, hasBefore, hasAfter, step] of steps) {
      const last = await lastId();
      await step();
      const row = (await rowsAfter(last)).find((found) => found.action === action) as AuditRecord;
      expect(row, `${method}: ${action}`).toMatchObject({ result: 'ok', actor: expect.stringMatching(/./) });
      if (!['prune', 'applyPolicy', 'backUp', 'changeSettings'].includes(method))
        expect(row.target, method).not.toBe('');
      expect([row.before !== null, row.after !== null], `${method}: before, after`).toEqual([
        hasBefore,
        hasAfter,
      ]);
    }
    rmSync(backup, { force: true });
    expect(ada).not.toBe('');

    const covered = new Set([...steps.map(([method]) => method), 'backUp', ...READS, ...BOOKKEEPING]);
    const methods = [...Object.keys(store), ...Object.getOwnPropertyNames(SqlAccounts.prototype)];
    expect(methods.filter((method) => !covered.has(method))).toEqual([]);
  });
}

/** Methods that change nothing. */
const READS = [
  ...['constructor', 'accounts', 'coordinators'],
  ...['network', 'secret', 'listTokens', 'node', 'nodeByCertificate', 'findNode', 'listNodes', 'policy'],
  ...['listPolicies', 'relay', 'listRelays', 'snapshot', 'changesSince', 'onChange', 'listAudit', 'close'],
  ...['hasOwner', 'listUsers', 'user', 'userNamed', 'credentials', 'passkey', 'listPasskeys', 'session'],
  ...['listSessions', 'listApiKeys', 'apiKey', 'ticket', 'identity'],
];

/** What keeps count of requests and uses, which are in the log by what they led to. */
const BOOKKEEPING = [
  ...['audit', 'beginOnce', 'endOnce', 'rehashPassphrase', 'useTotpStep', 'usePasskey', 'touchSession'],
  ...['touchApiKey', 'putTicket', 'takeTicket', 'pruneAccounts'],
];
