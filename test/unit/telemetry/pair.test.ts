import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pairOf } from '../../../coordinator/telemetry/pair.ts';
import type { Telemetry } from '../../../coordinator/telemetry/telemetry.ts';
import { PathKind } from '../../../proto/gen/warren.ts';
import { aMesh, aNode, aPath, type TestNodes } from '../../support/mesh-view.ts';

const NOW = Date.UTC(2026, 0, 1);
let nodes: TestNodes;
let telemetry: Telemetry;

beforeEach(() => {
  ({ nodes, telemetry } = aMesh(
    [
      aNode('a', { name: 'ada', address4: '100.64.0.1', address6: 'fd00::1' }),
      aNode('b', { name: 'bob', address4: '100.64.0.2', address6: 'fd00::2' }),
    ],
    { monotonic: () => 0, wall: () => NOW },
  ));
});

afterEach(() => telemetry.close());

const words = () => pairOf(nodes, telemetry, ['a', 'b'], { now: NOW, monotonic: 0 })?.words;
const change = (id: string, changes: object) =>
  nodes.members.set(id, { ...(nodes.node(id) as any), ...changes });
const hear = (id: string, peer: string, path = {}, nat?: { mapping: string; filtering: string }) =>
  telemetry
    .connect(id, () => {})
    .report({ peers: [aPath(peer, path)], ...(nat === undefined ? {} : { nat }) });
const RELAY = { kind: PathKind.PATH_KIND_RELAY, reason: '2 addresses of bob were tried, and none answered' };
const HARD = { mapping: 'address-and-port-dependent', filtering: 'unknown' };
const CONE = { mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' };
const BLOCKED = { mapping: 'no answer', filtering: 'unknown' };

describe('why two machines are connected as they are', () => {
  it.each<[string, () => void, string, string | null]>([
    [
      'direct',
      () => {
        hear('a', 'b', { endpoint: '192.0.2.2:1' });
        hear('b', 'a', { endpoint: '192.0.2.1:1' });
      },
      'Direct: ada sends to 192.0.2.2:1, bob sends to 192.0.2.1:1: it was the first way to answer.',
      null,
    ],
    [
      'both behind hard NATs',
      () => {
        hear('a', 'b', RELAY, HARD);
        hear('b', 'a', RELAY, HARD);
      },
      'By relay: both are behind hard NATs, which give each destination another outer port, so that neither ada nor bob can tell where it can be reached.',
      'forward a UDP port to ada or to bob, and name it there with --listen-port and --endpoint',
    ],
    [
      'one behind a hard NAT',
      () => {
        hear('a', 'b', RELAY, CONE);
        hear('b', 'a', RELAY, HARD);
      },
      'By relay: bob is behind a hard NAT, which gives each destination another outer port, and what stands before ada lets in only what was sent to.',
      'forward a UDP port to ada, and name it there with --listen-port and --endpoint',
    ],
    [
      'UDP blocked at one',
      () => {
        hear('a', 'b', RELAY, BLOCKED);
        hear('b', 'a', RELAY, CONE);
      },
      'By relay: UDP seems to be blocked where ada is; no STUN server answers there.',
      'let UDP out of the network of ada',
    ],
    [
      'direct ways being tried',
      () => hear('a', 'b', { kind: PathKind.PATH_KIND_RELAY, reason: 'direct ways are tried' }, CONE),
      'By relay, while direct ways are tried.',
      null,
    ],
    [
      'a relay for another reason',
      () => hear('a', 'b', { ...RELAY, advice: 'let UDP in' }, CONE),
      'By relay, says ada: 2 addresses of bob were tried, and none answered.',
      'let UDP in',
    ],
    [
      'a session that ended',
      () => hear('a', 'b', { kind: PathKind.PATH_KIND_UNSPECIFIED }),
      'Not connected now: nothing was sent between them for a while. The next packet connects them.',
      null,
    ],
    [
      'nothing sent yet',
      () => telemetry.connect('a', () => {}),
      'Not connected yet: nothing was sent between them. The first packet connects them.',
      null,
    ],
    [
      'reports that go elsewhere',
      () => {},
      'Not known: neither ada nor bob tells its paths, as an agent of an older release does not.',
      null,
    ],
    [
      'one away',
      () => change('b', { online: false }),
      'Not connected: bob is away; no coordinator hears from it.',
      'start the agent on bob (bin/agent up), and look whether it reaches the coordinator (bin/agent netcheck)',
    ],
    [
      'an expired key',
      () => change('b', { keyExpiresAt: NOW - 1 }),
      'Not connected: bob has a key that expired, and its peers drop what it sends.',
      'give its key more time, or let it join again with a new token: bob',
    ],
    [
      'one that waits for approval',
      () => change('a', { approved: false }),
      'Not connected: ada waits for approval: it sees nobody, and nobody sees it.',
      'approve it: ada',
    ],
    [
      'one that is disabled',
      () => change('a', { disabled: true }),
      'Not connected: ada is disabled: it sees nobody, and nobody sees it.',
      'enable it again: ada',
    ],
  ])('%s', (_what, arrange, reason, advice) => {
    arrange();
    expect(words()).toEqual({ reason, advice });
  });

  it('the policy, with the rules that join them or without any', () => {
    const policy = (document: string) => {
      nodes.network = {
        ...nodes.network,
        policy: { version: 1, document, createdAt: 0, actor: '', source: '', restoredFrom: null },
      };
    };
    policy('{"acls": [{"action": "accept", "src": ["100.64.0.2"], "dst": ["100.64.0.1:22"]}]}');
    const pair = () => pairOf(nodes, telemetry, ['a', 'b'], { now: NOW, monotonic: 0 });
    expect(pair()).toMatchObject({ mayMeet: true });
    expect(pair()?.rules.every(({ id, isForward }) => id === 'acls[0]' && !isForward)).toBe(true);
    expect(pair()?.rules[0]?.services).toContain('22');
    policy('{"acls": []}');
    nodes.apart.add('a b');
    expect(pair()).toMatchObject({
      mayMeet: false,
      rules: [],
      words: {
        reason:
          'Kept apart by the policy: no rule lets ada reach bob or bob reach ada, so neither is told that the other exists.',
        advice: expect.stringContaining('add a rule to the policy'),
      },
    });
  });

  it('a stranger, or one machine twice, is no pair', () => {
    const time = { now: NOW, monotonic: 0 };
    expect(pairOf(nodes, telemetry, ['a', 'x'], time)).toBeUndefined();
    expect(pairOf(nodes, telemetry, ['a', 'a'], time)).toBeUndefined();
  });
});
