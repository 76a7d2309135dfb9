import { expect, it } from 'vitest';
import { asCalled } from '../../../shared/program-name.ts';

const TEXT =
  'run bin/coordinator serve, or `coordinator nodes list`; then bin/agent up, `agent status`, `wg show` and /opt/x/bin/agent';

it.each<[string | undefined, string]>([
  [undefined, TEXT],
  ['bin/coordinator', TEXT.replace('`coordinator', '`bin/coordinator')],
  [
    '/opt/warren/bin/coordinator',
    TEXT.replace('bin/coordinator', '/opt/warren/bin/coordinator').replace(
      '`coordinator',
      '`/opt/warren/bin/coordinator',
    ),
  ],
  [
    '/usr/local/bin/warren-coordinator',
    'run warren-coordinator serve, or `warren-coordinator nodes list`; then warren-agent up, `warren-agent status`, `wg show` and /opt/x/bin/agent',
  ],
  [
    '/usr/local/bin/coordinator',
    'run coordinator serve, or `coordinator nodes list`; then agent up, `agent status`, `wg show` and /opt/x/bin/agent',
  ],
  [
    '/usr/local/bin/warren-agent',
    'run warren-coordinator serve, or `warren-coordinator nodes list`; then warren-agent up, `warren-agent status`, `wg show` and /opt/x/bin/agent',
  ],
])('texts name the programs as %s was called', (called, expected) => {
  const env = { PATH: '/usr/bin:/usr/local/bin', WARREN_CALLED_AS: called };
  expect(asCalled(TEXT, env)).toBe(expected);
});
