/** What every engine of the store must do to tell what changed; a part of the store's conformance suite. */
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Store } from '../../coordinator/store/store.ts';
import { aCertificate, aReport, aRequest, aToken, CLI, joinNode, NOW } from './store.ts';
import { waitFor } from './wait-for.ts';

export function changesConformance(current: () => Store, open: () => Promise<Store>): void {
  const version = async () => (await current().network()).version;

  it('a version comes with what others can see, and only with that', async () => {
    const node = await joinNode(current(), { offers: { routes: ['10.1.0.0/16'], exitNode: true, tags: [] } });
    const offers = node.offers;
    const steps: [string, boolean, () => Promise<unknown>][] = [
      ['online', true, () => current().setOnline(node.id, 'a', true, NOW)],
      ['online elsewhere too', false, () => current().setOnline(node.id, 'b', true, NOW)],
      ['first endpoints', true, () => current().putReport(node.id, aReport({ offers }), NOW)],
      ['the same report', false, () => current().putReport(node.id, aReport({ offers }), NOW)],
      [
        'another agent version',
        false,
        () => current().putReport(node.id, aReport({ offers, agentVersion: '2' }), NOW),
      ],
      ['a route approved', true, () => current().approveRoute(node.id, '10.1.0.0/16', true, NOW, CLI)],
      ['approved again', false, () => current().approveRoute(node.id, '10.1.0.0/16', true, NOW, CLI)],
      ['offered no longer', true, () => current().putReport(node.id, aReport({ agentVersion: '2' }), NOW)],
      ['exit approved, not offered', false, () => current().approveExitNode(node.id, true, NOW, CLI)],
      ['both offered again', true, () => current().putReport(node.id, aReport({ offers }), NOW)],
      ['renamed', true, () => current().renameNode(node.id, 'router', NOW, CLI)],
      ['tagged', true, () => current().setTags(node.id, ['tag:net', 'net'], NOW, CLI)],
      ['key expiry', true, () => current().setKeyExpiry(node.id, NOW + 1, NOW, CLI)],
      ['offline at one', false, () => current().setOnline(node.id, 'a', false, NOW)],
      ['offline at the other', true, () => current().setOnline(node.id, 'b', false, NOW)],
      ['a new certificate', false, () => current().putCertificate(node.id, aCertificate())],
      ['a token', false, () => current().createToken(aToken(randomBytes(32)), CLI)],
      ['removed', true, () => current().removeNode(node.id, NOW, CLI)],
    ];
    for (const [what, visible, step] of steps) {
      const before = await version();
      await step();
      const { version: after, changed, removed } = await current().changesSince(before);
      expect([what, after - before], what).toEqual([what, visible ? 1 : 0]);
      expect(changed.length + removed.length, what).toBe(visible ? 1 : 0);
      for (const record of changed) expect(record.version, what).toBe(after);
    }
    expect(await current().listNodes()).toEqual([]);
  });

  it('are told since any version, removals too, and only what changed', async () => {
    const a = await joinNode(current());
    const b = await joinNode(current());
    const { network, nodes } = await current().snapshot();
    expect(nodes.map((node) => node.id)).toEqual([a.id, b.id]);
    const c = await joinNode(current());
    await current().removeNode(a.id, NOW, CLI);
    const since = await current().changesSince(network.version);
    expect(since).toMatchObject({
      epoch: network.epoch,
      version: network.version + 2,
      removed: [a.id],
      complete: true,
    });
    expect(since.changed.map((node) => node.id)).toEqual([c.id]);
    expect(await current().changesSince(since.version)).toMatchObject({
      changed: [],
      removed: [],
      complete: true,
    });
  });

  it('say that a snapshot is due for a version of another history or of before a pruning', async () => {
    const node = await joinNode(current());
    const before = await version();
    await current().removeNode(node.id, NOW, CLI);
    expect(await current().changesSince(before + 99)).toMatchObject({ complete: false });
    await current().prune({ audit: NOW, removed: NOW }, NOW + 1);
    expect(await current().changesSince(before)).toMatchObject({ complete: true, removed: [node.id] });
    await current().prune({ audit: NOW + 1, removed: NOW + 1 }, NOW + 1);
    expect(await current().changesSince(before)).toMatchObject({ complete: false });
    expect(await current().changesSince(before + 1)).toMatchObject({ complete: true });
    // Rows from before the given time are gone; the pruning itself is on record.
    const rows = await current().listAudit({ limit: 100 });
    expect(rows.filter((row) => row.at < NOW + 1)).toEqual([]);
    expect(rows.filter((row) => row.action === 'history.prune')).toHaveLength(2);
  });

  it('are noticed by whoever else has the database open', async () => {
    const other = await open();
    const calls = { own: 0, other: 0 };
    current().onChange(() => calls.own++);
    const stop = other.onChange(() => calls.other++);
    await joinNode(current());
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
    await current().createToken(aToken(secret, { reusable: true }), CLI);
    const other = await open();
    let done = false;
    const joins = Promise.all(
      Array.from({ length: 30 }, (_, i) => (i % 2 ? current() : other).join(aRequest(secret))),
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
    const a = await joinNode(current());
    const b = await joinNode(current());
    await current().setOnline(a.id, 'one', true, NOW);
    await current().setOnline(b.id, 'one', true, NOW);
    await current().setOnline(b.id, 'two', true, NOW);
    await current().clearOnline('one', NOW + 5);
    expect(await current().node(a.id)).toMatchObject({ online: false, lastSeenAt: NOW + 5 });
    expect(await current().node(b.id)).toMatchObject({ online: true });
    const before = await version();
    await current().clearOnline('one', NOW + 6);
    expect(await version()).toBe(before);
  });
}
