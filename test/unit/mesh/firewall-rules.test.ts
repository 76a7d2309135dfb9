import { describe, expect, it } from 'vitest';
import { firewallRules, keptCounts, type WantedFirewall } from '../../../agent/mesh/firewall-rules.ts';
import { forwardingBefore, forwardingRules, siteNetworks } from '../../../agent/mesh/forwarding-rules.ts';

const WANTED: WantedFirewall = {
  interfaceName: 'warren0',
  listenPort: 51820,
  overlay: ['100.64.0.0/10', 'fd00::/48'],
  filter: undefined,
  carries: false,
  sites: [],
  multicast: false,
  openPorts: [],
  transit: null,
  devices: [],
};
const RULES = [
  {
    id: 'acls[0]',
    sources: ['100.64.0.2/32'],
    destinations: ['100.64.0.1/32'],
    services: [{ protocol: 6, firstPort: 22, lastPort: 22 }],
  },
  {
    id: 'acls[1]',
    sources: ['100.64.0.0/24', 'fd00::2/128'],
    destinations: ['100.64.0.1/32', 'fd00::1/128'],
    services: [],
  },
];
const withRules = (changes: Partial<WantedFirewall> = {}) =>
  firewallRules({ ...WANTED, filter: { rules: RULES }, ...changes });
/** The lines of one chain. */
const chain = (script: string, name: string) =>
  new RegExp(`chain ${name} \\{\\n([^]*?)\\n {2}\\}`).exec(script)?.[1]?.trim().split(/\n\s*/);

