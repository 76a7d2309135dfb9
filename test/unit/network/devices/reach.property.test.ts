import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceState } from '../../../../coordinator/network/devices/device-file.ts';
import { type IpBytes, parseIp } from '../../../../shared/ip.ts';
import { DeviceMesh, type MeshNode, meshNode } from '../../../support/device-mesh.ts';
import { directlyAllowed, policyNode, type RawPolicy, randomPolicy } from '../../../support/policies.ts';

const AGENTS = 10;
const DEVICES = 4;
/** One that policies name by port, and one that they do not. */
const SERVICES = [
  [6, 22],
  [6, 5000],
] as const;
const OWNERS = ['alice@example.com', 'bob', ''];

const agentNumber = fc.integer({ min: 1, max: AGENTS });
const deviceNumber = fc.integer({ min: AGENTS + 1, max: AGENTS + DEVICES });
const preferred = fc.option(agentNumber);
const what = { tags: fc.subarray(['web', 'db']), owner: fc.constantFrom(...OWNERS) };

/** What may become of a network. */
const event = fc.oneof(
  {
    arbitrary: fc.record({ kind: fc.constant('hand-out' as const), device: deviceNumber, preferred }),
    weight: 5,
  },
  { arbitrary: fc.record({ kind: fc.constant('online' as const), agent: agentNumber }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('dialled' as const), agent: agentNumber }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('remove' as const), device: deviceNumber }), weight: 1 },
  {
    arbitrary: fc.record({ kind: fc.constant('policy' as const), policy: fc.option(randomPolicy) }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('is' as const),
      node: fc.oneof(agentNumber, deviceNumber),
      ...what,
    }),
    weight: 1,
  },
);

class World {
  policy: RawPolicy | null = null;
  readonly #nodes = new Map<number, MeshNode>();
  #clock = 100;

  constructor(dialled: readonly number[]) {
    for (let n = 1; n <= AGENTS; n++) {
      const reachableEndpoints = dialled.includes(n) ? [endpointOf(n)] : [];
      this.#nodes.set(n, meshNode(`n${n}`, n, { reachableEndpoints, acceptsRoutes: n % 2 === 0 }));
    }
  }

  nodes(): MeshNode[] {
    return [...this.#nodes.values()];
  }

  mesh(): DeviceMesh {
    return new DeviceMesh(
      this.nodes(),
      this.policy === null ? null : { document: JSON.stringify(this.policy) },
    );
  }

  change(n: number, changes: Partial<MeshNode>): void {
    const node = this.#nodes.get(n);
    if (node !== undefined) this.#nodes.set(n, { ...node, ...changes });
  }

  node(n: number): MeshNode | undefined {
    return this.#nodes.get(n);
  }

  remove(n: number): void {
    this.#nodes.delete(n);
  }

  handOutIfOutOfDate(n: number): void {
    if (this.mesh().files.whyOutOfDate(`n${n}`).length > 0)
      this.#give(n, this.#nodes.get(n)?.device?.preferred);
  }

  /** As the store does it: a device that is not there is added. */
  handOut(n: number, gateway: number | null): void {
    this.#give(n, gateway === null ? undefined : `n${gateway}`);
  }

  #give(n: number, preferred: string | undefined): void {
    const added = !this.#nodes.has(n);
    const wantsNames = false;
    const chosen = preferred === undefined ? {} : { preferred };
    if (added) {
      const file = { addresses: [], resolvers: [], searchDomain: null, peers: [] };
      const device: DeviceState = { file, handedOutAt: 0, wantsNames };
      this.#nodes.set(n, meshNode(`n${n}`, n, { online: false, createdAt: this.#clock++, device }));
    }
    const node = this.#nodes.get(n) as MeshNode;
    const last = added ? null : (node.device?.file ?? null);
    const file = this.mesh().files.wanted(node, { wantsNames, ...chosen }, last);
    if (file !== null) this.change(n, { device: { file, handedOutAt: 0, wantsNames, ...chosen } });
    else if (added) this.remove(n);
  }
}

