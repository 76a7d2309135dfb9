import { expect, it } from 'vitest';
import { localVerbs } from '../../../agent/daemon/local-verbs.ts';

const asked: unknown[] = [];
const answer = (what: string) => async (args?: unknown) => {
  asked.push(args);
  return what;
};
const verbs = localVerbs({
  answers: {
    status: answer('status'),
    ping: answer('ping'),
    flows: answer('flows'),
    metrics: answer('metrics'),
  } as never,
  exit: { status: () => 'exits', use: answer('used'), off: answer('off') } as never,
  firewall: { status: answer('rules') } as never,
  leave: async (force) => ({ told: !force }),
});
const ask = (verb: string, args: unknown = null) => verbs[verb]?.(args);

it('every verb has one that answers it, with what was asked where it takes something', async () => {
  for (const [verb, what] of Object.entries({
    status: 'status',
    flows: 'flows',
    metrics: 'metrics',
    'exit-nodes': 'exits',
    'leave-exit-node': 'off',
    rules: 'rules',
  }))
    expect(await ask(verb)).toBe(what);
  asked.length = 0;
  expect([await ask('ping', { target: 'ada' }), await ask('use-exit-node', { name: 'bob' })]).toEqual([
    'ping',
    'used',
  ]);
  expect(asked).toEqual([{ target: 'ada' }, { name: 'bob' }]);
});

it.each([
  [null, true],
  [{}, true],
  [{ force: false }, true],
  [{ force: 'yes' }, true],
  [{ force: true }, false],
])('leaving by %o waits for the coordinator: %o', async (args, told) => {
  expect(await ask('leave', args)).toEqual({ told });
});
