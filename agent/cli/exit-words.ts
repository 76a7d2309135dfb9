import type { ExitStatus } from '../exit-keeper.ts';

/** What has become of the chosen exit node, and what to do about it. */
export function exitWords({ state, allowsLan }: NonNullable<ExitStatus['chosen']>): string {
  const lan = allowsLan ? '; local networks are reached without it' : '';
  if (state === 'in use') return `in use${lan}`;
  const why = {
    offline: 'it is offline',
    expired: 'its key has expired',
    'not an exit node': 'it is none: not offered, not approved, or not granted by the policy',
    unknown: 'there is no such node that this one sees',
  }[state];
  return `${why}; nothing goes to the Internet until it is back, or: bin/agent exit-node off`;
}
