/** What every engine of the store must do with relays; a part of the store's conformance suite. */
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import type { EnrolRelayRecord } from '../../coordinator/store/contract/relays.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { aCertificate, aReport, aRequest, aToken, CLI, joinNode, NOW, sha256, tally } from './store.ts';

export function relaysConformance(current: () => Store): void {
  const auditRows = async (action: string) =>
    (await current().listAudit({ limit: 1000 })).filter((row) => row.action === action);
  const version = async () => (await current().network()).version;

  const FACTS = {
    name: 'far',
    urls: ['https://192.0.2.9:8443'],
    stunServers: [{ host: '192.0.2.9', port: 3478, alternatePort: 3479 }],
  };
  const OWN = { id: 'coordinator-1', tlsName: 'coordinator', ...FACTS };
  const enrol = async (changes: Partial<EnrolRelayRecord> = {}, purpose: 'node' | 'relay' = 'relay') => {
    const secret = randomBytes(32);
    await current().createToken(aToken(secret, { purpose }), CLI);
    const request = {
      secretHash: sha256(secret),
      facts: FACTS,
      remoteAddress: '192.0.2.9:1',
      now: NOW,
      issueCertificate: async () => aCertificate(),
      ...changes,
    };
    return { request, done: current().enrolRelay(request) };
  };
  const ids = async () => (await current().network()).relays.map(({ id }) => id);

  it('of a coordinator are told once, and again only when something of them changed', async () => {
    await current().putRelay(OWN, NOW);
    const after = await version();
    await current().putRelay(OWN, NOW + 1);
    expect(await version()).toBe(after);
    await current().putRelay({ ...OWN, urls: ['https://192.0.2.10:8443'] }, NOW + 2);
    expect(await version()).toBe(after + 1);
    expect((await current().changesSince(after)).relays).toEqual([
      {
        id: OWN.id,
        tlsName: OWN.tlsName,
        urls: ['https://192.0.2.10:8443'],
        stunServers: FACTS.stunServers,
      },
    ]);
    expect((await current().changesSince(after + 1)).relays).toBeNull();
    expect((await current().listRelays())[0]?.lastSeenAt).toBe(NOW + 2);
  });

  it('are enrolled with a token of their own, known by their id, and removed', async () => {
    const { request, done } = await enrol();
    const { relay } = await done;
    expect(relay).toMatchObject({ ...FACTS, tlsName: expect.stringContaining(relay.id) });
    expect(await current().relay(relay.id)).toEqual(relay);
    expect(await ids()).toEqual([relay.id]);
    await expect(current().enrolRelay(request)).rejects.toMatchObject({ code: 'unauthenticated' });
    const before = await version();
    await current().removeRelay(relay.id, NOW, CLI);
    expect((await current().changesSince(before)).relays).toEqual([]);
    expect(await current().relay(relay.id)).toBeNull();
    await expect(current().removeRelay(relay.id, NOW, CLI)).rejects.toMatchObject({ code: 'not-found' });
    expect((await auditRows('relay.enrol')).map(({ result }) => result)).toEqual(['refused', 'ok']);
    expect(await auditRows('relay.remove')).toHaveLength(1);
  });

  it('SEC-1: a token of a node admits no relay and that of a relay no node; nothing is used up', async () => {
    await expect((await enrol({}, 'node')).done).rejects.toMatchObject({ code: 'unauthenticated' });
    const secret = randomBytes(32);
    await current().createToken(aToken(secret, { purpose: 'relay' }), CLI);
    await expect(current().join(aRequest(secret))).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(await ids()).toEqual([]);
    expect((await current().listTokens()).map(({ uses }) => uses)).toEqual([0, 0]);
  });

  it('SEC-2: of 20 enrolments at once with a token for one, one succeeds', async () => {
    const { request, done } = await enrol();
    const more = Array.from({ length: 19 }, () => current().enrolRelay(request));
    expect(tally(await Promise.allSettled([done, ...more]))).toEqual({ ok: 1, unauthenticated: 19 });
    expect(await ids()).toHaveLength(1);
  });

  it('that fail to be issued a certificate leave the token as it was', async () => {
    const fail = async () => {
      throw new Error('no certificate');
    };
    const { request, done } = await enrol({ issueCertificate: fail });
    await expect(done).rejects.toThrow();
    await current().enrolRelay({ ...request, issueCertificate: async () => aCertificate() });
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
    const node = await joinNode(current());
    const before = await version();
    await current().putReport(node.id, aReport({ homeRelay: 'relay-1' }), NOW);
    expect((await current().changesSince(before)).changed.map(({ homeRelay }) => homeRelay)).toEqual([
      'relay-1',
    ]);
  });
}
