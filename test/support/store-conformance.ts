/** What every engine of the store must do. SQLite and PostgreSQL run it alike. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../coordinator/network/settings.ts';
import type { AuditRow } from '../../coordinator/store/contract/audit.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { accountsConformance } from './accounts-conformance.ts';
import { administrationConformance } from './administration-conformance.ts';
import { changesConformance } from './changes-conformance.ts';
import { coordinatorsConformance } from './coordinators-conformance.ts';
import { devicesConformance } from './devices-conformance.ts';
import { joiningConformance } from './joining-conformance.ts';
import { nodesConformance } from './nodes-conformance.ts';
import { policyConformance } from './policy-conformance.ts';
import { relaysConformance } from './relays-conformance.ts';
import { aCertificate, aReport, aRequest, aToken, CLI, joinNode, NOW } from './store.ts';

export interface StoreFixture {
  /** Opens the same database once more, as another process would; the suite closes it. */
  open(options?: { prefix4?: string }): Promise<Store>;
  /** All that is stored, as bytes that a search can go through; nothing has it open. */
  dump(): Promise<Buffer>;
  remove(): Promise<void>;
}

export function storeConformance(create: () => Promise<StoreFixture>): void {
  let fixture: StoreFixture;
  let store: Store;
  const opened: Store[] = [];

  async function open(options?: { prefix4?: string }): Promise<Store> {
    const another = await fixture.open(options);
    opened.push(another);
    return another;
  }

  beforeEach(async () => {
    fixture = await create();
    store = await open();
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    await fixture.remove();
  });

  const auditRows = async (action: string) =>
    (await store.listAudit({ limit: 1000 })).filter((row) => row.action === action);
  const version = async () => (await store.network()).version;

  describe('the network', () => {
    it('is made once and is the same for whoever opens it later', async () => {
      const made = await store.network();
      expect(made.prefix4).toBe('100.64.0.0/10');
      expect(made.prefix6).toMatch(/^fd[0-9a-f]{2}:[0-9a-f:]+::\/48$/);
      expect(await (await open()).network()).toEqual(made);
    });

    it('refuses to be opened with another range', async () => {
      await expect(open({ prefix4: '10.0.0.0/16' })).rejects.toMatchObject({ code: 'conflict' });
    });

    it('keeps a secret as it was first put', async () => {
      expect(await store.secret('ca')).toBeNull();
      const other = await open();
      const [first, second] = await Promise.all([
        store.putSecretOnce('ca', Uint8Array.of(1, 2, 255)),
        other.putSecretOnce('ca', Uint8Array.of(9)),
      ]);
      expect(first).toEqual(second);
      expect(await store.secret('ca')).toEqual(first);
      expect(await auditRows('secret.create')).toHaveLength(1);
    });
  });

  describe('the policy', () => policyConformance(() => store, open));

  describe('administration', () => administrationConformance(() => store));

  describe('accounts', () => accountsConformance(() => store, open));

  describe('several coordinators', () => coordinatorsConformance(() => store));

  describe('plain WireGuard devices', () => devicesConformance(() => store));

  describe('joining', () => joiningConformance(() => store, open));

  describe('changes', () => changesConformance(() => store, open));

  describe('administration of nodes', () => nodesConformance(() => store));

  describe('the audit log', () => {
    it('SEC-65: every change has its row, with actor, action, target and result', async () => {
      const secret = randomBytes(32);
      const token = await store.createToken(aToken(secret), CLI);
      const { node } = await store.join(
        aRequest(secret, { offers: { routes: ['10.1.0.0/16'], exitNode: true, tags: [] } }),
      );
      const steps: [string, string, () => Promise<unknown>][] = [
        ['secret.create', 'system', () => store.putSecretOnce('ca', Uint8Array.of(1))],
        ['token.create', 'cli', () => store.createToken(aToken(randomBytes(32)), CLI)],
        ['token.revoke', 'cli', () => store.revokeToken(token.id, NOW, CLI)],
        ['certificate.issue', 'system', () => store.putCertificate(node.id, aCertificate())],
        [
          'node.report',
          `node:${node.id}`,
          () => store.putReport(node.id, aReport({ offers: node.offers }), NOW),
        ],
        ['node.online', `node:${node.id}`, () => store.setOnline(node.id, 'i', true, NOW)],
        ['node.offline', `node:${node.id}`, () => store.setOnline(node.id, 'i', false, NOW)],
        ['route.approve', 'cli', () => store.approveRoute(node.id, '10.1.0.0/16', true, NOW, CLI)],
        ['route.disapprove', 'cli', () => store.approveRoute(node.id, '10.1.0.0/16', false, NOW, CLI)],
        ['exit-node.approve', 'cli', () => store.approveExitNode(node.id, true, NOW, CLI)],
        ['exit-node.disapprove', 'cli', () => store.approveExitNode(node.id, false, NOW, CLI)],
        ['node.tag', 'cli', () => store.setTags(node.id, ['x'], NOW, CLI)],
        ['node.rename', 'cli', () => store.renameNode(node.id, 'other', NOW, CLI)],
        ['node.expire', 'cli', () => store.setKeyExpiry(node.id, NOW, NOW, CLI)],
        ['node.remove', 'cli', () => store.removeNode(node.id, NOW, CLI)],
        ['history.prune', 'system', () => store.prune({ audit: 0, removed: 0 }, NOW)],
      ];
      for (const [action, actor, step] of steps) {
        const [last] = await store.listAudit({ limit: 1 });
        await step();
        const rows = await store.listAudit({ limit: 100 });
        const fresh = rows.filter((row) => row.id > (last?.id ?? 0));
        expect(fresh, action).toMatchObject([{ action, actor, result: 'ok' }]);
      }
      expect((await auditRows('network.create')).length).toBe(1);
      expect(await auditRows('node.join')).toMatchObject([
        { actor: expect.stringContaining('key:'), result: 'ok', source: '192.0.2.1:4711' },
      ]);
    });

    it('is read newest first, page by page, each row on one line', async () => {
      const row: AuditRow = {
        ...CLI,
        at: NOW,
        action: 'test',
        target: 'a\nb\0c',
        result: 'failed',
        detail: 'x'.repeat(5000),
      };
      for (let i = 0; i < 5; i++) await store.audit({ ...row, at: NOW + i });
      const page = await store.listAudit({ limit: 2 });
      expect(page.map(({ at }) => at - NOW)).toEqual([4, 3]);
      const next = await store.listAudit({ limit: 2, before: page[1]?.id as number });
      expect(next.map(({ at }) => at - NOW)).toEqual([2, 1]);
      expect(next[0]).toMatchObject({ target: 'a b c' });
      expect(next[0]?.detail.length).toBeLessThan(1001);
    });

    it('SEC-3: what is stored holds no token', async () => {
      const secret = randomBytes(32);
      await store.createToken(aToken(secret), CLI);
      await store.join(aRequest(secret));
      const refused = randomBytes(32);
      await expect(store.join(aRequest(refused))).rejects.toMatchObject({ code: 'unauthenticated' });
      for (const each of opened.splice(0)) await each.close();
      const dump = await fixture.dump();
      const spellings = (bytes: Buffer) => [
        bytes,
        ...(['hex', 'base64', 'base64url'] as const).map((as) => Buffer.from(bytes.toString(as))),
      ];
      for (const spelling of [...spellings(secret), ...spellings(refused)]) {
        expect(dump.includes(spelling)).toBe(false);
      }
      expect(dump.includes('token.create')).toBe(true);
    });
  });

  describe('a small range', () => {
    it('is used up to the last address, then says so, and gives back what was freed longest ago', async () => {
      for (const each of opened.splice(0)) await each.close();
      await fixture.remove();
      fixture = await create();
      store = await open({ prefix4: '10.9.8.0/29' });
      const nodes = [];
      for (let i = 0; i < 6; i++) nodes.push(await joinNode(store));
      expect(nodes.map((node) => node.address4)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `10.9.8.${n}`));

      const secret = randomBytes(32);
      await store.createToken(aToken(secret), CLI);
      await expect(store.join(aRequest(secret))).rejects.toMatchObject({ code: 'exhausted' });
      expect((await auditRows('node.join'))[0]).toMatchObject({ result: 'failed' });

      await store.removeNode(nodes[4]?.id as string, NOW, CLI);
      await store.removeNode(nodes[1]?.id as string, NOW, CLI);
      // The token was not used up by the failure.
      expect((await store.join(aRequest(secret))).node.address4).toBe('10.9.8.5');
      expect((await joinNode(store)).address4).toBe('10.9.8.2');
      await expect(joinNode(store)).rejects.toMatchObject({ code: 'exhausted' });
    });

    it('an address that was freed comes again only after those never used', async () => {
      const first = await joinNode(store);
      await store.removeNode(first.id, NOW, CLI);
      expect((await joinNode(store)).address4).toBe('100.64.0.2');
    });
  });

  describe('settings', () => {
    it('are told once, and again only when something of them changed; who changed what is kept', async () => {
      const before = await version();
      expect((await store.network()).settings).toEqual(DEFAULT_SETTINGS);
      expect(await store.changeSettings({ multicast: true }, NOW, CLI)).toEqual({
        ...DEFAULT_SETTINGS,
        multicast: true,
      });
      expect((await store.changesSince(before)).settings).toEqual({ ...DEFAULT_SETTINGS, multicast: true });
      const after = await version();
      await store.changeSettings({ multicast: true }, NOW, CLI);
      expect(await version()).toBe(after);
      expect((await store.changesSince(after)).settings).toBeNull();
      expect((await store.network()).settings.multicast).toBe(true);
      expect(await auditRows('network.change')).toMatchObject([
        { actor: 'cli', detail: '{"multicast":true}' },
      ]);
    });
  });

  describe('relays', () => relaysConformance(() => store));
}