function endpointOf(n: number): string {
  return `192.0.2.${n}:51820`;
}

/** Pairs of members of which one is a device, and what passes from the first to the second against what the document says. */
function compare(world: World, mesh: DeviceMesh): void {
  const isGood = ({ id }: MeshNode) => mesh.files.whyOutOfDate(id).length === 0;
  const nodes = world.nodes();
  const told = nodes.map((node) =>
    policyNode(0, {
      id: node.id,
      address4: node.address4,
      address6: node.address6,
      tags: node.tags,
      owner: node.owner,
    }),
  );
  for (const [i, from] of nodes.entries()) {
    for (const [j, to] of nodes.entries()) {
      if (i === j || (from.device === null && to.device === null)) continue;
      for (const family of ['address4', 'address6'] as const) {
        const [source, destination] = [from[family], to[family]];
        const bytes = [source, destination].map((text) => parseIp(text) as IpBytes);
        for (const [protocol, port] of SERVICES) {
          const packet = { source: bytes[0]!, destination: bytes[1]!, protocol, port };
          const isGranted = world.policy === null || directlyAllowed(world.policy, told, told[j]!, packet);
          const passes = mesh.passes(from.id, to.id, { source, destination, protocol, port });
          if (passes === isGranted || (!passes && (!isGood(from) || !isGood(to)))) continue;
          expect.fail(
            `${from.id} to ${to.id} (${destination}, port ${port}): granted ${isGranted}, passes ${passes}\n${nodes
              .filter(({ device }) => device)
              .map(
                ({ id, device }) =>
                  `${id}: ${JSON.stringify(device?.file.peers.map(({ nodeId, allowedIps }) => [nodeId, allowedIps]))}`,
              )
              .join('\n')}`,
          );
        }
      }
    }
  }
}

describe('plain WireGuard devices of random networks', () => {
  it('SEC-36: reach and are reached by whom the policy lets, and nobody else, or are told that a file is out of date', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(agentNumber, { minLength: 2 }),
        fc.option(randomPolicy),
        fc.array(fc.record(what), { minLength: AGENTS + DEVICES, maxLength: AGENTS + DEVICES }),
        fc.array(event, { minLength: 4, maxLength: 12 }),
        (dialled, policy, identities, events) => {
          const world = new World(dialled);
          world.policy = policy;
          for (let n = AGENTS + 1; n <= AGENTS + 2; n++)
            world.handOut(n, dialled[n % dialled.length] as number);
          for (const [index, is] of identities.entries()) world.change(index + 1, is);
          for (const each of events) {
            if (each.kind === 'hand-out') world.handOut(each.device, each.preferred);
            else if (each.kind === 'online') {
              world.change(each.agent, { online: !world.node(each.agent)?.online });
            } else if (each.kind === 'dialled') {
              const isDialled = (world.node(each.agent)?.reachableEndpoints.length ?? 0) > 0;
              world.change(each.agent, { reachableEndpoints: isDialled ? [] : [endpointOf(each.agent)] });
            } else if (each.kind === 'remove') world.remove(each.device);
            else if (each.kind === 'policy') world.policy = each.policy;
            else world.change(each.node, { tags: each.tags, owner: each.owner });
            compare(world, world.mesh());
          }
          if (world.nodes().every(({ reachableEndpoints }) => reachableEndpoints.length === 0)) return;
          // One may have been given its own too early to know of what another was given.
          for (let round = 0; round < 2; round++) {
            for (let n = AGENTS + 1; n <= AGENTS + DEVICES; n++) world.handOutIfOutOfDate(n);
          }
          const mesh = world.mesh();
          expect(world.nodes().flatMap(({ id }) => mesh.files.whyOutOfDate(id))).toEqual([]);
          compare(world, mesh);
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);
});