describe('the firewall', () => {
  it('without a policy looks at no connection and judges nothing that comes by the mesh', () => {
    const script = firewallRules(WANTED);
    expect(script).not.toMatch(/\bct\b|chain incoming/);
    expect(chain(script, 'sources')).toEqual([
      'type filter hook prerouting priority raw; policy accept;',
      'iifname { "lo", "warren0" } accept',
      'ip saddr 100.64.0.0/10 counter name foreign drop',
      'ip6 saddr fd00::/48 counter name foreign drop',
    ]);
    expect(chain(script, 'own')).toContain('oifname "warren0" udp sport 51820 drop');
  });

  it('of a host that carries lets answers in, and nobody else', () => {
    for (const name of ['destinations', 'forwarded'])
      expect(chain(firewallRules({ ...WANTED, carries: true }), name)).toContain(
        'ct state established,related accept',
      );
  });

  describe('of the gateway of devices', () => {
    const transit = {
      devices: ['100.64.0.9/32', 'fd00::9/128'],
      own: ['100.64.0.1/32'],
      towards: ['100.64.0.0/10', '10.0.0.0/8'],
      except: ['100.64.0.1/32', '100.64.0.9/32', 'fd00::9/128'],
    };

    it('forwards between them and the mesh, and from the mesh nowhere else unless it carries networks', () => {
      const forwarded = (carries: boolean) =>
        chain(firewallRules({ ...WANTED, transit, carries }), 'forwarded')?.slice(1, 6);
      const within = 'iifname "warren0" oifname "warren0"';
      const between = [
        `${within} ip saddr { 100.64.0.9/32 } accept`,
        `${within} ip daddr { 100.64.0.9/32 } accept`,
        `${within} ip6 saddr { fd00::9/128 } accept`,
        `${within} ip6 daddr { fd00::9/128 } accept`,
      ];
      expect(forwarded(false)).toEqual([
        ...between,
        'iifname "warren0" oifname != "warren0" counter name unasked drop',
      ]);
      expect(forwarded(true)).toEqual([...between, 'oifname != "warren0" accept']);
    });

    it('under a policy judges for itself, for them and for what it carries, and leaves the rest to the others', () => {
      const script = withRules({ transit, devices: transit.devices });
      expect(chain(script, 'transit')).toEqual([
        'ip daddr 100.64.0.1/32 meta l4proto { tcp, udp } th dport 53 accept',
        'ip daddr 100.64.0.1/32 return',
        'ip daddr 100.64.0.9/32 return',
        'ip6 daddr fd00::9/128 return',
        'ip daddr 100.64.0.0/10 accept',
        'ip daddr 10.0.0.0/8 accept',
      ]);
      const incoming = chain(script, 'incoming') as string[];
      const at = incoming.indexOf('ip saddr { 100.64.0.9/32 } jump transit');
      expect(at).toBeGreaterThan(0);
      expect(incoming.indexOf('ip saddr vmap @in_ip')).toBeGreaterThan(at);
    });

    it('judges what it sends to them itself, as they do not', () => {
      expect(chain(withRules({ devices: ['100.64.0.9/32'] }), 'sent')?.slice(1)).toEqual([
        'oifname != "warren0" accept',
        'ip daddr 100.64.0.9/32 goto to_device',
      ]);
      expect(withRules()).not.toMatch(/to_device|transit/);
    });
  });

  it('of a host with an exit node lets its containers to the Internet by it, and not into the mesh', () => {
    const containers = { bridges: ['docker0'], mesh: ['100.64.0.0/10', 'fd00::/48'] };
    expect(chain(firewallRules({ ...WANTED, containers }), 'forwarded')?.slice(1)).toEqual([
      'oifname != "warren0" accept',
      'iifname { "docker0" } oifname "warren0" ip daddr 100.64.0.0/10 counter name unasked drop',
      'iifname { "docker0" } oifname "warren0" ip6 daddr fd00::/48 counter name unasked drop',
      'iifname { "docker0" } oifname "warren0" accept',
      'counter name unasked drop',
    ]);
    expect(firewallRules({ ...WANTED, containers: { ...containers, bridges: [] } })).toBe(
      firewallRules(WANTED),
    );
  });

  it('SEC-39: lets hosts of its sites begin flows into the mesh where it is asked to, and nobody else', () => {
    const begin = 'iifname != "warren0" oifname "warren0" ip saddr 192.168.10.0/24 accept';
    const forwarded = (sites: string[]) =>
      chain(firewallRules({ ...WANTED, carries: true, sites }), 'forwarded');
    expect(forwarded(['192.168.10.0/24'])?.slice(-2)).toEqual([begin, 'counter name unasked drop']);
    expect(forwarded([])).not.toContain(begin);
  });

  it('asks the rules of a source alone, and its answers by the same', () => {
    const script = withRules();
    expect(script).toContain(`    elements = {
      100.64.0.0-100.64.0.1 : goto in_ip_0,
      100.64.0.2 : goto in_ip_1,
      100.64.0.3-100.64.0.255 : goto in_ip_0
    }`);
    expect(chain(script, 'in_ip_0')).toEqual([
      'ip daddr 100.64.0.1/32 counter name rule_1 accept',
      'counter name denied drop',
    ]);
    expect(chain(script, 'in_ip_1')).toEqual([
      'ip daddr 100.64.0.1/32 meta l4proto 6 th dport 22 counter name rule_0 accept',
      'ip daddr 100.64.0.1/32 counter name rule_1 accept',
      'counter name denied drop',
    ]);
    expect(chain(script, 'out_ip_1')).toEqual([
      'ip saddr 100.64.0.1/32 meta l4proto 6 th sport 22 accept',
      'ip saddr 100.64.0.1/32 accept',
      'counter name denied drop',
    ]);
    expect(chain(script, 'in_ip6_0')).toEqual([
      'ip6 daddr fd00::1/128 counter name rule_1 accept',
      'counter name denied drop',
    ]);
  });

  it('with a policy that grants nothing denies everything', () => {
    const script = withRules({ filter: { rules: [] } });
    expect(script).not.toContain('elements');
    expect(chain(script, 'incoming')?.slice(-3)).toEqual([
      'ip saddr vmap @in_ip',
      'ip6 saddr vmap @in_ip6',
      'counter name denied drop',
    ]);
  });

  it('lets broadcasts in from who may send anything, and the ports that others guard', () => {
    expect(chain(withRules({ multicast: true }), 'in_ip_0')).toContain('ip daddr 255.255.255.255 accept');
    expect(chain(withRules({ openPorts: [14789] }), 'incoming')).toContain('udp dport { 14789 } accept');
  });
});

