import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RemoteMembership } from '../../../coordinator/relay/remote-membership.ts';
import type { RelayMembers } from '../../../proto/gen/warren.ts';

let now: number;
let membership: RemoteMembership;

/** Members as `a1` for a in group 1, and the groups that meet as `12`. */
function told(members: string, meetings?: string): RelayMembers {
  const words = (text: string) => text.split(' ').filter(Boolean);
  return {
    members: words(members).map((text) => ({
      nodeId: text[0] as string,
      keyExpiresAt: 0n,
      group: Number(text[1]),
    })),
    removedNodeIds: [],
    meetings:
      meetings === undefined
        ? undefined
        : { meetings: words(meetings).map((text) => ({ a: Number(text[0]), b: Number(text[1]) })) },
  };
}

/** Who may meet whom, of these. */
function pairs(ids: string): string {
  const all = [...ids].flatMap((a) => [...ids].map((b) => (membership.mayMeet(a, b) ? `${a}${b}` : '')));
  return all.filter(Boolean).join(' ');
}

beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  membership = new RemoteMembership({ monotonic: () => now, wall: () => now });
});
afterEach(() => {
  membership.close();
  vi.useRealTimers();
});

function pass(milliseconds: number): void {
  now += milliseconds;
  vi.advanceTimersByTime(milliseconds);
}

describe('what a relay on a host of its own knows of who may meet whom', () => {
  it('is nothing before it was told', () => {
    expect(pairs('ab')).toBe('');
  });

  it('without a policy: everybody but strangers, and nobody himself', () => {
    membership.replace(told('a0 b0', '00'));
    expect(pairs('abx')).toBe('ab ba');
  });

  it('is by groups, in both directions, of which a group need not meet itself', () => {
    membership.replace(told('a1 b1 c2 d3', '12 33'));
    expect(pairs('abcd')).toBe('ac bc ca cb');
    membership.change(told('e3'));
    expect(pairs('abcde')).toBe('ac bc ca cb de ed');
  });

  it('changes by a change of groups, of meetings, or of both', () => {
    membership.replace(told('a1 b1 c2', '12'));
    membership.change(told('b2'));
    expect(pairs('abc')).toBe('ab ac ba ca');
    membership.change(told('', '22'));
    expect(pairs('abc')).toBe('bc cb');
    membership.change(told('a2 b1', '12'));
    expect(pairs('abc')).toBe('ab ba bc cb');
  });

  it('is forgotten when it is told anew, meetings too', () => {
    membership.replace(told('a0 b0 c0', '00'));
    membership.replace(told('a0 b0', ''));
    expect(pairs('abc')).toBe('');
  });

  it('ends at once for a node that is removed, and in time for one that expires', () => {
    membership.replace(told('a0 b0 c0', '00'));
    const gone: string[] = [];
    for (const id of ['a', 'b', 'c']) membership.watch(id, (why) => gone.push(`${id}: ${why.message}`));
    membership.change({
      members: [{ nodeId: 'b', keyExpiresAt: 10_000n, group: 0 }],
      removedNodeIds: ['a'],
      meetings: undefined,
    });
    expect(gone).toEqual([expect.stringMatching(/^a: .*does not know/)]);
    expect(pairs('abc')).toBe('bc cb');
    pass(11_000);
    expect(gone.slice(1)).toEqual([expect.stringMatching(/^b: .*expired/)]);
    expect(pairs('abc')).toBe('');
    membership.replace(told('b0', '00'));
    expect(gone.slice(2)).toEqual([expect.stringMatching(/^c: /)]);
  });

  it('SEC-33: nobody is admitted without a certificate, or before anything was heard', async () => {
    await expect(membership.admit(undefined)).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});
