import { describe, expect, it } from 'vitest';
import { candidateChanges, peerChanges } from '../../../agent/mesh/peer-changes.ts';
import type { WantedPeer } from '../../../agent/mesh/wanted-state.ts';
import { formatEndpoint } from '../../../shared/endpoint.ts';
import { keyToBase64 } from '../../../shared/key.ts';
import { formatPrefix } from '../../../shared/prefix.ts';

const key = (n: number) => Buffer.alloc(32, n).toString('base64');
const peer = (n: number, changes: Partial<WantedPeer> = {}): WantedPeer => ({
  nodeId: `n${n}`,
  publicKey: key(n),
  allowedIps: [`100.64.0.${n}/32`],
  endpoints: [`192.0.2.${n}:1000`],
  inGroup: false,
  isDevice: false,
  ...changes,
});

/** The changes with keys, prefixes and endpoints as text. */
const readable = (before: WantedPeer[], after: WantedPeer[]) =>
  peerChanges(before, after).map((change) => ({
    ...change,
    publicKey: keyToBase64(change.publicKey),
    ...(change.allowedIps === undefined
      ? {}
      : { allowedIps: change.allowedIps.map(({ prefix }) => formatPrefix(prefix)) }),
  }));

describe('the changes from one set of peers to another', () => {
  it('are none between equal sets', () => {
    expect(peerChanges([peer(1), peer(2)], [peer(2), peer(1)])).toEqual([]);
  });

  it('bring a new peer whole', () => {
    expect(readable([], [peer(1)])).toEqual([
      {
        publicKey: key(1),
        replaceAllowedIps: true,
        allowedIps: ['100.64.0.1/32'],
      },
    ]);
  });

  it('remove before they add, so that an address is free for its next owner', () => {
    const next = peer(2, { allowedIps: ['100.64.0.1/32'] });
    expect(readable([peer(1)], [next]).map((change) => change.publicKey)).toEqual([key(1), key(2)]);
    expect(peerChanges([peer(1)], [next])[0]?.remove).toBe(true);
  });

  it('touch only what differs', () => {
    expect(readable([peer(1)], [peer(1, { endpoints: ['[2001:db8::1]:5'] })])).toEqual([]);
    expect(readable([peer(1)], [peer(1, { allowedIps: [] })])).toEqual([
      { publicKey: key(1), replaceAllowedIps: true, allowedIps: [] },
    ]);
  });

  it('who comes into the group or leaves it keeps its allowed IPs', () => {
    const inGroup = peer(1, { inGroup: true });
    expect(readable([peer(1)], [inGroup])).toEqual([{ publicKey: key(1), inGroup: true }]);
    expect(readable([inGroup], [peer(1)])).toEqual([{ publicKey: key(1), inGroup: false }]);
    expect(readable([], [inGroup])[0]?.inGroup).toBe(true);
  });

  it('a node with a new key is another peer', () => {
    const renewed = { ...peer(1), publicKey: key(9) };
    expect(readable([peer(1)], [renewed]).map((change) => change.publicKey)).toEqual([key(1), key(9)]);
  });
});

describe('where peers may be', () => {
  const readable = (before: WantedPeer[], after: WantedPeer[]) =>
    candidateChanges(before, after).map(({ publicKey, candidates }) => [
      keyToBase64(publicKey),
      ...candidates.map(({ kind, endpoint }) => `${kind} ${formatEndpoint(endpoint)}`),
    ]);

  it('is told of new peers, those without an endpoint too, and of what changed', () => {
    expect(readable([peer(1)], [peer(1)])).toEqual([]);
    expect(readable([], [peer(1), peer(2, { endpoints: [] })])).toEqual([
      [key(1), 'reflexive 192.0.2.1:1000'],
      [key(2)],
    ]);
    expect(readable([peer(1)], [peer(1, { endpoints: ['[fd00::1]:5', '10.0.0.1:5'] })])).toEqual([
      [key(1), 'interface [fd00::1]:5', 'interface 10.0.0.1:5'],
    ]);
    expect(readable([peer(1)], [peer(1, { endpoints: [] })])).toEqual([[key(1)]]);
  });
});
