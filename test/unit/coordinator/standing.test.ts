import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  callJoin,
  joinRequest,
  type Member,
  newMember,
  newToken,
  startGrpc,
  type TestGrpc,
  TestStream,
} from '../../support/grpc-coordinator.ts';
import { connectedClient, type TestRelayClient } from '../../support/relay.ts';
import { CLI } from '../../support/store.ts';
import { waitFor } from '../../support/wait-for.ts';

let folder: string;
let grpc: TestGrpc;
let ada: Member;
let bob: Member;
const open: { close(): unknown }[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'warren-standing-'));
  grpc = await startGrpc(folder);
  [ada, bob] = [await newMember(grpc, 'ada'), await newMember(grpc, 'bob')];
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  await grpc.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The peers and notices that a stream's messages add up to. */
class Follower {
  readonly stream: TestStream;

  constructor(member: Member) {
    this.stream = new TestStream(grpc, member.shown);
    open.push(this.stream);
  }

  get now(): { peers: string[]; notices: string[]; relays: number } {
    const peers = new Map<string, string>();
    let [notices, relays]: [string[], number] = [[], 0];
    for (const { message } of this.stream.received) {
      if (message?.$case !== 'snapshot' && message?.$case !== 'delta') continue;
      if (message.$case === 'snapshot') peers.clear();
      else for (const id of message.value.removedNodeIds) peers.delete(id);
      for (const { nodeId, name } of message.value.peers) peers.set(nodeId, name);
      if (message.value.self === undefined) continue;
      notices = message.value.self.notices;
      relays = message.value.self.relays.length;
    }
    return { peers: [...peers.values()].sort(), notices, relays };
  }

  sees(...names: string[]): Promise<unknown> {
    return waitFor(`a map with ${names.join(', ') || 'nobody'}`, () =>
      String(this.now.peers) === String(names) ? true : null,
    );
  }
}

const setStanding = (member: Member, patch: { disabled?: boolean; approved?: boolean }) =>
  grpc.store.changeNode(member.nodeId, patch, Date.now(), CLI);

async function relayClient(member: Member): Promise<TestRelayClient> {
  const client = await connectedClient(grpc, member);
  open.push(client);
  return client;
}

const POLICIES = [
  ['without a policy', null],
  ['under a policy', '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}'],
] as const;

describe.each(POLICIES)('%s, a node that is disabled', (_, policy) => {
  beforeEach(async () => {
    if (policy !== null) await grpc.store.applyPolicy(policy, Date.now(), CLI);
  });

  it('is seen by nobody and sees nobody, stays connected and is told why, until it is enabled again', async () => {
    await grpc.store.putRelay(
      { id: 'r1', name: 'r1', urls: ['https://192.0.2.1:1'], tlsName: 'r1', stunServers: [] },
      Date.now(),
    );
    const [ofAda, ofBob] = [new Follower(ada), new Follower(bob)];
    await Promise.all([ofAda.sees('bob'), ofBob.sees('ada')]);
    await setStanding(bob, { disabled: true });
    await Promise.all([ofAda.sees(), ofBob.sees()]);
    expect(ofBob.now).toMatchObject({
      notices: ['this host was disabled by an administrator'],
      relays: 0,
    });
    expect(ofAda.now).toMatchObject({ notices: [], relays: 1 });
    expect(await Promise.race([ofBob.stream.ended, 'open'])).toBe('open');
    const late = await newMember(grpc, 'cid');
    await ofAda.sees('cid');
    await new Follower(late).sees('ada');
    await setStanding(bob, { disabled: false });
    await Promise.all([ofAda.sees('bob', 'cid'), ofBob.sees('ada', 'cid')]);
    expect(ofBob.now).toMatchObject({ notices: [], relays: 1 });
  });

  it('has no place at the relay, and has one again when it is enabled', async () => {
    const [from, to] = [await relayClient(ada), await relayClient(bob)];
    from.client.send(bob.nodeId, Buffer.from('one'));
    await waitFor('the first datagram', () => (to.heard.length === 1 ? true : null));
    await setStanding(bob, { disabled: true });
    await waitFor('the relay to let go', () => (to.client.state === 'connected' ? null : true));
    await setStanding(bob, { disabled: false });
    await waitFor('the second datagram', () => {
      from.client.send(bob.nodeId, Buffer.from('two'));
      return to.heard.length > 1 ? true : null;
    });
  });
});

it.each(POLICIES)('%s, a node whose token needs approval waits for it', async (_, policy) => {
  if (policy !== null) await grpc.store.applyPolicy(policy, Date.now(), CLI);
  const ofAda = new Follower(ada);
  await ofAda.sees('bob');
  const { request, keys, certificateKey } = await joinRequest(
    grpc,
    await newToken(grpc, { approval: true }),
    {
      name: 'new',
    },
  );
  const { nodeId, certificate } = await callJoin(grpc, request);
  const pem = `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`;
  const shown = { certificate: pem, privateKey: certificateKey };
  const member = { nodeId, name: 'new', ...keys, shown };
  const ofNew = new Follower(member);
  await waitFor('its map', () => (ofNew.now.notices.length > 0 ? true : null));
  expect(ofNew.now).toMatchObject({
    peers: [],
    notices: ['this host waits until an administrator approves it'],
  });
  expect(ofAda.now.peers).toEqual(['bob']);
  // Under a policy nobody hears of it even as of one that is gone; a change that is ada's to see comes after it would have been told.
  await grpc.store.renameNode(bob.nodeId, 'rob', Date.now(), CLI);
  await ofAda.sees('rob');
  const gone = ofAda.stream.received.flatMap(({ message }) =>
    message?.$case === 'delta' ? message.value.removedNodeIds : [],
  );
  if (policy !== null) expect(gone).not.toContain(nodeId);
  await setStanding(member, { approved: true });
  await Promise.all([ofNew.sees('ada', 'rob'), ofAda.sees('new', 'rob')]);
});
