/** What every engine of the store must do. SQLite and PostgreSQL run it alike. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../coordinator/network/settings.ts';
import type { AuditRow } from '../../coordinator/store/contract/audit.ts';
import type { EnrolRelayRecord } from '../../coordinator/store/contract/relays.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { accountsConformance } from './accounts-conformance.ts';
import { administrationConformance } from './administration-conformance.ts';
import { coordinatorsConformance } from './coordinators-conformance.ts';
import { devicesConformance } from './devices-conformance.ts';
import { policyConformance } from './policy-conformance.ts';
import { aCertificate, aReport, aRequest, aToken, CLI, joinNode, NOW, sha256, tally } from './store.ts';
import { waitFor } from './wait-for.ts';

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

  describe('joining', () => {
    it('gives a name, addresses of both families and a certificate, and uses the token', async () => {
      const secret = randomBytes(32);
      const token = await store.createToken(aToken(secret, { tags: ['tag:web'], ephemeral: true }), CLI);
      const certificate = aCertificate();
      const { node, rejoined } = await store.join(
        aRequest(secret, { name: 'Web Server.example.com', issueCertificate: async () => certificate }),
      );
      expect(rejoined).toBe(false);
      expect(node).toMatchObject({
        name: 'web-server',
        address4: '100.64.0.1',
        tags: ['web'],
        ephemeral: true,
        online: false,
      });
      expect(node.address6).toMatch(/^fd.*::1$/);
      expect(await store.nodeByCertificate(certificate.fingerprint)).toEqual(node);
      expect(await store.findNode('web-server')).toEqual(node);
      expect(await store.findNode(node.id)).toEqual(node);
      expect(await store.listTokens()).toMatchObject([{ id: token.id, uses: 1, tags: ['web'] }]);
    });

    it.each<[string, (secret: Buffer) => Promise<number>, string]>([
      ['an unknown', async () => NOW, 'unknown token'],
      [
        'an expired',
        async (secret) => {
          await store.createToken(aToken(secret), CLI);
          return NOW + 3_600_000;
        },
        'expired token',
      ],
      [
        'a revoked',
        async (secret) => {
          const { id } = await store.createToken(aToken(secret, { reusable: true }), CLI);
          await store.revokeToken(id, NOW, CLI);
          return NOW;
        },
        'revoked token',
      ],
      [
        'a used',
        async (secret) => {
          await store.createToken(aToken(secret), CLI);
          await store.join(aRequest(secret, { name: 'first' }));
          return NOW;
        },
        'used token',
      ],
    ])(
      'SEC-1: %s token is refused like any other, and only the audit log has the reason',
      async (_, prepare, reason) => {
        const secret = randomBytes(32);
        const now = await prepare(secret);
        const before = await store.snapshot();
        let issued = 0;
        const attempt = store.join(
          aRequest(secret, {
            now,
            issueCertificate: async () => {
              issued++;
              return aCertificate();
            },
          }),
        );
        await expect(attempt).rejects.toMatchObject({
          code: 'unauthenticated',
          message: 'the token is not accepted',
        });
        expect(issued).toBe(0);
        expect(await store.snapshot()).toEqual(before);
        const [row] = await store.listAudit({ limit: 1 });
        expect(row).toMatchObject({ action: 'node.join', result: 'refused', source: '192.0.2.1:4711' });
        expect(row?.detail).toContain(reason);
        // No address was used up either.
        const next = await joinNode(store);
        expect(next.address4).toBe(`100.64.0.${before.nodes.length + 1}`);
      },
    );

    it('the host that used a token up may ask again with the same key, for its answer can be lost', async () => {
      const secret = randomBytes(32);
      const publicKey = randomBytes(32).toString('base64');
      const { id } = await store.createToken(aToken(secret, { tags: ['web'] }), CLI);
      const lost = aCertificate();
      const first = await store.join(aRequest(secret, { publicKey, issueCertificate: async () => lost }));
      const again = await store.join(aRequest(secret, { publicKey }));
      expect(again.rejoined).toBe(true);
      expect(again.node).toMatchObject({
        id: first.node.id,
        name: first.node.name,
        address4: first.node.address4,
        tags: ['web'],
      });
      expect(await store.nodeByCertificate(lost.fingerprint)).toBeNull();
      // And once more: the audit log knows the second try as well.
      await store.join(aRequest(secret, { publicKey }));
      expect(await store.listTokens()).toMatchObject([{ id, uses: 1 }]);
      expect(await store.listNodes()).toHaveLength(1);
    });

    it.each<[string, (publicKey: string, nodeId: string, tokenId: string) => Promise<unknown>]>([
      ['was expired', (_key, node) => store.setKeyExpiry(node, NOW, NOW, CLI)],
      ['was removed', (_key, node) => store.removeNode(node, NOW, CLI)],
      ['has a token that was revoked', (_key, _node, token) => store.revokeToken(token, NOW, CLI)],
    ])('but not a host that %s since', async (_, meanwhile) => {
      const secret = randomBytes(32);
      const publicKey = randomBytes(32).toString('base64');
      const { id } = await store.createToken(aToken(secret), CLI);
      const { node } = await store.join(aRequest(secret, { publicKey }));
      await meanwhile(publicKey, node.id, id);
      await expect(store.join(aRequest(secret, { publicKey }))).rejects.toMatchObject({
        code: 'unauthenticated',
      });
    });

    it('SEC-1: nor a member that joined by another token, whatever it wished to be called', async () => {
      const secret = randomBytes(32);
      const { id } = await store.createToken(aToken(secret, { tags: ['admin'] }), CLI);
      await store.join(aRequest(secret));
      const publicKey = randomBytes(32).toString('base64');
      const own = randomBytes(32);
      await store.createToken(aToken(own), CLI);
      await store.join(aRequest(own, { publicKey, name: `new, token ${id}, ` }));
      await expect(store.join(aRequest(secret, { publicKey }))).rejects.toMatchObject({
        code: 'unauthenticated',
      });
      expect((await store.findNode(publicKey)) ?? (await store.listNodes()).at(-1)).toMatchObject({
        tags: [],
      });
    });

    it('SEC-2: of 50 joins at once with a one-use token exactly one succeeds', async () => {
      const secret = randomBytes(32);
      await store.createToken(aToken(secret), CLI);
      const stores = [store, await open(), await open()];
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, (_, i) => (stores[i % 3] as Store).join(aRequest(secret))),
      );
      expect(tally(results)).toEqual({ ok: 1, unauthenticated: 49 });
      expect(await store.listNodes()).toHaveLength(1);
      expect(await store.listTokens()).toMatchObject([{ uses: 1 }]);
    });

    it('50 joins at once with a reusable token get 50 names and addresses', async () => {
      const secret = randomBytes(32);
      await store.createToken(aToken(secret, { reusable: true }), CLI);
      const other = await open();
      const joins = await Promise.all(
        Array.from({ length: 50 }, (_, i) => (i % 2 ? store : other).join(aRequest(secret))),
      );
      const nodes = joins.map((join) => join.node);
      for (const field of ['id', 'name', 'address4', 'address6', 'version'] as const) {
        expect(new Set(nodes.map((node) => node[field])).size).toBe(50);
      }
      expect(nodes.map((node) => node.name).sort()).toContain('host-50');
    });

    it('a known key keeps its node, and its older certificates end', async () => {
      const publicKey = randomBytes(32).toString('base64');
      const old = aCertificate();
      const first = await joinNode(store, { publicKey, issueCertificate: async () => old });
      const secret = randomBytes(32);
      await store.createToken(aToken(secret), CLI);
      const again = await store.join(aRequest(secret, { publicKey, name: 'other', agentVersion: '9' }));
      expect(again.rejoined).toBe(true);
      expect(again.node).toMatchObject({
        id: first.id,
        name: first.name,
        address4: first.address4,
        address6: first.address6,
        agentVersion: '9',
      });
      expect(await store.listNodes()).toHaveLength(1);
      expect(await store.nodeByCertificate(old.fingerprint)).toBeNull();
      expect(await store.nodeByCertificate(again.certificate.fingerprint)).toMatchObject({ id: first.id });
    });

    it('a certificate that cannot be issued undoes all of it, the use of the token too', async () => {
      const secret = randomBytes(32);
      await store.createToken(aToken(secret), CLI);
      const before = await store.snapshot();
      const broken = aRequest(secret, { issueCertificate: () => Promise.reject(new Error('no CA')) });
      await expect(store.join(broken)).rejects.toThrow('no CA');
      expect(await store.snapshot()).toEqual(before);
      expect(await auditRows('node.join')).toMatchObject([{ result: 'failed' }]);
      expect((await store.join(aRequest(secret))).node.address4).toBe('100.64.0.1');
    });

    it('what a node offers is pending, and what nobody can grant is not taken', async () => {
      const node = await joinNode(store, {
        offers: { routes: ['192.168.1.0/24', '0.0.0.0/0', '100.64.1.0/24'], exitNode: true, tags: ['web'] },
      });
      expect(node.offers).toEqual({
        routes: ['192.168.1.0/24'],
        exitNode: true,
        tags: ['web'],
        mappings: [],
      });
      expect(node).toMatchObject({ approvedRoutes: [], exitNodeApproved: false, tags: [] });
      expect((await auditRows('node.join'))[0]?.detail).toContain('0.0.0.0/0: the default route');
    });

    it('SEC-64: a name of markup, shell characters or nothing becomes a label', async () => {
      const names = [
        '<script>alert(1)</script>',
        '-rf $(reboot); `id`',
        '',
        '\0\u202e',
        'ÄÖÜ',
        '127.0.0.1',
        'a'.repeat(9000),
      ];
      for (const name of names) {
        const node = await joinNode(store, {
          name,
          operatingSystem: 'li\0nux',
          agentVersion: 'x'.repeat(9000),
        });
        expect(node.name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
        expect(node.agentVersion).toHaveLength(64);
      }
    });
  });

  describe('changes', () => {
    it('a version comes with what others can see, and only with that', async () => {
      const node = await joinNode(store, { offers: { routes: ['10.1.0.0/16'], exitNode: true, tags: [] } });
      const offers = node.offers;
      const steps: [string, boolean, () => Promise<unknown>][] = [
        ['online', true, () => store.setOnline(node.id, 'a', true, NOW)],
        ['online elsewhere too', false, () => store.setOnline(node.id, 'b', true, NOW)],
        ['first endpoints', true, () => store.putReport(node.id, aReport({ offers }), NOW)],
        ['the same report', false, () => store.putReport(node.id, aReport({ offers }), NOW)],
        [
          'another agent version',
          false,
          () => store.putReport(node.id, aReport({ offers, agentVersion: '2' }), NOW),
        ],
        ['a route approved', true, () => store.approveRoute(node.id, '10.1.0.0/16', true, NOW, CLI)],
        ['approved again', false, () => store.approveRoute(node.id, '10.1.0.0/16', true, NOW, CLI)],
        ['offered no longer', true, () => store.putReport(node.id, aReport({ agentVersion: '2' }), NOW)],
        ['exit approved, not offered', false, () => store.approveExitNode(node.id, true, NOW, CLI)],
        ['both offered again', true, () => store.putReport(node.id, aReport({ offers }), NOW)],
        ['renamed', true, () => store.renameNode(node.id, 'router', NOW, CLI)],
        ['tagged', true, () => store.setTags(node.id, ['tag:net', 'net'], NOW, CLI)],
        ['key expiry', true, () => store.setKeyExpiry(node.id, NOW + 1, NOW, CLI)],
        ['offline at one', false, () => store.setOnline(node.id, 'a', false, NOW)],
        ['offline at the other', true, () => store.setOnline(node.id, 'b', false, NOW)],
        ['a new certificate', false, () => store.putCertificate(node.id, aCertificate())],
        ['a token', false, () => store.createToken(aToken(randomBytes(32)), CLI)],
        ['removed', true, () => store.removeNode(node.id, NOW, CLI)],
      ];
      for (const [what, visible, step] of steps) {
        const before = await version();
        await step();
        const { version: after, changed, removed } = await store.changesSince(before);
        expect([what, after - before], what).toEqual([what, visible ? 1 : 0]);
        expect(changed.length + removed.length, what).toBe(visible ? 1 : 0);
        for (const record of changed) expect(record.version, what).toBe(after);
      }
      expect(await store.listNodes()).toEqual([]);
    });

    it('are told since any version, removals too, and only what changed', async () => {
      const a = await joinNode(store);
      const b = await joinNode(store);
      const { network, nodes } = await store.snapshot();
      expect(nodes.map((node) => node.id)).toEqual([a.id, b.id]);
      const c = await joinNode(store);
      await store.removeNode(a.id, NOW, CLI);
      const since = await store.changesSince(network.version);
      expect(since).toMatchObject({
        epoch: network.epoch,
        version: network.version + 2,
        removed: [a.id],
        complete: true,
      });
      expect(since.changed.map((node) => node.id)).toEqual([c.id]);
      expect(await store.changesSince(since.version)).toMatchObject({
        changed: [],
        removed: [],
        complete: true,
      });
    });

    it('say that a snapshot is due for a version of another history or of before a pruning', async () => {
      const node = await joinNode(store);
      const before = await version();
      await store.removeNode(node.id, NOW, CLI);
      expect(await store.changesSince(before + 99)).toMatchObject({ complete: false });
      await store.prune({ audit: NOW, removed: NOW }, NOW + 1);
      expect(await store.changesSince(before)).toMatchObject({ complete: true, removed: [node.id] });
      await store.prune({ audit: NOW + 1, removed: NOW + 1 }, NOW + 1);
      expect(await store.changesSince(before)).toMatchObject({ complete: false });
      expect(await store.changesSince(before + 1)).toMatchObject({ complete: true });
      // Rows from before the given time are gone; the pruning itself is on record.
      const rows = await store.listAudit({ limit: 100 });
      expect(rows.filter((row) => row.at < NOW + 1)).toEqual([]);
      expect(rows.filter((row) => row.action === 'history.prune')).toHaveLength(2);
    });

    it('are noticed by whoever else has the database open', async () => {
      const other = await open();
      const calls = { own: 0, other: 0 };
      store.onChange(() => calls.own++);
      const stop = other.onChange(() => calls.other++);
      await joinNode(store);
      await waitFor('both stores to notice', () => calls.own > 0 && calls.other > 0);
      stop();
      const before = calls.other;
      calls.own = 0;
      await other.createToken(aToken(randomBytes(32)), CLI);
      await waitFor('the first store to notice', () => calls.own > 0);
      expect(calls.other).toBe(before);
    });

    it('readers never see a version without what it stands for', async () => {
      const secret = randomBytes(32);
      await store.createToken(aToken(secret, { reusable: true }), CLI);
      const other = await open();
      let done = false;
      const joins = Promise.all(
        Array.from({ length: 30 }, (_, i) => (i % 2 ? store : other).join(aRequest(secret))),
      ).finally(() => {
        done = true;
      });
      const base = await version();
      for (let seen = base; !done || seen < base; ) {
        const { network, nodes } = await other.snapshot();
        expect(network.version).toBeGreaterThanOrEqual(seen);
        expect(nodes.length).toBe(network.version - 1);
        seen = network.version;
      }
      await joins;
    });

    it('an instance that starts or ends takes back its own marks alone', async () => {
      const a = await joinNode(store);
      const b = await joinNode(store);
      await store.setOnline(a.id, 'one', true, NOW);
      await store.setOnline(b.id, 'one', true, NOW);
      await store.setOnline(b.id, 'two', true, NOW);
      await store.clearOnline('one', NOW + 5);
      expect(await store.node(a.id)).toMatchObject({ online: false, lastSeenAt: NOW + 5 });
      expect(await store.node(b.id)).toMatchObject({ online: true });
      const before = await version();
      await store.clearOnline('one', NOW + 6);
      expect(await version()).toBe(before);
    });
  });

  describe('administration', () => {
    it('grants only what a node advertises', async () => {
      const node = await joinNode(store, { offers: { routes: ['10.1.0.0/16'], exitNode: false, tags: [] } });
      const approve = (route: string) => store.approveRoute(node.id, route, true, NOW, CLI);
      await expect(approve('10.2.0.0/16')).rejects.toMatchObject({
        code: 'not-found',
        hint: 'it advertises 10.1.0.0/16',
      });
      await expect(approve('10.1.2.3/16')).rejects.toMatchObject({ code: 'usage' });
      await expect(approve('0.0.0.0/0')).rejects.toMatchObject({ code: 'usage' });
      await approve('10.1.0.0/16');
      expect((await store.node(node.id))?.approvedRoutes).toEqual(['10.1.0.0/16']);
      await store.approveRoute(node.id, '10.1.0.0/16', false, NOW, CLI);
      expect((await store.node(node.id))?.approvedRoutes).toEqual([]);
    });

    it('prefers one node of those that carry a route, for as long as it may carry it', async () => {
      const routes = ['10.1.0.0/16', '10.2.0.0/16'];
      const carrier = (name: string) =>
        joinNode(store, { name, offers: { routes, exitNode: false, tags: [] } });
      const [a, b] = [await carrier('a'), await carrier('b')];
      const prefer = (id: string, route: string, preferred = true) =>
        store.preferRoute(id, route, preferred, NOW, CLI);
      const preferred = async () => [
        (await store.node(a.id))?.preferredRoutes,
        (await store.node(b.id))?.preferredRoutes,
      ];
      await expect(prefer(a.id, '10.1.0.0/16')).rejects.toMatchObject({
        code: 'not-found',
        hint: 'it advertises it: approve it first',
      });
      for (const { id } of [a, b])
        for (const route of routes) await store.approveRoute(id, route, true, NOW, CLI);
      await expect(prefer(a.id, '10.3.0.0/16')).rejects.toMatchObject({
        code: 'not-found',
        hint: 'approved are 10.1.0.0/16, 10.2.0.0/16',
      });
      expect(await preferred()).toEqual([[], []]);

      for (const route of routes) await prefer(a.id, route);
      expect(await preferred()).toEqual([routes, []]);
      const before = await version();
      await prefer(a.id, '10.1.0.0/16');
      await prefer(b.id, '10.1.0.0/16', false);
      expect(await version()).toBe(before);

      await prefer(b.id, '10.1.0.0/16');
      expect(await preferred()).toEqual([['10.2.0.0/16'], ['10.1.0.0/16']]);
      const { version: after, changed } = await store.changesSince(before);
      expect([after, changed.map(({ name }) => name).sort()]).toEqual([before + 1, ['a', 'b']]);
      expect(await auditRows('route.prefer')).toHaveLength(3);
      expect(await auditRows('route.unprefer')).toMatchObject([
        {
          target: `a (${a.id})`,
          detail: '10.1.0.0/16',
          before: { preferredRoutes: routes },
          after: { preferredRoutes: ['10.2.0.0/16'] },
        },
      ]);

      await store.approveRoute(b.id, '10.1.0.0/16', false, NOW, CLI);
      expect((await auditRows('route.disapprove'))[0]).toMatchObject({
        before: { approvedRoutes: routes, preferredRoutes: ['10.1.0.0/16'] },
        after: { approvedRoutes: ['10.2.0.0/16'], preferredRoutes: [] },
      });
      await store.approveRoute(b.id, '10.1.0.0/16', true, NOW, CLI);
      await prefer(a.id, '10.2.0.0/16', false);
      expect(await preferred()).toEqual([[], []]);
    });

    it('keeps under which prefix the mesh has a network of a site, and grants that prefix', async () => {
      const mapped = (sitePrefix: string) => ({
        routes: ['10.201.1.0/24'],
        exitNode: false,
        tags: [],
        mappings: [{ prefix: '10.201.1.0/24', sitePrefix }],
      });
      const node = await joinNode(store, { offers: mapped('192.168.1.0/24') });
      expect(node.offers).toEqual(mapped('192.168.1.0/24'));
      const approve = (route: string) => store.approveRoute(node.id, route, true, NOW, CLI);
      await expect(approve('192.168.1.0/24')).rejects.toMatchObject({ code: 'not-found' });
      await approve('10.201.1.0/24');
      const before = (await store.network()).version;
      await store.putReport(node.id, aReport({ offers: mapped('192.168.7.0/24') }), NOW);
      expect((await store.network()).version).toBe(before + 1);
      expect((await store.node(node.id))?.offers).toEqual(mapped('192.168.7.0/24'));
    });

    it('a route that overlaps one of another node is told to both, and stands in the audit log', async () => {
      const carrier = (name: string, route: string) =>
        joinNode(store, { name, offers: { routes: [route], exitNode: false, tags: [] } });
      const [wide, narrow, apart] = [
        await carrier('wide', '10.0.0.0/8'),
        await carrier('narrow', '10.1.0.0/16'),
        await carrier('apart', '172.16.0.0/16'),
      ];
      const versionOf = async (id: string) => (await store.node(id))?.version;
      const touched = async (change: () => Promise<unknown>) => {
        const before = [await versionOf(wide.id), await versionOf(apart.id)];
        await change();
        return [(await versionOf(wide.id)) !== before[0], (await versionOf(apart.id)) !== before[1]];
      };
      await store.approveRoute(wide.id, '10.0.0.0/8', true, NOW, CLI);
      await store.approveRoute(apart.id, '172.16.0.0/16', true, NOW, CLI);
      const approve = (approved: boolean) => store.approveRoute(narrow.id, '10.1.0.0/16', approved, NOW, CLI);
      expect(await touched(() => approve(true))).toEqual([true, false]);
      expect((await auditRows('route.approve'))[0]?.detail).toBe('10.1.0.0/16; overlaps 10.0.0.0/8 of wide');
      expect(await touched(() => store.renameNode(narrow.id, 'other', NOW, CLI))).toEqual([true, false]);
      expect(await touched(() => approve(false))).toEqual([true, false]);
      expect(await touched(() => approve(true))).toEqual([true, false]);
      expect(await touched(() => store.putReport(narrow.id, aReport(), NOW))).toEqual([true, false]);
      expect(await touched(() => store.removeNode(narrow.id, NOW, CLI))).toEqual([false, false]);
    });

    it('grants a part in a segment only to who asks, and gives each segment an identifier that stays', async () => {
      const [a, b] = [await joinNode(store, { name: 'a' }), await joinNode(store, { name: 'b' })];
      const approve = (id: string, name: string, approved = true) =>
        store.approveSegment(id, name, approved, NOW, CLI);
      const identifiers = async () => (await store.network()).settings.segments;
      await expect(approve(a.id, 'lab')).rejects.toMatchObject({
        code: 'not-found',
        hint: 'it asks for none',
      });
      await store.putReport(a.id, aReport({ offeredSegments: ['lab', 'Lab', 'lab', '-x', 'dmz'] }), NOW);
      await store.putReport(b.id, aReport({ offeredSegments: ['dmz'] }), NOW);
      expect((await store.node(a.id))?.offeredSegments).toEqual(['dmz', 'lab']);
      await expect(approve(a.id, 'Lab')).rejects.toMatchObject({
        code: 'not-found',
        hint: 'it asks for dmz, lab',
      });
      expect(await identifiers()).toEqual({});
      await approve(a.id, 'lab');
      await approve(b.id, 'dmz');
      expect((await store.node(a.id))?.approvedSegments).toEqual(['lab']);
      expect(await identifiers()).toEqual({ lab: 1, dmz: 2 });
      const before = await version();
      await approve(a.id, 'lab');
      expect(await version()).toBe(before);
      await approve(a.id, 'lab', false);
      expect((await store.changesSince(before)).changed.map(({ id }) => id)).toEqual([a.id]);
      expect((await store.node(a.id))?.approvedSegments).toEqual([]);
      expect(await identifiers()).toEqual({ lab: 1, dmz: 2 });
      expect(await auditRows('segment.approve')).toHaveLength(2);
    });

    it('a name is a label and nobody else has it', async () => {
      const a = await joinNode(store, { name: 'a' });
      await joinNode(store, { name: 'b' });
      const rename = (name: string) => store.renameNode(a.id, name, NOW, CLI);
      await expect(rename('b')).rejects.toMatchObject({ code: 'already-exists' });
      await expect(rename('My Host')).rejects.toMatchObject({ code: 'usage' });
      await rename('c');
      expect(await store.findNode('C')).toMatchObject({ id: a.id });
      expect(await store.findNode('a')).toBeNull();
    });

    it('a host that is named like another one’s id does not stand in its place', async () => {
      const a = await joinNode(store);
      const impostor = await joinNode(store, { name: a.id });
      expect(impostor.name).toBe(a.id);
      expect(await store.findNode(a.id)).toMatchObject({ name: a.name });
    });

    it('a removed node is gone with its certificates, and what its agent still says is not-found', async () => {
      const certificate = aCertificate();
      const node = await joinNode(store, { issueCertificate: async () => certificate });
      await store.setOnline(node.id, 'one', true, NOW);
      await store.removeNode(node.id, NOW, CLI);
      expect(await store.nodeByCertificate(certificate.fingerprint)).toBeNull();
      await store.setOnline(node.id, 'one', false, NOW);
      for (const attempt of [
        () => store.putReport(node.id, aReport(), NOW),
        () => store.setOnline(node.id, 'one', true, NOW),
        () => store.putCertificate(node.id, aCertificate()),
        () => store.removeNode(node.id, NOW, CLI),
      ]) {
        await expect(attempt()).rejects.toMatchObject({ code: 'not-found' });
      }
    });

    it('keeps the latest certificates of a node, and those of lost answers among them', async () => {
      const first = aCertificate();
      const node = await joinNode(store, { issueCertificate: async () => first });
      const renewals = Array.from({ length: 8 }, aCertificate);
      for (const certificate of renewals) await store.putCertificate(node.id, certificate);
      expect(await store.nodeByCertificate(first.fingerprint)).toBeNull();
      for (const { fingerprint } of renewals) {
        expect(await store.nodeByCertificate(fingerprint)).toMatchObject({ id: node.id });
      }
    });

    it('SEC-35: of the endpoints a node reports, at most 16 that can be reached are kept', async () => {
      const node = await joinNode(store);
      const many = Array.from({ length: 10_000 }, (_, i) => `198.51.${i >> 8}.${i & 255}:51820`);
      const bad = ['127.0.0.1:1', '[::1]:1', '224.0.0.1:1', '0.0.0.0:1', '100.64.0.9:1', 'x', '[fe80::1]:1'];
      await store.putReport(node.id, aReport({ endpoints: [...bad, ...many] }), NOW);
      expect((await store.node(node.id))?.endpoints).toEqual(many.slice(0, 16));
    });
  });

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

  describe('relays', () => {
    const FACTS = {
      name: 'far',
      urls: ['https://192.0.2.9:8443'],
      stunServers: [{ host: '192.0.2.9', port: 3478, alternatePort: 3479 }],
    };
    const OWN = { id: 'coordinator-1', tlsName: 'coordinator', ...FACTS };
    const enrol = async (changes: Partial<EnrolRelayRecord> = {}, purpose: 'node' | 'relay' = 'relay') => {
      const secret = randomBytes(32);
      await store.createToken(aToken(secret, { purpose }), CLI);
      const request = {
        secretHash: sha256(secret),
        facts: FACTS,
        remoteAddress: '192.0.2.9:1',
        now: NOW,
        issueCertificate: async () => aCertificate(),
        ...changes,
      };
      return { request, done: store.enrolRelay(request) };
    };
    const ids = async () => (await store.network()).relays.map(({ id }) => id);

    it('of a coordinator are told once, and again only when something of them changed', async () => {
      await store.putRelay(OWN, NOW);
      const after = await version();
      await store.putRelay(OWN, NOW + 1);
      expect(await version()).toBe(after);
      await store.putRelay({ ...OWN, urls: ['https://192.0.2.10:8443'] }, NOW + 2);
      expect(await version()).toBe(after + 1);
      expect((await store.changesSince(after)).relays).toEqual([
        {
          id: OWN.id,
          tlsName: OWN.tlsName,
          urls: ['https://192.0.2.10:8443'],
          stunServers: FACTS.stunServers,
        },
      ]);
      expect((await store.changesSince(after + 1)).relays).toBeNull();
      expect((await store.listRelays())[0]?.lastSeenAt).toBe(NOW + 2);
    });

    it('are enrolled with a token of their own, known by their id, and removed', async () => {
      const { request, done } = await enrol();
      const { relay } = await done;
      expect(relay).toMatchObject({ ...FACTS, tlsName: expect.stringContaining(relay.id) });
      expect(await store.relay(relay.id)).toEqual(relay);
      expect(await ids()).toEqual([relay.id]);
      await expect(store.enrolRelay(request)).rejects.toMatchObject({ code: 'unauthenticated' });
      const before = await version();
      await store.removeRelay(relay.id, NOW, CLI);
      expect((await store.changesSince(before)).relays).toEqual([]);
      expect(await store.relay(relay.id)).toBeNull();
      await expect(store.removeRelay(relay.id, NOW, CLI)).rejects.toMatchObject({ code: 'not-found' });
      expect((await auditRows('relay.enrol')).map(({ result }) => result)).toEqual(['refused', 'ok']);
      expect(await auditRows('relay.remove')).toHaveLength(1);
    });

    it('SEC-1: a token of a node admits no relay and that of a relay no node; nothing is used up', async () => {
      await expect((await enrol({}, 'node')).done).rejects.toMatchObject({ code: 'unauthenticated' });
      const secret = randomBytes(32);
      await store.createToken(aToken(secret, { purpose: 'relay' }), CLI);
      await expect(store.join(aRequest(secret))).rejects.toMatchObject({ code: 'unauthenticated' });
      expect(await ids()).toEqual([]);
      expect((await store.listTokens()).map(({ uses }) => uses)).toEqual([0, 0]);
    });

    it('SEC-2: of 20 enrolments at once with a token for one, one succeeds', async () => {
      const { request, done } = await enrol();
      const more = Array.from({ length: 19 }, () => store.enrolRelay(request));
      expect(tally(await Promise.allSettled([done, ...more]))).toEqual({ ok: 1, unauthenticated: 19 });
      expect(await ids()).toHaveLength(1);
    });

    it('that fail to be issued a certificate leave the token as it was', async () => {
      const fail = async () => {
        throw new Error('no certificate');
      };
      const { request, done } = await enrol({ issueCertificate: fail });
      await expect(done).rejects.toThrow();
      await store.enrolRelay({ ...request, issueCertificate: async () => aCertificate() });
      expect(await ids()).toHaveLength(1);
    });

    it('that nobody could reach are refused; what else cannot be is left out', async () => {
      const without = await enrol({ facts: { ...FACTS, urls: ['http://192.0.2.9:1'] } });
      await expect(without.done).rejects.toMatchObject({ code: 'usage' });
      const stunServers = [
        { host: 'a b', port: 1, alternatePort: 2 },
        { host: 'stun.example.com', port: 0, alternatePort: 2 },
        { host: 'stun.example.com', port: 1, alternatePort: 2 },
      ];
      const { relay } = await (await enrol({ facts: { ...FACTS, name: 'a\nb', stunServers } })).done;
      expect(relay).toMatchObject({ name: 'a?b', stunServers: stunServers.slice(2) });
    });

    it('are chosen by nodes, of which others hear', async () => {
      const node = await joinNode(store);
      const before = await version();
      await store.putReport(node.id, aReport({ homeRelay: 'relay-1' }), NOW);
      expect((await store.changesSince(before)).changed.map(({ homeRelay }) => homeRelay)).toEqual([
        'relay-1',
      ]);
    });
  });
}
