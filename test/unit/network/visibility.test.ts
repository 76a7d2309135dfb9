import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Meetings } from '../../../coordinator/network/meeting-groups.ts';
import type { PolicyNode } from '../../../coordinator/network/policy/node-state.ts';
import { Visibility, type VisibleNode } from '../../../coordinator/network/visibility.ts';
import { NETWORK, policyNode, randomNode, randomNodes, randomPolicy } from '../../support/policies.ts';

const node = (
  { routes, exitNode, ...rest }: PolicyNode,
  endpoint = '',
  dials: readonly string[] | null = null,
): VisibleNode & { endpoint: string } => ({
  ...rest,
  endpoint,
  offers: { routes, exitNode },
  approvedRoutes: routes,
  exitNodeApproved: exitNode,
  approved: true,
  disabled: false,
  device:
    dials === null
      ? null
      : {
          file: {
            addresses: [],
            resolvers: [],
            searchDomain: null,
            peers: dials.map((nodeId) => ({
              nodeId,
              name: nodeId,
              publicKey: '',
              endpoint: '',
              allowedIps: [],
            })),
          },
          handedOutAt: 0,
          wantsNames: true,
        },
});
const document = (acls: string) => ({ document: `{"acls": [${acls}]}` });
const acl = (src: string, dst: string) => `{"action": "accept", "src": ["${src}"], "dst": ["${dst}:*"]},`;

/** A network whose changes are told to one policy-minded listener, version by version. */
class World {
  readonly nodes = new Map<string, ReturnType<typeof node>>();
  readonly visibility: Visibility;
  version = 1;

  constructor(nodes: readonly PolicyNode[], policy: { document: string } | null) {
    for (const each of nodes) this.nodes.set(each.id, node(each));
    this.visibility = new Visibility({ ...NETWORK, version: 1 }, this.nodes.values(), policy);
  }

  change(
    changed: ReturnType<typeof node>[],
    removed: string[] = [],
    policy: { document: string } | null = null,
  ): void {
    for (const each of changed) this.nodes.set(each.id, each);
    for (const id of removed) this.nodes.delete(id);
    const from = this.version++;
    this.visibility.advance({ from, version: this.version, changed, removed, policy });
  }

  /** All that a viewer may see, by id, as text. */
  map(viewer: string): Map<string, string> {
    const carried = (id: string) => {
      const { offers } = this.nodes.get(id)!;
      return this.visibility.carriedFor(viewer, id) ?? offers;
    };
    return new Map(
      [...this.visibility.peersOf(viewer)].map((id) => [
        id,
        JSON.stringify([this.nodes.get(id), carried(id)]),
      ]),
    );
  }

  filter(viewer: string): string {
    return JSON.stringify(this.visibility.filterOf(viewer));
  }
}

