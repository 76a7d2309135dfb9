import { describe, expect, it } from 'vitest';
import {
  type DevicePeer,
  type DialledNode,
  devicesAmong,
  type FileSources,
  wantedFile,
} from '../../../../coordinator/network/devices/device-file.ts';
import { whyOutOfDate } from '../../../../coordinator/network/devices/out-of-date.ts';
import { KEY_PLACEHOLDER, renderDeviceFile } from '../../../../coordinator/network/devices/render-file.ts';

const NOW = 1_000_000;
const phone = { id: 'phone', address4: '100.64.0.99', address6: 'fd00::63', createdAt: 50 };

/** An agent that can be dialled at 192.0.2.N; the lower the number, the longer it is a member. */
function agent(n: number, changes: Partial<DialledNode> = {}): DialledNode {
  return {
    id: `node-${n}`,
    name: `host${n}`,
    publicKey: `key-${n}`,
    address4: `100.64.0.${n}`,
    address6: `fd00::${n}`,
    online: true,
    createdAt: n,
    keyExpiresAt: 0,
    approved: true,
    disabled: false,
    reachableEndpoints: [`192.0.2.${n}:51820`],
    acceptsRoutes: false,
    device: null,
    offers: { routes: [], exitNode: false },
    approvedRoutes: [],
    exitNodeApproved: false,
    ...changes,
  };
}

const router = (n: number, routes: string[], changes: Partial<DialledNode> = {}) =>
  agent(n, { offers: { routes, exitNode: false }, approvedRoutes: routes, ...changes });

const wanted = (nodes: DialledNode[], changes: Partial<FileSources> = {}) =>
  wantedFile({
    device: phone,
    wantsNames: true,
    nodes,
    devices: devicesAmong(nodes),
    network: { prefix4: '100.64.0.0/10', prefix6: 'fd00::/48', zone: 'warren' },
    routesFor: (node) => node.approvedRoutes,
    last: null,
    now: NOW,
    ...changes,
  });
const names = (...args: Parameters<typeof wanted>) => wanted(...args)?.peers.map(({ name }) => name);
const allowed = (...args: Parameters<typeof wanted>) =>
  Object.fromEntries(wanted(...args)?.peers.map(({ name, allowedIps }) => [name, allowedIps]) ?? []);

const noDevices = (node: DialledNode) => (node.device === null ? [] : null);

