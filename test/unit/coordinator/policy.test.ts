import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delta, Self } from '../../../proto/gen/warren.ts';
import {
  type Member,
  newMember,
  startGrpc,
  type TestGrpc,
  TestStream,
} from '../../support/grpc-coordinator.ts';
import { aReport, CLI } from '../../support/store.ts';
import { waitFor } from '../../support/wait-for.ts';

let folder: string;
let grpc: TestGrpc;
const streams: TestStream[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'warren-test-policy-'));
  grpc = await startGrpc(folder);
});

afterEach(async () => {
  for (const opened of streams.splice(0)) opened.close();
  await grpc.close();
  rmSync(folder, { recursive: true });
});

const TAGS = ['web', 'db', 'laptop'] as const;
const acl = (src: string, dst: string) =>
  `{"action": "accept", "src": ["${src}"], "dst": ["${dst}"], "proto": "tcp"},`;
const apply = (acls: string) => grpc.store.applyPolicy(`{"acls": [${acls}]}`, Date.now(), CLI);

/** Three members, each with the tag of its name, whose streams have said that all are there. */
async function threeMembers() {
  const members: Record<string, Member> = {};
  for (const tag of TAGS) {
    members[tag] = await newMember(grpc, tag);
    await grpc.store.setTags(members[tag].nodeId, [tag], Date.now(), CLI);
  }
  const nameOf = (id: string) => Object.values(members).find(({ nodeId }) => nodeId === id)?.name ?? id;
  const watched = Object.fromEntries(
    TAGS.map((tag) => [tag, watch(members[tag] as Member, nameOf)]),
  ) as Record<(typeof TAGS)[number], ReturnType<typeof watch>>;
  for (const tag of TAGS)
    await waitFor(`${tag} to be told of the others`, () => watched[tag].peers().length === 2);
  return { members, watched };
}

/** What a stream adds up to. */
function watch(member: Member, nameOf: (id: string) => string, hello = {}) {
  const stream = new TestStream(grpc, member.shown, hello);
  streams.push(stream);
  const messages = () =>
    stream.received.flatMap(({ message }) =>
      message === undefined || message.$case === 'heartbeat' || message.$case === 'watch' ? [] : message,
    );
  const self = () =>
    messages().reduce<Self | undefined>((last, message) => message.value.self ?? last, undefined);
  return {
    stream,
    messages,
    peers: () => {
      const ids = new Set<string>();
      for (const message of messages()) {
        if (message.$case === 'snapshot') ids.clear();
        for (const { nodeId } of message.value.peers) ids.add(nodeId);
        for (const id of (message.value as Partial<Delta>).removedNodeIds ?? []) ids.delete(id);
      }
      return [...ids].map(nameOf).sort();
    },
    self,
    rules: () => self()?.filter?.rules.map(({ id }) => id),
  };
}

