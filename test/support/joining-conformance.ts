/** What every engine of the store must do with hosts that join; a part of the store's conformance suite. */
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Store } from '../../coordinator/store/store.ts';
import { aCertificate, aRequest, aToken, CLI, joinNode, NOW, tally } from './store.ts';

export function joiningConformance(current: () => Store, open: () => Promise<Store>): void {
  const auditRows = async (action: string) =>
    (await current().listAudit({ limit: 1000 })).filter((row) => row.action === action);

  it('gives a name, addresses of both families and a certificate, and uses the token', async () => {
    const secret = randomBytes(32);
    const token = await current().createToken(aToken(secret, { tags: ['tag:web'], ephemeral: true }), CLI);
    const certificate = aCertificate();
    const { node, rejoined } = await current().join(
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
    expect(await current().nodeByCertificate(certificate.fingerprint)).toEqual(node);
    expect(await current().findNode('web-server')).toEqual(node);
    expect(await current().findNode(node.id)).toEqual(node);
    expect(await current().listTokens()).toMatchObject([{ id: token.id, uses: 1, tags: ['web'] }]);
  });

  it.each<[string, (secret: Buffer) => Promise<number>, string]>([
    ['an unknown', async () => NOW, 'unknown token'],
    [
      'an expired',
      async (secret) => {
        await current().createToken(aToken(secret), CLI);
        return NOW + 3_600_000;
      },
      'expired token',
    ],
    [
      'a revoked',
      async (secret) => {
        const { id } = await current().createToken(aToken(secret, { reusable: true }), CLI);
        await current().revokeToken(id, NOW, CLI);
        return NOW;
      },
      'revoked token',
    ],
    [
      'a used',
      async (secret) => {
        await current().createToken(aToken(secret), CLI);
        await current().join(aRequest(secret, { name: 'first' }));
        return NOW;
      },
      'used token',
    ],
  ])(
    'SEC-1: %s token is refused like any other, and only the audit log has the reason',
    async (_, prepare, reason) => {
      const secret = randomBytes(32);
      const now = await prepare(secret);
      const before = await current().snapshot();
      let issued = 0;
      const attempt = current().join(
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
      expect(await current().snapshot()).toEqual(before);
      const [row] = await current().listAudit({ limit: 1 });
      expect(row).toMatchObject({ action: 'node.join', result: 'refused', source: '192.0.2.1:4711' });
      expect(row?.detail).toContain(reason);
      // No address was used up either.
      const next = await joinNode(current());
      expect(next.address4).toBe(`100.64.0.${before.nodes.length + 1}`);
    },
  );

  it('the host that used a token up may ask again with the same key, for its answer can be lost', async () => {
    const secret = randomBytes(32);
    const publicKey = randomBytes(32).toString('base64');
    const { id } = await current().createToken(aToken(secret, { tags: ['web'] }), CLI);
    const lost = aCertificate();
    const first = await current().join(aRequest(secret, { publicKey, issueCertificate: async () => lost }));
    const again = await current().join(aRequest(secret, { publicKey }));
    expect(again.rejoined).toBe(true);
    expect(again.node).toMatchObject({
      id: first.node.id,
      name: first.node.name,
      address4: first.node.address4,
      tags: ['web'],
    });
    expect(await current().nodeByCertificate(lost.fingerprint)).toBeNull();
    // And once more: the audit log knows the second try as well.
    await current().join(aRequest(secret, { publicKey }));
    expect(await current().listTokens()).toMatchObject([{ id, uses: 1 }]);
    expect(await current().listNodes()).toHaveLength(1);
  });

  it.each<[string, (publicKey: string, nodeId: string, tokenId: string) => Promise<unknown>]>([
    ['was expired', (_key, node) => current().setKeyExpiry(node, NOW, NOW, CLI)],
    ['was removed', (_key, node) => current().removeNode(node, NOW, CLI)],
    ['has a token that was revoked', (_key, _node, token) => current().revokeToken(token, NOW, CLI)],
  ])('but not a host that %s since', async (_, meanwhile) => {
    const secret = randomBytes(32);
    const publicKey = randomBytes(32).toString('base64');
    const { id } = await current().createToken(aToken(secret), CLI);
    const { node } = await current().join(aRequest(secret, { publicKey }));
    await meanwhile(publicKey, node.id, id);
    await expect(current().join(aRequest(secret, { publicKey }))).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });

  it('SEC-1: nor a member that joined by another token, whatever it wished to be called', async () => {
    const secret = randomBytes(32);
    const { id } = await current().createToken(aToken(secret, { tags: ['admin'] }), CLI);
    await current().join(aRequest(secret));
    const publicKey = randomBytes(32).toString('base64');
    const own = randomBytes(32);
    await current().createToken(aToken(own), CLI);
    await current().join(aRequest(own, { publicKey, name: `new, token ${id}, ` }));
    await expect(current().join(aRequest(secret, { publicKey }))).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    expect((await current().findNode(publicKey)) ?? (await current().listNodes()).at(-1)).toMatchObject({
      tags: [],
    });
  });

  it('SEC-2: of 50 joins at once with a one-use token exactly one succeeds', async () => {
    const secret = randomBytes(32);
    await current().createToken(aToken(secret), CLI);
    const stores = [current(), await open(), await open()];
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => (stores[i % 3] as Store).join(aRequest(secret))),
    );
    expect(tally(results)).toEqual({ ok: 1, unauthenticated: 49 });
    expect(await current().listNodes()).toHaveLength(1);
    expect(await current().listTokens()).toMatchObject([{ uses: 1 }]);
  });

  it('50 joins at once with a reusable token get 50 names and addresses', async () => {
    const secret = randomBytes(32);
    await current().createToken(aToken(secret, { reusable: true }), CLI);
    const other = await open();
    const joins = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (i % 2 ? current() : other).join(aRequest(secret))),
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
    const first = await joinNode(current(), { publicKey, issueCertificate: async () => old });
    const secret = randomBytes(32);
    await current().createToken(aToken(secret), CLI);
    const again = await current().join(aRequest(secret, { publicKey, name: 'other', agentVersion: '9' }));
    expect(again.rejoined).toBe(true);
    expect(again.node).toMatchObject({
      id: first.id,
      name: first.name,
      address4: first.address4,
      address6: first.address6,
      agentVersion: '9',
    });
    expect(await current().listNodes()).toHaveLength(1);
    expect(await current().nodeByCertificate(old.fingerprint)).toBeNull();
    expect(await current().nodeByCertificate(again.certificate.fingerprint)).toMatchObject({ id: first.id });
  });

  it('a certificate that cannot be issued undoes all of it, the use of the token too', async () => {
    const secret = randomBytes(32);
    await current().createToken(aToken(secret), CLI);
    const before = await current().snapshot();
    const broken = aRequest(secret, { issueCertificate: () => Promise.reject(new Error('no CA')) });
    await expect(current().join(broken)).rejects.toThrow('no CA');
    expect(await current().snapshot()).toEqual(before);
    expect(await auditRows('node.join')).toMatchObject([{ result: 'failed' }]);
    expect((await current().join(aRequest(secret))).node.address4).toBe('100.64.0.1');
  });

  it('what a node offers is pending, and what nobody can grant is not taken', async () => {
    const node = await joinNode(current(), {
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
      const node = await joinNode(current(), {
        name,
        operatingSystem: 'li\0nux',
        agentVersion: 'x'.repeat(9000),
      });
      expect(node.name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      expect(node.agentVersion).toHaveLength(64);
    }
  });
}