describe('forwarding', () => {
  const wanted = {
    interfaceName: 'warren0',
    overlay: ['100.64.0.0/10', 'fd00::/48'],
    routes: ['192.168.10.0/24'],
    mappings: [],
    connected: ['192.0.2.0/24', 'fd10::/64', '2001:db8:2::/64'],
    isExit: false,
    elsewhere: [],
    siteToSite: false,
    bridges: { all: [] as string[], inner: [] as string[] },
    translatesSources: true,
  };
  const was = { four: '0', six: '1' };

  it('translates sources to networks behind the host, to the whole world at an exit, and where asked not at all', () => {
    expect(chain(forwardingRules(wanted, was), 'translated')?.slice(1)).toEqual([
      'oifname != "warren0" ip saddr 100.64.0.0/10 ip daddr { 192.168.10.0/24 } masquerade',
    ]);
    expect(chain(forwardingRules({ ...wanted, isExit: true }, was), 'translated')?.slice(1)).toEqual([
      'oifname != "warren0" ip saddr 100.64.0.0/10 ip daddr != 100.64.0.0/10 masquerade',
      'oifname != "warren0" ip6 saddr fd00::/48 ip6 daddr != fd00::/48 masquerade',
    ]);
    expect(chain(forwardingRules({ ...wanted, translatesSources: false }, was), 'translated')).toHaveLength(
      1,
    );
  });

  it('leads into the network that a route stands for, by prefix, of the mesh and of this host itself', () => {
    const mappings = [
      { prefix: '10.201.1.0/24', sitePrefix: '192.168.1.0/24' },
      { prefix: 'fd20:1::/64', sitePrefix: 'fd00:1::/64' },
    ];
    const routes = ['192.168.10.0/24', ...mappings.map(({ prefix }) => prefix)];
    const rules = forwardingRules({ ...wanted, routes, mappings }, was);
    const [four, six] = [
      'ip daddr 10.201.1.0/24 dnat ip prefix to 192.168.1.0/24',
      'ip6 daddr fd20:1::/64 dnat ip6 prefix to fd00:1::/64',
    ];
    expect(chain(rules, 'mapped')?.slice(1)).toEqual([
      `iifname "warren0" ${four}`,
      `iifname "warren0" ${six}`,
    ]);
    expect(chain(rules, 'mapped_own')?.slice(1)).toEqual([four, six]);
    // Sources are translated for where packets really go.
    expect(chain(rules, 'translated')?.slice(1)).toEqual([
      'oifname != "warren0" ip saddr 100.64.0.0/10 ip daddr { 192.168.10.0/24, 192.168.1.0/24 } masquerade',
      'oifname != "warren0" ip6 saddr fd00::/48 ip6 daddr { fd00:1::/64 } masquerade',
    ]);
    expect(chain(forwardingRules(wanted, was), 'mapped')).toBeUndefined();
  });

  it('of other sites’ hosts too, and has its own hosts known by the mesh’s prefix where they may begin', () => {
    const mappings = [{ prefix: '10.201.1.0/24', sitePrefix: '192.168.1.0/24' }];
    const mapped = { ...wanted, routes: ['10.201.1.0/24'], mappings, elsewhere: ['192.168.20.0/24'] };
    const rules = forwardingRules({ ...mapped, siteToSite: true }, was);
    expect(chain(rules, 'translated')?.slice(1)).toEqual(
      ['100.64.0.0/10', '192.168.20.0/24'].map(
        (source) => `oifname != "warren0" ip saddr ${source} ip daddr { 192.168.1.0/24 } masquerade`,
      ),
    );
    expect(chain(rules, 'mapped_sources')?.slice(1)).toEqual([
      'oifname "warren0" ip saddr 192.168.1.0/24 snat ip prefix to 10.201.1.0/24',
    ]);
    expect(chain(forwardingRules(mapped, was), 'mapped_sources')).toBeUndefined();
    expect(siteNetworks({ approvedRoutes: mapped.routes, mappings })).toEqual(['192.168.1.0/24']);
  });

  it('SEC-36: goes to what was approved, from an exit to the Internet, and nowhere else', () => {
    const out = (changes: object) =>
      chain(forwardingRules({ ...wanted, ...changes }, was), 'carried')?.slice(4);
    const denied = 'counter name beyond reject with icmpx type admin-prohibited';
    expect(out({})).toEqual(['ip daddr 192.168.10.0/24 accept', denied]);
    expect(out({ routes: [] })).toEqual([denied]);
    const exit = out({ isExit: true }) ?? [];
    expect(exit[0]).toBe('ip daddr 192.168.10.0/24 accept');
    const kept = ['ip daddr 10.0.0.0/8', 'ip daddr 192.0.2.0/24', 'ip6 daddr 2001:db8:2::/64'];
    expect(exit).toEqual(expect.arrayContaining(kept.map((match) => `${match} ${denied}`)));
    expect(exit.slice(-3)).toEqual(['meta nfproto ipv4 accept', 'ip6 daddr 2000::/3 accept', denied]);
  });

  it('SEC-39: keeps what this host did not forward before from being forwarded between its other networks', () => {
    const between = (four: string, six: string, bridges = wanted.bridges) =>
      chain(forwardingRules({ ...wanted, bridges }, { four, six }), 'between')?.slice(1);
    const mesh = ['iifname "warren0" accept', 'oifname "warren0" accept'];
    const drop = (family: string) => `meta nfproto ${family} counter name between drop`;
    expect(between('0', '0')).toEqual([...mesh, drop('ipv4'), drop('ipv6')]);
    expect(between('1', '0')).toEqual([...mesh, drop('ipv6')]);
    expect(between('1', '1')).toBeUndefined();
    expect(between('0', '1', { all: ['br0', 'docker0'], inner: ['docker0'] })).toEqual([
      ...mesh,
      'iifname { "docker0" } accept',
      'oifname { "docker0" } accept',
      'iifname "br0" oifname "br0" accept',
      drop('ipv4'),
    ]);
  });

  it('keeps how things were before, for whoever comes after a kill', () => {
    expect(forwardingBefore(forwardingRules(wanted, was))).toEqual(was);
    expect(forwardingBefore('')).toBeNull();
  });
});

