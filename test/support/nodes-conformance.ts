import { expect, it } from 'vitest';
import type { Store } from '../../coordinator/store/store.ts';
import { aCertificate, aReport, CLI, joinNode, NOW } from './store.ts';

export function nodesConformance(current: () => Store): void {
  const auditRows = async (action: string) =>
    (await current().listAudit({ limit: 1000 })).filter((row) => row.action === action);
  const version = async () => (await current().network()).version;

  it('grants only what a node advertises', async () => {
    const node = await joinNode(current(), {
      offers: { routes: ['10.1.0.0/16'], exitNode: false, tags: [] },
    });
    const approve = (route: string) => current().approveRoute(node.id, route, true, NOW, CLI);
    await expect(approve('10.2.0.0/16')).rejects.toMatchObject({
      code: 'not-found',
      hint: 'it advertises 10.1.0.0/16',
    });
    await expect(approve('10.1.2.3/16')).rejects.toMatchObject({ code: 'usage' });
    await expect(approve('0.0.0.0/0')).rejects.toMatchObject({ code: 'usage' });
    await approve('10.1.0.0/16');
    expect((await current().node(node.id))?.approvedRoutes).toEqual(['10.1.0.0/16']);
    await current().approveRoute(node.id, '10.1.0.0/16', false, NOW, CLI);
    expect((await current().node(node.id))?.approvedRoutes).toEqual([]);
  });

  it('prefers one node of those that carry a route, for as long as it may carry it', async () => {
    const routes = ['10.1.0.0/16', '10.2.0.0/16'];
    const carrier = (name: string) =>
      joinNode(current(), { name, offers: { routes, exitNode: false, tags: [] } });
    const [a, b] = [await carrier('a'), await carrier('b')];
    const prefer = (id: string, route: string, preferred = true) =>
      current().preferRoute(id, route, preferred, NOW, CLI);
    const preferred = async () => [
      (await current().node(a.id))?.preferredRoutes,
      (await current().node(b.id))?.preferredRoutes,
    ];
    await expect(prefer(a.id, '10.1.0.0/16')).rejects.toMatchObject({
      code: 'not-found',
      hint: 'it advertises it: approve it first',
    });
    for (const { id } of [a, b])
      for (const route of routes) await current().approveRoute(id, route, true, NOW, CLI);
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
    const { version: after, changed } = await current().changesSince(before);
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

    await current().approveRoute(b.id, '10.1.0.0/16', false, NOW, CLI);
    expect((await auditRows('route.disapprove'))[0]).toMatchObject({
      before: { approvedRoutes: routes, preferredRoutes: ['10.1.0.0/16'] },
      after: { approvedRoutes: ['10.2.0.0/16'], preferredRoutes: [] },
    });
    await current().approveRoute(b.id, '10.1.0.0/16', true, NOW, CLI);
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
    const node = await joinNode(current(), { offers: mapped('192.168.1.0/24') });
    expect(node.offers).toEqual(mapped('192.168.1.0/24'));
    const approve = (route: string) => current().approveRoute(node.id, route, true, NOW, CLI);
    await expect(approve('192.168.1.0/24')).rejects.toMatchObject({ code: 'not-found' });
    await approve('10.201.1.0/24');
    const before = (await current().network()).version;
    await current().putReport(node.id, aReport({ offers: mapped('192.168.7.0/24') }), NOW);
    expect((await current().network()).version).toBe(before + 1);
    expect((await current().node(node.id))?.offers).toEqual(mapped('192.168.7.0/24'));
  });

  it('a route that overlaps one of another node is told to both, and stands in the audit log', async () => {
    const carrier = (name: string, route: string) =>
      joinNode(current(), { name, offers: { routes: [route], exitNode: false, tags: [] } });
    const [wide, narrow, apart] = [
      await carrier('wide', '10.0.0.0/8'),
      await carrier('narrow', '10.1.0.0/16'),
      await carrier('apart', '172.16.0.0/16'),
    ];
    const versionOf = async (id: string) => (await current().node(id))?.version;
    const touched = async (change: () => Promise<unknown>) => {
      const before = [await versionOf(wide.id), await versionOf(apart.id)];
      await change();
      return [(await versionOf(wide.id)) !== before[0], (await versionOf(apart.id)) !== before[1]];
    };
    await current().approveRoute(wide.id, '10.0.0.0/8', true, NOW, CLI);
    await current().approveRoute(apart.id, '172.16.0.0/16', true, NOW, CLI);
    const approve = (approved: boolean) =>
      current().approveRoute(narrow.id, '10.1.0.0/16', approved, NOW, CLI);
    expect(await touched(() => approve(true))).toEqual([true, false]);
    expect((await auditRows('route.approve'))[0]?.detail).toBe('10.1.0.0/16; overlaps 10.0.0.0/8 of wide');
    expect(await touched(() => current().renameNode(narrow.id, 'other', NOW, CLI))).toEqual([true, false]);
    expect(await touched(() => approve(false))).toEqual([true, false]);
    expect(await touched(() => approve(true))).toEqual([true, false]);
    expect(await touched(() => current().putReport(narrow.id, aReport(), NOW))).toEqual([true, false]);
    expect(await touched(() => current().removeNode(narrow.id, NOW, CLI))).toEqual([false, false]);
  });

  it('grants a part in a segment only to who asks, and gives each segment an identifier that stays', async () => {
    const [a, b] = [await joinNode(current(), { name: 'a' }), await joinNode(current(), { name: 'b' })];
    const approve = (id: string, name: string, approved = true) =>
      current().approveSegment(id, name, approved, NOW, CLI);
    const identifiers = async () => (await current().network()).settings.segments;
    await expect(approve(a.id, 'lab')).rejects.toMatchObject({
      code: 'not-found',
      hint: 'it asks for none',
    });
    await current().putReport(a.id, aReport({ offeredSegments: ['lab', 'Lab', 'lab', '-x', 'dmz'] }), NOW);
    await current().putReport(b.id, aReport({ offeredSegments: ['dmz'] }), NOW);
    expect((await current().node(a.id))?.offeredSegments).toEqual(['dmz', 'lab']);
    await expect(approve(a.id, 'Lab')).rejects.toMatchObject({
      code: 'not-found',
      hint: 'it asks for dmz, lab',
    });
    expect(await identifiers()).toEqual({});
    await approve(a.id, 'lab');
    await approve(b.id, 'dmz');
    expect((await current().node(a.id))?.approvedSegments).toEqual(['lab']);
    expect(await identifiers()).toEqual({ lab: 1, dmz: 2 });
    const before = await version();
    await approve(a.id, 'lab');
    expect(await version()).toBe(before);
    await approve(a.id, 'lab', false);
    expect((await current().changesSince(before)).changed.map(({ id }) => id)).toEqual([a.id]);
    expect((await current().node(a.id))?.approvedSegments).toEqual([]);
    expect(await identifiers()).toEqual({ lab: 1, dmz: 2 });
    expect(await auditRows('segment.approve')).toHaveLength(2);
  });

  it('a name is a label and nobody else has it', async () => {
    const a = await joinNode(current(), { name: 'a' });
    await joinNode(current(), { name: 'b' });
    const rename = (name: string) => current().renameNode(a.id, name, NOW, CLI);
    await expect(rename('b')).rejects.toMatchObject({ code: 'already-exists' });
    await expect(rename('My Host')).rejects.toMatchObject({ code: 'usage' });
    await rename('c');
    expect(await current().findNode('C')).toMatchObject({ id: a.id });
    expect(await current().findNode('a')).toBeNull();
  });

  it('a host that is named like another one’s id does not stand in its place', async () => {
    const a = await joinNode(current());
    const impostor = await joinNode(current(), { name: a.id });
    expect(impostor.name).toBe(a.id);
    expect(await current().findNode(a.id)).toMatchObject({ name: a.name });
  });

  it('a removed node is gone with its certificates, and what its agent still says is not-found', async () => {
    const certificate = aCertificate();
    const node = await joinNode(current(), { issueCertificate: async () => certificate });
    await current().setOnline(node.id, 'one', true, NOW);
    await current().removeNode(node.id, NOW, CLI);
    expect(await current().nodeByCertificate(certificate.fingerprint)).toBeNull();
    await current().setOnline(node.id, 'one', false, NOW);
    for (const attempt of [
      () => current().putReport(node.id, aReport(), NOW),
      () => current().setOnline(node.id, 'one', true, NOW),
      () => current().putCertificate(node.id, aCertificate()),
      () => current().removeNode(node.id, NOW, CLI),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'not-found' });
    }
  });

  it('keeps the latest certificates of a node, and those of lost answers among them', async () => {
    const first = aCertificate();
    const node = await joinNode(current(), { issueCertificate: async () => first });
    const renewals = Array.from({ length: 8 }, aCertificate);
    for (const certificate of renewals) await current().putCertificate(node.id, certificate);
    expect(await current().nodeByCertificate(first.fingerprint)).toBeNull();
    for (const { fingerprint } of renewals) {
      expect(await current().nodeByCertificate(fingerprint)).toMatchObject({ id: node.id });
    }
  });

  it('SEC-35: of the endpoints a node reports, at most 16 that can be reached are kept', async () => {
    const node = await joinNode(current());
    const many = Array.from({ length: 10_000 }, (_, i) => `198.51.${i >> 8}.${i & 255}:51820`);
    const bad = ['127.0.0.1:1', '[::1]:1', '224.0.0.1:1', '0.0.0.0:1', '100.64.0.9:1', 'x', '[fe80::1]:1'];
    await current().putReport(node.id, aReport({ endpoints: [...bad, ...many] }), NOW);
    expect((await current().node(node.id))?.endpoints).toEqual(many.slice(0, 16));
  });
}
