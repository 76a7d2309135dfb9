import { describe, expect, it } from 'vitest';
import {
  machineQuery,
  PAGE_SIZE,
  pendingDecisions,
  queryString,
  selectMachines,
} from '../../../../coordinator/admin/pages/machine-list.ts';
import type { NodeRecord } from '../../../../coordinator/store/contract/nodes.ts';

const NOW = 1_000_000;
const node = (name: string, more: Partial<NodeRecord> = {}): NodeRecord =>
  ({
    id: name,
    name,
    address4: '100.64.0.1',
    address6: 'fd00::1',
    endpoints: [],
    operatingSystem: 'linux',
    agentVersion: '0.1.0',
    offers: { routes: [], exitNode: false, tags: [] },
    approvedRoutes: [],
    preferredRoutes: [],
    offeredSegments: [],
    approvedSegments: [],
    exitNodeApproved: false,
    tags: [],
    owner: '',
    online: false,
    lastSeenAt: 0,
    keyExpiresAt: 0,
    approved: true,
    disabled: false,
    ...more,
  }) as NodeRecord;

const names = (nodes: readonly NodeRecord[], parameters: Record<string, string>) =>
  selectMachines(nodes, machineQuery(parameters), NOW).machines.map(({ name }) => name);

describe('which machines a page shows', () => {
  const ada = node('ada', {
    tags: ['server'],
    online: true,
    offers: { routes: ['10.1.0.0/16'], exitNode: true, tags: [] },
  });
  const bob = node('bob', { keyExpiresAt: NOW, address4: '100.64.0.9', lastSeenAt: 7 });
  const cid = node('cid', { approved: false, address4: '100.64.0.10', lastSeenAt: 9 });
  const all = [cid, bob, ada];

  it.each<[Record<string, string>, string[]]>([
    [{}, ['ada', 'bob', 'cid']],
    [{ search: 'SERVER' }, ['ada']],
    [{ search: '10.1.0' }, ['ada']],
    [{ search: 'a server' }, ['ada']],
    [{ search: 'server nothing' }, []],
    [{ state: 'connected' }, ['ada']],
    [{ state: 'away' }, ['bob', 'cid']],
    [{ state: 'expired' }, ['bob']],
    [{ state: 'unapproved' }, ['cid']],
    [{ state: 'waiting' }, ['ada', 'cid']],
    [{ tag: 'server' }, ['ada']],
    [{ sort: '-name' }, ['cid', 'bob', 'ada']],
    [{ sort: 'addresses' }, ['ada', 'bob', 'cid']],
    [{ sort: 'seen' }, ['ada', 'cid', 'bob']],
    [{ sort: 'expiry' }, ['bob', 'ada', 'cid']],
    [{ sort: '__proto__', state: 'constructor', page: 'x' }, ['ada', 'bob', 'cid']],
  ])('%j', (parameters, expected) => {
    expect(names(all, parameters)).toEqual(expected);
  });

  it('numbers in names count as numbers', () => {
    expect(names([node('n10'), node('n9')], {})).toEqual(['n9', 'n10']);
  });

  it('a page that is not there is the last one', () => {
    const many = Array.from({ length: PAGE_SIZE + 3 }, (_, index) => node(`n${index}`));
    const page = selectMachines(many, machineQuery({ page: '99' }), NOW);
    expect(page).toMatchObject({ matching: PAGE_SIZE + 3, pages: 2, query: { page: 2 } });
    expect(page.machines.map(({ name }) => name)).toEqual(['n50', 'n51', 'n52']);
  });

  it('what is asked for survives the way through an address', () => {
    const query = machineQuery({ search: 'a&b=c', state: 'away', tag: 'x', sort: '-seen', page: '3' });
    expect(machineQuery(Object.fromEntries(new URLSearchParams(queryString(query))))).toEqual(query);
    expect(queryString(machineQuery({}))).toBe('');
  });
});

it('everything that an administrator has to decide is named', () => {
  const offers = { routes: ['10.1.0.0/16', '10.2.0.0/16'], exitNode: true, tags: [] };
  const waiting = node('ada', {
    offers,
    approvedRoutes: ['10.1.0.0/16'],
    approved: false,
    offeredSegments: ['lab'],
  });
  expect(pendingDecisions(waiting)).toEqual(['membership', '1 route', 'exit node', '1 segment']);
  expect(pendingDecisions(node('bob'))).toEqual([]);
});
