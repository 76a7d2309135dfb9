import { expect, it } from 'vitest';
import {
  autoApprovedRoutes,
  autoApprovesExitNode,
} from '../../../../coordinator/network/policy/auto-approve.ts';
import { parsePolicy } from '../../../../coordinator/network/policy/parse.ts';
import type { Identified } from '../../../../coordinator/network/policy/rule-index.ts';

const { document } = parsePolicy(`{
  "acls": [],
  "groups": {"group:net": ["alice@example.com"]},
  "autoApprovers": {
    "routes": {"10.0.0.0/8": ["tag:router"], "fd99::/48": ["group:net", "autogroup:admin"]},
    "exitNode": ["autogroup:tagged"],
  },
}`);

it.each<[string, Identified, string[], string[]]>([
  [
    'the network and what lies in it',
    { tags: ['router'], owner: '' },
    ['10.0.0.0/8', '10.1.0.0/16'],
    ['10.0.0.0/8', '10.1.0.0/16'],
  ],
  ['nothing wider', { tags: ['router'], owner: '' }, ['0.0.0.0/1', '10.0.0.0/7', '11.0.0.0/8'], []],
  ['nothing of another family', { tags: ['router'], owner: '' }, ['fd99::/64'], []],
  ['by user', { tags: [], owner: 'alice@example.com' }, ['fd99::/64', '10.0.0.0/8'], ['fd99::/64']],
  [
    'by role, that and no other',
    { tags: [], owner: 'bob', ownerRole: 'admin' },
    ['fd99::/64', '10.0.0.0/8'],
    ['fd99::/64'],
  ],
  ['nothing by another role', { tags: [], owner: 'bob', ownerRole: 'owner' }, ['fd99::/64'], []],
  [
    'nothing of a tagged machine by role',
    { tags: ['web'], owner: 'bob', ownerRole: 'admin' },
    ['fd99::/64'],
    [],
  ],
  [
    'nothing of a tagged machine by its owner',
    { tags: ['web'], owner: 'alice@example.com' },
    ['fd99::/64'],
    [],
  ],
  ['nothing for strangers', { tags: [], owner: '' }, ['10.0.0.0/8', 'fd99::/64'], []],
])('SEC-8: approves %s', (_, node, offered, approved) => {
  expect(autoApprovedRoutes(document!, node, offered)).toEqual(approved);
});

it('approves exits for whom it says', () => {
  expect(autoApprovesExitNode(document!, { tags: ['a'], owner: '' })).toBe(true);
  expect(autoApprovesExitNode(document!, { tags: [], owner: 'alice@example.com' })).toBe(false);
});
