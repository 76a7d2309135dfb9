import { MeshHost } from './mesh-host.ts';
import type { MeshWorld } from './mesh-world.ts';
import type { Nat, NatBehaviour } from './network.ts';

/** The two hosts of a scenario, and what of their surroundings can be disturbed. */
export interface Pair {
  a: MeshHost;
  b: MeshHost;
  /** The NAT before `a`, if it has one. */
  nat?: Nat;
}

export interface Scenario {
  name: string;
  /** `sprayed`: a direct path that takes the birthday technique, which now and then fails. */
  expect: 'lan' | 'direct' | 'sprayed' | 'relay';
  build(world: MeshWorld): Pair;
}

const CONE: NatBehaviour = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  ports: 'preserved',
  hairpin: false,
  timeout: 30_000,
  blocked: false,
};

const A = '203.0.113.1';
const B = '203.0.113.2';

/** Any of the easy kinds: full cone, restricted, port-restricted; ports kept or not; hairpin or not. */
function anyCone({ random }: MeshWorld): NatBehaviour {
  return {
    ...CONE,
    filtering: pick(random, ['endpoint-independent', 'address-dependent', 'address-and-port-dependent']),
    ports: pick(random, ['preserved', 'random', 'sequential']),
    hairpin: random.next() < 0.5,
    timeout: 30_000 + random.next() * 60_000,
  };
}

/** Another port for each destination, at random or one after the other. */
function symmetric({ random }: MeshWorld): NatBehaviour {
  return {
    ...CONE,
    mapping: pick(random, ['address-and-port-dependent', 'address-dependent']),
    ports: pick(random, ['random', 'sequential']),
  };
}

function pick<T>(random: { next(): number }, items: readonly T[]): T {
  return items[Math.floor(random.next() * items.length)] as T;
}

function host(world: MeshWorld, ...interfaces: ConstructorParameters<typeof MeshHost>[1]): MeshHost {
  return new MeshHost(world, interfaces);
}

function behind(world: MeshWorld, ip: string, behaviour: NatBehaviour, inner: string) {
  const { site, nat } = world.natted(ip, behaviour);
  return { host: host(world, { ip: inner, segment: site }), nat };
}

function twoNats(world: MeshWorld, left: NatBehaviour, right: NatBehaviour): Pair {
  const a = behind(world, A, left, '192.168.1.10');
  const b = behind(world, B, right, '192.168.1.20');
  return { a: a.host, b: b.host, nat: a.nat };
}

/** One inner network, cone-NATed by whatever stands above it. */
function behindTwo(world: MeshWorld, ip: string, inner: string, above: ReturnType<MeshWorld['natted']>) {
  return host(world, {
    ip: inner,
    segment: world.natted(ip, { ...anyCone(world), hairpin: false }, above.site).site,
  });
}

export const SCENARIOS: readonly Scenario[] = [
  {
    //  internet ── NAT ─┬─ a
    //                   └─ b
    name: 'on the same LAN',
    expect: 'lan',
    build(world) {
      const { site, nat } = world.natted(A, anyCone(world));
      const [a, b] = [10, 11].map((n) => host(world, { ip: `192.168.1.${n}`, segment: site })) as [
        MeshHost,
        MeshHost,
      ];
      return { a, b, nat };
    },
  },
  {
    //  a ── NAT ── internet ── b
    name: 'one public',
    expect: 'direct',
    build(world) {
      const { host: a, nat } = behind(world, A, anyCone(world), '192.168.1.10');
      return { a, b: host(world, { ip: B, segment: world.internet }), nat };
    },
  },
  {
    //  a ── hard NAT ── internet ── b
    name: 'one public, the other behind a hard NAT',
    expect: 'direct',
    build(world) {
      const { host: a, nat } = behind(world, A, symmetric(world), '192.168.1.10');
      return { a, b: host(world, { ip: B, segment: world.internet }), nat };
    },
  },
  {
    //  a ── NAT ── internet ── NAT ── b        (the same private prefix on both sides)
    name: 'cone and cone',
    expect: 'direct',
    build: (world) => twoNats(world, anyCone(world), anyCone(world)),
  },
  {
    name: 'easy cone and symmetric',
    expect: 'direct',
    build: (world) =>
      twoNats(
        world,
        { ...anyCone(world), filtering: pick(world.random, ['endpoint-independent', 'address-dependent']) },
        symmetric(world),
      ),
  },
  {
    name: 'port-restricted cone and symmetric',
    expect: 'sprayed',
    build: (world) => {
      const cone = { ...anyCone(world), filtering: 'address-and-port-dependent' as const };
      const hard = { ...symmetric(world), mapping: 'address-and-port-dependent' as const };
      return world.random.next() < 0.5 ? twoNats(world, cone, hard) : twoNats(world, hard, cone);
    },
  },
  {
    name: 'symmetric and symmetric',
    expect: 'relay',
    build: (world) => twoNats(world, symmetric(world), symmetric(world)),
  },
  {
    //  a ── NAT ── NAT ── internet ── NAT ── b
    name: 'two NATs in a row',
    expect: 'direct',
    build(world) {
      const carrier = world.natted(A, anyCone(world));
      const a = behindTwo(world, '100.100.0.5', '192.168.1.10', carrier);
      return { a, b: behind(world, B, anyCone(world), '192.168.1.20').host, nat: carrier.nat };
    },
  },
  {
    //  a ── NAT ─┐
    //            ├─ NAT that hairpins ── internet
    //  b ── NAT ─┘
    name: 'hairpin, both behind one NAT',
    expect: 'direct',
    build(world) {
      const carrier = world.natted(A, { ...anyCone(world), hairpin: true });
      const a = behindTwo(world, '100.100.0.5', '192.168.1.10', carrier);
      const b = behindTwo(world, '100.100.0.6', '192.168.1.20', carrier);
      return { a, b, nat: carrier.nat };
    },
  },
  {
    name: 'UDP blocked entirely',
    expect: 'relay',
    build: (world) => twoNats(world, { ...CONE, blocked: true }, anyCone(world)),
  },
  {
    name: 'IPv6-only and IPv4-only',
    expect: 'relay',
    build(world) {
      const six = '2001:db8:1::10';
      const a = host(world, { ip: six, segment: world.firewalled([six]) });
      return { a, b: behind(world, B, anyCone(world), '192.168.1.20').host };
    },
  },
  {
    //  a ═ hard NAT for IPv4, firewall for IPv6 ═ internet ═ the same ═ b
    name: 'IPv6 behind firewalls, beside hard NATs',
    expect: 'direct',
    build(world) {
      const [a, b] = [A, B].map((ip, i) => {
        const six = `2001:db8:${i + 1}::10`;
        const { site } = world.natted(ip, symmetric(world));
        return host(
          world,
          { ip: `192.168.${i}.10`, segment: site },
          { ip: six, segment: world.firewalled([six]) },
        );
      }) as [MeshHost, MeshHost];
      return { a, b };
    },
  },
];

/** The scenario of this name. */
export function scenario(name: string): Scenario {
  const found = SCENARIOS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no scenario ${name}`);
  return found;
}
