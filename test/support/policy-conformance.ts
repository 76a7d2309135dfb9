/** What every engine of the store must do with policies; a part of the store's conformance suite. */
import { describe, expect, it } from 'vitest';
import type { Store } from '../../coordinator/store/store.ts';
import { aReport, CLI, joinNode, NOW } from './store.ts';
import { waitFor } from './wait-for.ts';

const ALLOW = '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]} // everything\n';
const DENY = '{"acls": []}';
const APPROVING = (rest = '') =>
  `{"acls": [], "autoApprovers": {"routes": {"10.0.0.0/8": ["tag:router"]}, "exitNode": ["tag:router"]}${rest}}`;

export function policyConformance(current: () => Store, open: () => Promise<Store>): void {
  const audited = async (action: string) =>
    (await current().listAudit({ limit: 1000 })).filter((row) => row.action === action);
  const router = async (routes: string[], exitNode = false) => {
    const node = await joinNode(current(), { name: 'router' });
    await current().setTags(node.id, ['router'], NOW, CLI);
    const offer = (more: string[]) =>
      current().putReport(node.id, aReport({ offers: { routes: more, exitNode, tags: [] } }), NOW);
    await offer(routes);
    const approved = async () => {
      const { approvedRoutes, exitNodeApproved } = (await current().node(node.id))!;
      return { approvedRoutes, exitNodeApproved };
    };
    return { id: node.id, offer, approved };
  };

  it('is none at first', async () => {
    expect(await current().policy()).toBeNull();
    expect((await current().network()).policy).toBeNull();
    expect(await current().listPolicies()).toEqual([]);
  });

  it('is kept to the byte in versions, with who and when, and audited', async () => {
    const first = await current().applyPolicy(ALLOW, NOW, CLI);
    const second = await current().applyPolicy(DENY, NOW + 5, { actor: 'admin:ada', source: '192.0.2.1' });
    expect(first).toEqual({ version: 1, document: ALLOW, createdAt: NOW, ...CLI, restoredFrom: null });
    expect(second).toMatchObject({ version: 2, createdAt: NOW + 5, actor: 'admin:ada', source: '192.0.2.1' });
    const other = await open();
    expect(await other.policy()).toEqual(second);
    expect(await other.policy(1)).toEqual(first);
    expect(await other.policy(3)).toBeNull();
    expect(await other.listPolicies()).toEqual([second, first]);
    expect((await other.network()).policy).toEqual(second);
    expect((await other.snapshot()).network.policy).toEqual(second);
    expect(await audited('policy.apply')).toMatchObject([
      { actor: 'admin:ada', target: 'version 2', result: 'ok', at: NOW + 5 },
      { actor: 'cli', target: 'version 1', detail: '1 rules, 0 tests' },
    ]);
  });

  it('is restored as a new version', async () => {
    await current().applyPolicy(ALLOW, NOW, CLI);
    await current().applyPolicy(DENY, NOW, CLI);
    const restored = await current().restorePolicy(1, NOW + 9, CLI);
    expect(restored).toMatchObject({ version: 3, document: ALLOW, restoredFrom: 1, createdAt: NOW + 9 });
    expect(await current().policy()).toEqual(restored);
    expect(await audited('policy.restore')).toHaveLength(1);
    await expect(current().restorePolicy(7, NOW, CLI)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('given again as it is makes no version', async () => {
    const first = await current().applyPolicy(DENY, NOW, CLI);
    const { version } = await current().network();
    expect(await current().applyPolicy(DENY, NOW + 1, CLI)).toEqual(first);
    expect((await current().network()).version).toBe(version);
    expect(await current().listPolicies()).toHaveLength(1);
  });

  it.each([
    ['is no JSON', '{"acls": [}', '1:11'],
    ['has what is not supported', '{"acls": [],\n "ssh": [{}]}', '2:2'],
    ['fails its own tests', '{"acls": [],\n "tests": [{"src": "a@b", "accept": ["tag:x:1"]}]}', '2:38'],
  ])('SEC-38: that %s changes nothing', async (_, document, place) => {
    await current().applyPolicy(ALLOW, NOW, CLI);
    const before = await current().network();
    await expect(current().applyPolicy(document, NOW, CLI)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(` ${place}: `),
    });
    expect(await current().network()).toEqual(before);
    expect(await current().listPolicies()).toHaveLength(1);
    expect(await audited('policy.apply')).toMatchObject([{ result: 'refused', ...CLI }, { result: 'ok' }]);
  });

  it('has its tests run on the nodes that there are', async () => {
    const node = await joinNode(current());
    const document = `{"acls": [{"action": "accept", "src": ["tag:web"], "dst": ["10.1.1.1:22"]}],
      "tests": [{"src": "${node.address4}", "accept": ["10.1.1.1:22"]}]}`;
    await expect(current().applyPolicy(document, NOW, CLI)).rejects.toMatchObject({ code: 'corrupt' });
    await current().setTags(node.id, ['web'], NOW, CLI);
    await expect(current().applyPolicy(document, NOW, CLI)).resolves.toMatchObject({ version: 1 });
  });

  it('is told among the changes, to other processes too', async () => {
    const other = await open();
    let told = 0;
    other.onChange(() => told++);
    const { version } = await current().network();
    const policy = await current().applyPolicy(DENY, NOW, CLI);
    await waitFor('the change to be told', () => told > 0);
    expect(await other.changesSince(version)).toMatchObject({ policy, complete: true });
    expect(await other.changesSince(version + 1)).toMatchObject({ policy: null });
  });

  describe('approves by itself', () => {
    it('SEC-8: what is offered later, what it says and nothing else', async () => {
      await current().applyPolicy(APPROVING(), NOW, CLI);
      const node = await router(['10.1.0.0/16', '192.168.1.0/24'], true);
      expect(await node.approved()).toEqual({ approvedRoutes: ['10.1.0.0/16'], exitNodeApproved: true });
      expect(await audited('route.approve')).toMatchObject([{ actor: 'policy', detail: '10.1.0.0/16' }]);
      expect(await audited('exit-node.approve')).toMatchObject([{ actor: 'policy' }]);
    });

    it('what is offered on joining', async () => {
      await current().applyPolicy(
        '{"acls": [], "autoApprovers": {"routes": {"10.0.0.0/8": ["autogroup:member"]}}}',
        NOW,
        CLI,
      );
      const offers = { routes: ['10.1.0.0/16', '11.0.0.0/16'], exitNode: true, tags: [] };
      expect(await joinNode(current(), { offers })).toMatchObject({
        approvedRoutes: ['10.1.0.0/16'],
        exitNodeApproved: false,
      });
    });

    it('what waits already, once a policy says so for the first time', async () => {
      const node = await router(['10.1.0.0/16'], true);
      expect(await node.approved()).toEqual({ approvedRoutes: [], exitNodeApproved: false });
      await current().applyPolicy(APPROVING(), NOW, CLI);
      expect(await node.approved()).toEqual({ approvedRoutes: ['10.1.0.0/16'], exitNodeApproved: true });
    });

    it('not again what an administrator took back', async () => {
      await current().applyPolicy(APPROVING(), NOW, CLI);
      const node = await router(['10.1.0.0/16']);
      await current().approveRoute(node.id, '10.1.0.0/16', false, NOW, CLI);
      await current().applyPolicy(APPROVING(', "groups": {}'), NOW, CLI);
      await node.offer(['10.1.0.0/16', '10.2.0.0/16']);
      expect(await node.approved()).toMatchObject({ approvedRoutes: ['10.2.0.0/16'] });
    });

    it('and others are told at once', async () => {
      await current().applyPolicy(APPROVING(), NOW, CLI);
      const node = await router([]);
      const { version } = await current().network();
      await node.offer(['10.1.0.0/16']);
      expect((await current().changesSince(version)).changed).toMatchObject([
        { id: node.id, approvedRoutes: ['10.1.0.0/16'] },
      ]);
    });
  });
}