describe('the file of a device', () => {
  it('has the overlay behind the gateway, and of every other agent that can be dialled its own addresses alone', () => {
    expect(wanted([agent(1), agent(2), agent(3, { reachableEndpoints: [] })])).toEqual({
      addresses: ['100.64.0.99/32', 'fd00::63/128'],
      resolvers: ['100.64.0.1', 'fd00::1'],
      searchDomain: 'warren',
      peers: [
        {
          nodeId: 'node-1',
          name: 'host1',
          publicKey: 'key-1',
          endpoint: '192.0.2.1:51820',
          allowedIps: ['100.64.0.0/10', 'fd00::/48'],
        },
        {
          nodeId: 'node-2',
          name: 'host2',
          publicKey: 'key-2',
          endpoint: '192.0.2.2:51820',
          allowedIps: ['100.64.0.2/32', 'fd00::2/128'],
        },
      ],
    });
  });

  it.each<[string, Partial<DialledNode>]>([
    ['cannot be dialled', { reachableEndpoints: [] }],
    ['has an expired key', { keyExpiresAt: NOW }],
    ['was disabled', { disabled: true }],
    ['was not approved', { approved: false }],
    [
      'is a device itself',
      {
        device: {
          file: { addresses: [], resolvers: [], searchDomain: null, peers: [] },
          handedOutAt: 0,
          wantsNames: true,
        },
      },
    ],
  ])('there is none by an agent that %s', (_what, changes) => {
    expect(wanted([agent(1, changes)])).toBeNull();
    expect(names([agent(1, changes), agent(2)])).toEqual(['host2']);
  });

  it.each<[string, DialledNode[], string]>([
    ['who is connected', [agent(1, { online: false }), agent(2)], 'host2'],
    ['then who accepts routes', [agent(1), agent(2, { acceptsRoutes: true })], 'host2'],
    ['then who joined first', [agent(2), agent(1)], 'host1'],
    ['then the lesser id', [agent(2, { createdAt: 5 }), agent(1, { createdAt: 5 })], 'host1'],
  ])('the gateway is %s', (_what, nodes, gateway) => {
    expect(names(nodes)?.[0]).toBe(gateway);
    expect(names(nodes.toReversed())?.[0]).toBe(gateway);
  });

  it('the gateway of before stays while it is connected, or nobody is, and gives way to one that is', () => {
    const last = wanted([agent(2)]);
    expect(names([agent(1), agent(2)], { last })).toEqual(['host2', 'host1']);
    const away = agent(2, { online: false });
    expect(names([agent(1), away], { last })).toEqual(['host1', 'host2']);
    expect(names([agent(1, { online: false }), away], { last })?.[0]).toBe('host2');
  });

  it('the gateway is the one that is preferred, wherever that would do', () => {
    const preferred = 'node-3';
    const nodes = (online: boolean) => [agent(1), agent(2), agent(3, { online })];
    expect(names(nodes(true), { preferred, last: wanted([agent(2)]) })?.[0]).toBe('host3');
    expect(names(nodes(false), { preferred, last: wanted([agent(2)]) })?.[0]).toBe('host2');
    expect(names([agent(1), agent(3, { reachableEndpoints: [] })], { preferred })?.[0]).toBe('host1');
  });

  it('has eight peers at most, those of before first', () => {
    const many = Array.from({ length: 20 }, (_, i) => agent(i + 1));
    expect(names(many)).toHaveLength(8);
    expect(names(many, { last: wanted([agent(1), agent(20)]) })?.slice(0, 2)).toEqual(['host1', 'host20']);
  });

  it('an agent that the policy keeps from it is no peer, but the gateway may be one', () => {
    expect(names([agent(1), agent(2)], { routesFor: () => null })).toEqual(['host1']);
  });

  describe('networks behind agents', () => {
    const LAN = '192.168.7.0/24';

    it('are reached at the router itself where it can be dialled', () => {
      expect(allowed([agent(1, { acceptsRoutes: true }), router(2, [LAN])]).host2).toContain(LAN);
    });

    it('are reached through the gateway otherwise, if that accepts routes', () => {
      const behind = router(2, [LAN], { reachableEndpoints: [] });
      expect(allowed([agent(1, { acceptsRoutes: true }), behind]).host1).toContain(LAN);
      expect(allowed([agent(1), behind]).host1).not.toContain(LAN);
    });

    it('are in the file once, at the router that is connected', () => {
      const all = allowed([agent(1), router(2, [LAN], { online: false }), router(3, [LAN])]);
      expect(Object.keys(all).filter((name) => all[name]?.includes(LAN))).toEqual(['host3']);
    });

    it('are left out where they hold the endpoint of a peer, which would then be unreachable', () => {
      expect(allowed([agent(1), router(2, ['192.0.2.0/24'])]).host2).toEqual([
        '100.64.0.2/32',
        'fd00::2/128',
      ]);
    });
  });

  describe('another device that has another gateway', () => {
    /** Number 60, given a file with the overlay at its gateway and `more` by it. */
    const tablet = (
      gateway: number,
      others: number[] = [],
      more: Record<number, string[]> = {},
      createdAt = 60,
    ) =>
      agent(60, {
        createdAt,
        reachableEndpoints: [],
        device: {
          file: {
            addresses: [],
            resolvers: [],
            searchDomain: null,
            peers: [gateway, ...others].map((n) => ({
              nodeId: `node-${n}`,
              name: `host${n}`,
              publicKey: `key-${n}`,
              endpoint: `192.0.2.${n}:51820`,
              allowedIps: [...(n === gateway ? OVERLAY : own(n)), ...(more[n] ?? [])],
            })),
          },
          handedOutAt: 0,
          wantsNames: false,
        },
      });
    const OVERLAY = ['100.64.0.0/10', 'fd00::/48'];
    const own = (n: number) => [`100.64.0.${n}/32`, `fd00::${n}/128`];
    const mine = ['100.64.0.99/32', 'fd00::63/128'];
    const agents = [agent(1), agent(2), agent(3)];
    const at = (other: DialledNode, changes: Partial<FileSources> = {}) =>
      Object.entries(allowed([...agents, other], changes)).flatMap(([name, cidrs]) =>
        cidrs.includes('100.64.0.60/32') && cidrs.includes('fd00::60/128') ? [name] : [],
      );
    const listed = { last: wanted([...agents, tablet(2)]) };

    it.each<[string, DialledNode, Partial<FileSources>, string[]]>([
      ['is reached through that where this one dials it', tablet(2), {}, ['host2']],
      ['is left to the gateways where this one does not', tablet(4), {}, []],
      ['is left to the gateway of both', tablet(1, [2]), {}, []],
      ['is left to the own gateway where it has it so already', tablet(2, [1], { 1: mine }), {}, []],
      [
        'is reached through that, whatever it has at third ones',
        tablet(2, [1, 3], { 3: mine }),
        {},
        ['host2'],
      ],
      ['is told of where it could be told as well, to whom is handed out', tablet(2, [1]), {}, ['host2']],
      ['is else left to the newer of both', tablet(2, [1]), { leavesToNewer: true }, []],
      ['is not left to the older', tablet(2, [1], {}, 40), { leavesToNewer: true }, ['host2']],
      ['is not left to one that cannot', tablet(2, [3]), { leavesToNewer: true }, ['host2']],
      ['stays as it was told', tablet(2, [1]), { leavesToNewer: true, ...listed }, ['host2']],
      ['is not told of where it may not be known', tablet(2), { routesFor: noDevices }, []],
      ['stays where it was known', tablet(2), { routesFor: noDevices, ...listed }, ['host2']],
    ])('%s', (_what, other, changes, expected) => {
      expect(at(other, changes)).toEqual(expected);
    });

    it('has its gateway dialled before others', () => {
      const many = Array.from({ length: 20 }, (_, i) => agent(i + 1));
      expect(names([...many, tablet(20)])?.slice(0, 3)).toEqual(['host1', 'host20', 'host2']);
    });
  });

  it('is written as wg-quick reads it, with a placeholder for the key that nobody here has', () => {
    const file = wanted([agent(1), agent(2)]);
    const text = renderDeviceFile(file as NonNullable<typeof file>, 'phone', null);
    expect(text).toBe(`[Interface]
# phone
PrivateKey = ${KEY_PLACEHOLDER}
Address = 100.64.0.99/32, fd00::63/128
MTU = 1280
DNS = 100.64.0.1, fd00::1, warren

[Peer]
# host1, and through it all that is no peer here
PublicKey = key-1
AllowedIPs = 100.64.0.0/10, fd00::/48
Endpoint = 192.0.2.1:51820
PersistentKeepalive = 25

[Peer]
# host2
PublicKey = key-2
AllowedIPs = 100.64.0.2/32, fd00::2/128
Endpoint = 192.0.2.2:51820
PersistentKeepalive = 25
`);
    const nameless = wanted([agent(1)], { wantsNames: false });
    expect(renderDeviceFile(nameless as NonNullable<typeof nameless>, 'phone', 'secret')).not.toContain(
      'DNS',
    );
  });
});