describe('a policy reaches the agents', () => {
  it('SEC-36: at once: peers that may not talk are taken away, and the filters come', async () => {
    const { watched } = await threeMembers();
    expect(watched.web.self()?.filter).toBeUndefined();
    await apply(acl('tag:laptop', 'tag:web:443'));
    await waitFor('the policy', () => watched.db.rules() !== undefined && watched.web.rules() !== undefined);
    expect(watched.web.peers()).toEqual(['laptop']);
    await waitFor('the laptop', () => watched.laptop.peers().length === 1);
    expect(watched.laptop.peers()).toEqual(['web']);
    expect(watched.db.peers()).toEqual([]);
    expect(watched.db.rules()).toEqual([]);
    const [rule] = watched.web.self()!.filter!.rules;
    expect(rule).toMatchObject({
      id: 'acls[0]',
      services: [{ protocol: 6, firstPort: 443, lastPort: 443 }],
    });
    const addresses = (name: 'web' | 'laptop') =>
      watched[name].self()!.addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`);
    expect(rule?.sources).toEqual(addresses('laptop'));
    expect(rule?.destinations).toEqual(addresses('web'));
  });

  it('SEC-38: one with a mistake reaches nobody', async () => {
    const { watched } = await threeMembers();
    await apply(acl('tag:laptop', 'tag:web:443'));
    await waitFor('the policy', () => TAGS.every((tag) => watched[tag].rules() !== undefined));
    const before = TAGS.map((tag) => watched[tag].messages().length);
    await expect(apply(acl('tag:laptop', 'tag:web'))).rejects.toMatchObject({ code: 'corrupt' });
    await apply(acl('tag:laptop', 'tag:web:443') + acl('tag:db', 'tag:db:1'));
    await waitFor('the next policy', () => watched.db.rules()?.length === 1);
    expect(TAGS.map((tag) => watched[tag].messages().length - (before[TAGS.indexOf(tag)] as number))).toEqual(
      [0, 1, 0],
    );
  });

  it('a change of a node is told to none but those who see it', async () => {
    const { members, watched } = await threeMembers();
    await apply(acl('tag:laptop', 'tag:web:443'));
    await waitFor('the policy', () => TAGS.every((tag) => watched[tag].rules() !== undefined));
    await waitFor('the others gone', () => watched.laptop.peers().length === 1);
    const before = watched.db.messages().length;
    await grpc.store.putReport(members.web!.nodeId, aReport({ endpoints: ['192.0.2.9:9'] }), Date.now());
    await waitFor('the endpoint', () =>
      JSON.stringify(watched.laptop.messages().at(-1), textOfBig).includes('192.0.2.9:9'),
    );
    expect(watched.db.messages()).toHaveLength(before);
    // Now it is no longer what the laptop may see.
    await grpc.store.setTags(members.web!.nodeId, ['db'], Date.now(), CLI);
    await waitFor('the loss', () => watched.laptop.peers().length === 0);
    expect(watched.db.messages()).toHaveLength(before);
    await apply(acl('tag:laptop', 'tag:db:*'));
    await waitFor('both', () => watched.laptop.peers().join() === 'db,web');
  });

  it('a change of a role is told at once, to those whom it concerns', async () => {
    const by = { ...CLI, now: Date.now(), userId: null };
    const user = (name: string, role: 'owner' | 'auditor') =>
      grpc.store.accounts.createUser({ name, displayName: '', role, passphraseHash: null }, by);
    await user('ada', 'owner');
    const bob = await user('bob', 'auditor');
    const [tablet, phone, web] = [
      await newMember(grpc, 'tablet', { owner: 'bob' }),
      await newMember(grpc, 'phone', { owner: 'ada' }),
      await newMember(grpc, 'web'),
    ];
    const nameOf = (id: string) => [tablet, phone, web].find(({ nodeId }) => nodeId === id)?.name ?? id;
    await grpc.store.setTags(web.nodeId, ['web'], Date.now(), CLI);
    await apply(acl('autogroup:admin', 'tag:web:443'));
    const watched = { tablet: watch(tablet, nameOf), phone: watch(phone, nameOf), web: watch(web, nameOf) };
    await waitFor('the maps', () => Object.values(watched).every(({ self }) => self() !== undefined));
    expect(watched.web.rules()).toEqual([]);
    const before = watched.phone.messages().length;
    await grpc.store.accounts.changeUser(bob.id, { role: 'admin' }, by);
    await waitFor('the rule', () => watched.web.rules()?.length === 1 && watched.tablet.peers().length === 1);
    expect([watched.web.peers(), watched.tablet.peers()]).toEqual([['tablet'], ['web']]);
    await grpc.store.accounts.changeUser(bob.id, { disabled: true }, by);
    await waitFor(
      'the end of it',
      () => watched.web.rules()?.length === 0 && watched.tablet.peers().length === 0,
    );
    expect(watched.phone.messages()).toHaveLength(before);
  });

  it('a node that returns hears of nobody that it may not see, whatever it held', async () => {
    const { members, watched } = await threeMembers();
    const first = watched.db.messages()[0];
    const held =
      first?.$case === 'snapshot' ? { epoch: first.value.epoch, version: Number(first.value.version) } : {};
    watched.db.stream.close();
    await apply(acl('tag:laptop', 'tag:web:443'));
    const again = watch(members.db as Member, (id) => id, held);
    await waitFor('its map', () => again.rules() !== undefined);
    expect(again.peers()).toEqual([]);
    // As one that comes from nothing.
    const anew = watch(members.db as Member, (id) => id);
    await waitFor('its map', () => anew.rules() !== undefined);
    expect(anew.messages()[0]).toMatchObject({ $case: 'snapshot', value: { peers: [] } });
  });

  it('routes are shown to those alone whom a rule lets use them', async () => {
    const { members, watched } = await threeMembers();
    const web = members.web!.nodeId;
    const routes = ['10.1.0.0/16', '10.2.0.0/16'];
    await grpc.store.putReport(web, aReport({ offers: { routes, exitNode: false, tags: [] } }), Date.now());
    for (const route of routes) await grpc.store.approveRoute(web, route, true, Date.now(), CLI);
    await apply(acl('tag:laptop', '10.1.2.0/24:22') + acl('tag:db', 'tag:web:22'));
    const seenBy = (tag: 'laptop' | 'db') => {
      const peers = watched[tag].messages().flatMap((message) => message.value.peers);
      return peers.findLast(({ nodeId }) => nodeId === web)?.routes;
    };
    await waitFor('the routes', () => seenBy('laptop')?.length === 1 && seenBy('db')?.length === 0);
    expect(seenBy('laptop')).toEqual(['10.1.0.0/16']);
    expect(watched.web.self()?.filter?.rules[0]?.destinations).toEqual(['10.1.2.0/24']);
  });
});

function textOfBig(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
