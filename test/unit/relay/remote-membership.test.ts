import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RemoteMembership } from '../../../coordinator/relay/remote-membership.ts';
import type { RelayPair } from '../../../proto/gen/warren.ts';

let now: number;
let asked: string[];
let isAway: boolean;
let membership: RemoteMembership;

const members = (...ids: string[]) => ({
  members: ids.map((nodeId) => ({ nodeId, keyExpiresAt: 0n })),
  removedNodeIds: [],
});
const pair = (a: string, b: string): RelayPair => ({ a, b });

beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  asked = [];
  isAway = false;
  membership = new RemoteMembership({ monotonic: () => now, wall: () => now }, ({ a, b }) => {
    if (isAway) return false;
    asked.push(`${a} ${b}`);
    return true;
  });
  membership.replace(members('a', 'b', 'c'));
});
afterEach(() => {
  membership.close();
  vi.useRealTimers();
});

async function know(a: string, b: string, allowed: boolean): Promise<void> {
  const answer = membership.mayMeet(a, b);
  membership.verdict(pair(a, b), allowed);
  expect(await answer).toBe(allowed);
  asked.length = 0;
}

function pass(milliseconds: number): void {
  now += milliseconds;
  vi.advanceTimersByTime(milliseconds);
}

describe('what a relay on a host of its own knows of who may meet whom', () => {
  it('is asked for once per pair, whatever the direction, and kept', async () => {
    const answers = [
      membership.mayMeet('a', 'b'),
      membership.mayMeet('b', 'a'),
      membership.mayMeet('a', 'b'),
    ];
    expect(asked).toEqual(['a b']);
    membership.verdict(pair('a', 'b'), true);
    expect(await Promise.all(answers)).toEqual([true, true, true]);
    expect(membership.mayMeet('b', 'a')).toBe(true);
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['itself', 'a', 'a'],
    ['a stranger', 'a', 'x'],
  ])('is no for %s, without asking', (_, a, b) => {
    expect(membership.mayMeet(a, b)).toBe(false);
    expect(asked).toEqual([]);
  });

  it('holds after a change until the new answer comes', async () => {
    await know('a', 'b', true);
    membership.change(members());
    expect(membership.mayMeet('a', 'b')).toBe(true);
    expect(membership.mayMeet('a', 'b')).toBe(true);
    expect(asked).toEqual(['a b']);
    membership.verdict(pair('a', 'b'), false);
    expect(membership.mayMeet('a', 'b')).toBe(false);
  });

  it('is no when nobody answers within two seconds, and is asked for again', async () => {
    const answer = membership.mayMeet('a', 'b');
    pass(3_000);
    expect(await answer).toBe(false);
    void membership.mayMeet('a', 'b');
    expect(asked).toHaveLength(2);
  });

  it('without a coordinator is what it was, and no for what nobody knows', async () => {
    await know('a', 'b', true);
    await know('a', 'c', false);
    membership.change(members());
    isAway = true;
    expect(await membership.mayMeet('a', 'b')).toBe(true);
    expect(await membership.mayMeet('a', 'c')).toBe(false);
    expect(await membership.mayMeet('b', 'c')).toBe(false);
  });

  it('an answer that nobody asked for counts for nothing', () => {
    membership.verdict(pair('a', 'b'), true);
    expect(typeof membership.mayMeet('a', 'b')).not.toBe('boolean');
  });

  it('ends at once for a node that is removed, and in time for one that expires', async () => {
    await know('a', 'b', true);
    const gone: string[] = [];
    for (const id of ['a', 'b', 'c']) membership.watch(id, (why) => gone.push(`${id}: ${why.message}`));
    membership.change({ members: [{ nodeId: 'b', keyExpiresAt: 10_000n }], removedNodeIds: ['a'] });
    expect(gone).toEqual([expect.stringMatching(/^a: .*does not know/)]);
    expect(membership.mayMeet('a', 'b')).toBe(false);
    pass(11_000);
    expect(gone.slice(1)).toEqual([expect.stringMatching(/^b: .*expired/)]);
    membership.replace(members('b'));
    expect(gone.slice(2)).toEqual([expect.stringMatching(/^c: /)]);
  });

  it('SEC-33: nobody is admitted without a certificate, or before anything was heard', async () => {
    await expect(membership.admit(undefined)).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});