describe('a file is out of date', () => {
  const before = [agent(1), agent(2)];
  const why = (after: DialledNode[], changes: Partial<FileSources> = {}) => {
    const given = wanted(before) as NonNullable<ReturnType<typeof wanted>>;
    const nodes = new Map(after.map((node) => [node.id, node]));
    return whyOutOfDate(given, wanted(after, { last: given, ...changes }), nodes);
  };

  it.each<[string, DialledNode[], string[]]>([
    ['not while all is as it was', before, []],
    ['not when a peer is away', [agent(1), agent(2, { online: false })], []],
    [
      'not by an agent that is reached through the gateway',
      [...before, agent(3, { reachableEndpoints: [] })],
      [],
    ],
    [
      'when the gateway is away',
      [agent(1, { online: false }), agent(2)],
      ['its gateway host1 is away; host2 would take its place'],
    ],
    [
      'when the gateway was removed',
      [agent(2)],
      ['its gateway host1 is no longer a member; host2 would take its place'],
    ],
    [
      'when an endpoint is another',
      [agent(1, { reachableEndpoints: ['198.51.100.1:51820'] }), agent(2)],
      ['host1 is at 198.51.100.1:51820, not 192.0.2.1:51820'],
    ],
    ['when a key is another', [agent(1), agent(2, { publicKey: 'new' })], ['host2 has another key']],
    ['when there is one more to dial', [...before, agent(3)], ['host3 could be a peer of it']],
    ['when there is one less', [agent(1)], ['host2 is no peer of it any more']],
    [
      'when there are other networks',
      [agent(1), router(2, ['10.1.0.0/16'])],
      ['10.1.0.0/16 could be reached through host2'],
    ],
    ['when nobody can be dialled any more', [], ['no agent can be dialled any more']],
  ])('%s', (_what, after, expected) => {
    expect(why(after)).toEqual(expected);
  });

  it('when another device is reached otherwise, by its name, but not for one that is gone', () => {
    const given = wanted(before) as NonNullable<ReturnType<typeof wanted>>;
    const [gateway, other] = given.peers as [DevicePeer, DevicePeer];
    const told = (cidrs: string[]) => ({
      ...given,
      peers: [gateway, { ...other, allowedIps: [...other.allowedIps, ...cidrs] }],
    });
    const tablet = agent(60, { name: 'tablet' });
    const nodes = new Map([...before, tablet].map((node) => [node.id, node]));
    const cidrs = ['100.64.0.60/32', 'fd00::60/128'];
    expect(whyOutOfDate(given, told(cidrs), nodes)).toEqual(['tablet could be reached through host2']);
    expect(whyOutOfDate(told(cidrs), given, nodes)).toEqual([
      'tablet cannot be reached through host2 any more',
    ]);
    nodes.delete(tablet.id);
    expect(whyOutOfDate(told(cidrs), given, nodes)).toEqual([]);
    expect(whyOutOfDate(told(['10.9.0.0/16']), given, nodes)).toEqual([
      '10.9.0.0/16 cannot be reached through host2 any more',
    ]);
  });

  it('when the zone is another', () => {
    const network = { prefix4: '100.64.0.0/10', prefix6: 'fd00::/48', zone: 'corp' };
    expect(why(before, { network })).toEqual(['the zone is another']);
  });
});