describe('counters of the firewall', () => {
  const count = { packets: 7, bytes: 700 };

  it('begin with what is given, and with nothing otherwise', () => {
    const script = firewallRules(
      { ...WANTED, filter: { rules: RULES } },
      new Map([
        ['rule_1', count],
        ['denied', count],
      ]),
    );
    expect(script).toContain('counter rule_0 { }');
    expect(script).toContain('counter rule_1 { packets 7 bytes 700 }');
    expect(script).toContain('counter denied { packets 7 bytes 700 }');
  });

  it('go on by the rule, wherever it stands and whoever its sources are, and end with it', () => {
    const [ssh, all] = RULES as [(typeof RULES)[0], (typeof RULES)[0]];
    const counts = new Map([
      ['rule_0', count],
      ['rule_1', { packets: 1, bytes: 1 }],
      ['foreign', count],
      ['denied', count],
    ]);
    const moved = { ...all, sources: ['100.64.0.9/32'] };
    const other = { ...ssh, services: [{ protocol: 6, firstPort: 23, lastPort: 23 }] };
    expect(keptCounts(counts, { rules: RULES }, { rules: [moved, other] })).toEqual(
      new Map([
        ['foreign', count],
        ['denied', count],
        ['rule_0', { packets: 1, bytes: 1 }],
      ]),
    );
    expect(keptCounts(counts, { rules: RULES }, undefined)).toEqual(new Map([['foreign', count]]));
  });
});