describe('visibility', () => {
  it('kept up by differences is what a snapshot has, and names nobody that was not seen', () => {
    const change = fc.oneof(
      { arbitrary: fc.integer({ min: 1, max: 7 }).chain((n) => randomNode(n)), weight: 3 },
      {
        // Devices are others than agents, for good, and dial agents alone.
        arbitrary: fc.tuple(
          fc.integer({ min: 8, max: 10 }).chain((n) => randomNode(n)),
          fc.uniqueArray(
            fc.integer({ min: 1, max: 7 }).map((n) => `n${n}`),
            { minLength: 1, maxLength: 3 },
          ),
        ),
        weight: 2,
      },
      { arbitrary: fc.integer({ min: 2, max: 10 }).map((n) => `n${n}`), weight: 1 },
      { arbitrary: randomPolicy.map((policy) => ({ document: JSON.stringify(policy) })), weight: 1 },
      { arbitrary: fc.record({ touched: fc.integer({ min: 1, max: 5 }) }), weight: 1 },
    );
    fc.assert(
      fc.property(
        fc.option(randomPolicy),
        randomNodes(5),
        fc.array(fc.tuple(change, fc.boolean()), { maxLength: 12 }),
        (policy, nodes, changes) => {
          const world = new World(nodes, policy && { document: JSON.stringify(policy) });
          const viewer = 'n1';
          let held = world.map(viewer);
          let filter = world.filter(viewer);
          let version = world.version;
          changes.forEach(([what, isTold], index) => {
            if (typeof what === 'string') world.change([], [what]);
            else if (Array.isArray(what)) world.change([node(what[0], '', what[1])]);
            else if ('document' in what) world.change([], [], what);
            else if ('id' in what) world.change([node(what)]);
            else {
              const touched = world.nodes.get(`n${what.touched}`);
              world.change(touched === undefined ? [] : [{ ...touched, endpoint: `${index}` }]);
            }
            // Some streams are a few versions behind.
            if (!isTold) return;
            if (!world.visibility.hasPolicy) {
              // Then the store's own differences do.
              expect(world.visibility.differenceSince(viewer, version)).toBeNull();
              [held, filter, version] = [world.map(viewer), world.filter(viewer), world.version];
              return;
            }
            const { peers, gone, self } = world.visibility.differenceSince(viewer, version)!;
            const now = world.map(viewer);
            if (world.visibility.hasPolicy && policy !== null) {
              for (const id of gone) expect(held.has(id), `${id} was seen`).toBe(true);
            }
            held = new Map(held);
            for (const id of gone) held.delete(id);
            for (const id of peers) {
              expect(now.has(id), `${id} may be seen`).toBe(true);
              held.set(id, now.get(id)!);
            }
            expect(held).toEqual(now);
            if (self) filter = world.filter(viewer);
            expect(filter).toBe(world.filter(viewer));
            version = world.version;
          });
        },
      ),
      { numRuns: 400 },
    );
  });

  const [web, db, laptop] = [
    policyNode(1, { tags: ['web'] }),
    policyNode(2, { tags: ['db'] }),
    policyNode(3),
  ] as const;

  it('without a policy is of everybody, and nothing is filtered', () => {
    const { visibility } = new World([web, db, laptop], null);
    expect([...visibility.peersOf('n1')]).toEqual(['n2', 'n3']);
    expect(visibility.filterOf('n1')).toBeNull();
    expect(visibility.groups().meetings).toEqual([[0, 0]]);
  });

  it('a new policy costs those what they lose, and is news to nobody else', () => {
    const world = new World(
      [web, db, laptop],
      document(acl('tag:web', 'tag:db') + acl('100.64.0.3', 'tag:db')),
    );
    world.change([], [], document(acl('tag:web', 'tag:db')));
    const difference = (id: string) => world.visibility.differenceSince(id, 1);
    expect(difference('n1')).toEqual({ peers: [], gone: [], self: false });
    expect(difference('n2')).toEqual({ peers: [], gone: ['n3'], self: true });
    expect(difference('n3')).toEqual({ peers: [], gone: ['n2'], self: false });
  });

  const anyway = acl('*', '*');
  it.each([
    ['sources', acl('100.64.0.3', 'tag:db')],
    ['destinations', acl('tag:web', '100.64.0.2')],
    ['services', acl('tag:web', 'tag:db').replace(':*', ':22')],
  ])('a new policy that changes only the %s of a rule changes the filters that have it', (_, changed) => {
    const world = new World([web, db, laptop], document(acl('tag:web', 'tag:db') + anyway));
    world.change([], [], document(changed + anyway));
    expect(world.visibility.differenceSince('n2', 1)).toEqual({ peers: [], gone: [], self: true });
    expect(world.visibility.differenceSince('n1', 1)).toEqual({ peers: [], gone: [], self: false });
  });

  it('who asks again from the same version hears of what came meanwhile', () => {
    const world = new World([web, db, laptop], document(acl('tag:web', 'tag:db')));
    world.change([node(web, '192.0.2.1:1')]);
    expect(world.visibility.differenceSince('n1', 1)).toMatchObject({ peers: [], self: true });
    world.change([node(db, '192.0.2.2:2')]);
    expect(world.visibility.differenceSince('n1', 1)).toMatchObject({ peers: ['n2'], self: true });
  });

  describe('a plain WireGuard device', () => {
    const phone = policyNode(4, { tags: ['phone'] });
    const [hub, second] = [policyNode(5), policyNode(6)];
    const world = (acls: string) => {
      const made = new World([web, db, laptop, hub, second], document(acls));
      made.change([node(phone, '', ['n5', 'n6'])]);
      return made;
    };
    const filterOf = ({ visibility }: World, id: string) =>
      visibility.filterOf(id)?.map(({ sources, destinations }) => [sources.join(), destinations.join()]);

    it('has its gateway seen by whoever may talk to it, and by nobody else, and the other way round', () => {
      const { visibility } = world(acl('tag:web', 'tag:phone') + acl('tag:phone', 'tag:db'));
      const seen = (id: string) => [...visibility.peersOf(id)].sort();
      expect(seen('n1')).toEqual(['n4', 'n5']);
      expect(seen('n2')).toEqual(['n4', 'n5']);
      expect(seen('n3')).toEqual([]);
      expect(seen('n5')).toEqual(['n1', 'n2', 'n4']);
      // One that it could dial, but may not.
      expect(seen('n6')).toEqual([]);
    });

    it('is judged for by its gateway, whose own addresses that grants nothing', () => {
      const made = world(acl('tag:web', 'tag:phone') + acl('tag:phone', 'tag:db'));
      expect(filterOf(made, 'n5')).toEqual([['100.64.0.1/32,fd00::1/128', '100.64.0.4/32,fd00::4/128']]);
      expect(filterOf(made, 'n2')).toEqual([['100.64.0.4/32,fd00::4/128', '100.64.0.2/32,fd00::2/128']]);
      expect(filterOf(made, 'n6')).toEqual([]);
    });

    it('is judged for by an agent that it dials and may talk to, for what that sends itself', () => {
      const made = world(acl('tag:web', 'tag:phone') + acl('tag:phone', '100.64.0.6'));
      expect(filterOf(made, 'n6')).toEqual([
        ['100.64.0.1/32,fd00::1/128', '100.64.0.4/32,fd00::4/128'],
        ['100.64.0.4/32,fd00::4/128', '100.64.0.6/32'],
      ]);
      expect([...made.visibility.peersOf('n6')].sort()).toEqual(['n4', 'n5']);
    });

    it('of a user is reached as an own machine, through a gateway that is seen for that', () => {
      const own = { owner: 'ada@example.com' };
      const made = new World([policyNode(1, own), hub], {
        document:
          '{"acls": [{"action": "accept", "src": ["autogroup:member"], "dst": ["autogroup:self:*"]}]}',
      });
      made.change([node(policyNode(4, own), '', ['n5'])]);
      expect([...made.visibility.peersOf('n1')].sort()).toEqual(['n4', 'n5']);
      expect([...made.visibility.peersOf('n5')].sort()).toEqual(['n1', 'n4']);
      expect(filterOf(made, 'n5')).toEqual([
        ['100.64.0.1/32,100.64.0.4/32,fd00::1/128,fd00::4/128', '100.64.0.4/32,fd00::4/128'],
      ]);
    });

    const SELF = '{"action": "accept", "src": ["ada@example.com"], "dst": ["autogroup:self:*"]}';

    it('of a user has a gateway that knows of those of the same user’s other devices', () => {
      const own = { owner: 'ada@example.com' };
      const made = new World([hub, second], { document: `{"acls": [${SELF}]}` });
      made.change([node(policyNode(4, own), '', ['n5']), node(policyNode(7, own), '', ['n6'])]);
      expect([...made.visibility.peersOf('n5')].sort()).toEqual(['n4', 'n6', 'n7']);
      expect([...made.visibility.peersOf('n6')].sort()).toEqual(['n4', 'n5', 'n7']);
      const { groupOf, meetings } = made.visibility.groups();
      expect(new Meetings(meetings).has(groupOf('n5'), groupOf('n6'))).toBe(true);
    });

    it('of a user does not make its gateway the like of that user’s machines, where both may send the same', () => {
      const own = { owner: 'ada@example.com' };
      const made = new World([hub], null);
      made.change([node(policyNode(4, own), '', ['n5']), node(policyNode(1, own))]);
      const grant = '{"src": ["fd00::/48"], "dst": ["tag:db"], "ip": ["*"]}';
      made.change([], [], { document: `{"acls": [${SELF}], "grants": [${grant}]}` });
      expect([...made.visibility.peersOf('n1')].sort()).toEqual(['n4', 'n5']);
      expect([...made.visibility.peersOf('n4')].sort()).toEqual(['n1', 'n5']);
    });

    it('with another gateway is news to those who may talk to it', () => {
      const made = world(acl('tag:web', 'tag:phone'));
      const { version } = made;
      made.change([node(phone, '', ['n6', 'n5'])]);
      expect(made.visibility.differenceSince('n1', version)).toMatchObject({
        peers: expect.arrayContaining(['n4', 'n6']),
        gone: ['n5'],
      });
      expect(made.visibility.differenceSince('n3', version)).toEqual({ peers: [], gone: [], self: false });
    });
  });

  it('relays get groups that are the same until somebody may meet another', () => {
    const world = new World([web, db, laptop], document(acl('tag:web', 'tag:db')));
    const groups = world.visibility.groups();
    const { groupOf, meetings } = groups;
    const mayMeet = (a: string, b: string) => new Meetings(meetings).has(groupOf(a), groupOf(b));
    expect([mayMeet('n1', 'n2'), mayMeet('n2', 'n1'), mayMeet('n1', 'n3'), mayMeet('n9', 'n9')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    world.change([node(web, '192.0.2.1:1')]);
    expect(world.visibility.groups()).toBe(groups);
    world.change([node({ ...laptop, tags: ['web'] })]);
    expect(world.visibility.groups()).not.toBe(groups);
    expect(world.visibility.groups().groupOf('n3')).toBe(groupOf('n1'));
  });

  it('the first policy is told to everybody', () => {
    const world = new World([web, db, laptop], null);
    world.change([], [], document(acl('tag:web', 'tag:db')));
    expect(world.visibility.differenceSince('n1', 1)).toEqual({ peers: [], gone: ['n3'], self: true });
    expect(world.visibility.differenceSince('n3', 1)).toEqual({ peers: [], gone: ['n1', 'n2'], self: true });
  });

  it('a node that changes is news only to those who see it or saw it', () => {
    const world = new World([web, db, laptop], document(acl('tag:web', 'tag:db')));
    world.change([node(web, '192.0.2.1:1')]);
    expect(world.visibility.differenceSince('n2', 1)).toEqual({ peers: ['n1'], gone: [], self: false });
    expect(world.visibility.differenceSince('n3', 1)).toEqual({ peers: [], gone: [], self: false });
    world.change([node({ ...web, tags: [] })]);
    expect(world.visibility.differenceSince('n2', 2)).toEqual({ peers: [], gone: ['n1'], self: true });
    expect(world.visibility.differenceSince('n3', 2)).toEqual({ peers: [], gone: [], self: false });
    world.change([], ['n1']);
    expect(world.visibility.differenceSince('n2', 3)).toEqual({ peers: [], gone: [], self: false });
  });

  it('SEC-38: a stored policy that cannot be read lets nothing pass, and says so', () => {
    const { visibility } = new World([web, db], { document: '{"acls": [}' });
    expect([...visibility.peersOf('n1')]).toEqual([]);
    expect(visibility.filterOf('n1')).toEqual([]);
    expect(visibility.problem).toBe('1:11: a value is missing here');
    expect(visibility.mayMeet('n1', 'n2')).toBe(false);
  });

  it('does not know what is further back than the steps kept', () => {
    const world = new World([web, db], document(acl('*', '*')));
    for (let i = 0; i < 70; i++) world.change([node(web, `${i}`)]);
    expect(world.visibility.differenceSince('n2', 1)).toBeNull();
    expect(world.visibility.differenceSince('n2', 8)).not.toBeNull();
    expect(world.visibility.stepsSince(71)).toBe(0);
  });
});
