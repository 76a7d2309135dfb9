import type { MapFilter } from './network-map.ts';
import { type Range, sweep } from './sweep.ts';

type Service = MapFilter['rules'][number]['services'][number];

/** Protocols with ports (IANA): TCP, DCCP, UDP, SCTP, UDP-Lite. What says ports and no protocol means each of them. */
export const WITH_PORTS: readonly number[] = [6, 33, 17, 132, 136];

/** Both ends belong to it. */
export interface OwnedPorts {
  first: number;
  last: number;
  owner: number;
}

/** Whose a packet is, by protocol and port: by the first of these three parts that has an answer. */
export interface ServiceOwners {
  /** Disjoint ranges in order, and the protocols that have them in common. */
  ports: { protocols: number[]; ranges: OwnedPorts[] }[];
  /** Whatever the port is. */
  protocols: { protocol: number; owner: number }[];
  /** Of everything else; null for nobody. */
  rest: number | null;
}

/**
 * What a list of services decides, read in its order, so that whoever is named first owns it: the same without an order, where one
 * look finds the owner. No services at all are all of them.
 */
export function serviceOwners(
  list: readonly { owner: number; services: readonly Service[] }[],
): ServiceOwners {
  const all = list.findIndex(({ services }) => services.length === 0 || services.some(isEverything));
  // Nothing behind what takes everything is ever asked.
  const asked = (all < 0 ? list : list.slice(0, all + 1)).flatMap(({ owner, services }) =>
    services.filter((service) => !isEverything(service)).map((service) => ({ ...service, owner })),
  );
  const rest = all < 0 ? null : (list[all]?.owner as number);
  const ports = new Map<string, ServiceOwners['ports'][number]>();
  const protocols: ServiceOwners['protocols'] = [];
  for (const protocol of new Set(asked.flatMap(protocolsOf))) {
    const own = asked.filter((service) => protocolsOf(service).includes(protocol));
    const whole = own.findIndex((service) => !hasPorts(service));
    const otherwise = whole < 0 ? rest : (own[whole]?.owner as number);
    if (otherwise !== null && otherwise !== rest) protocols.push({ protocol, owner: otherwise });
    const ranges = ownedPorts(whole < 0 ? own : own.slice(0, whole), otherwise);
    if (ranges.length === 0) continue;
    const key = JSON.stringify(ranges);
    const same = ports.get(key);
    if (same === undefined) ports.set(key, { protocols: [protocol], ranges });
    else same.protocols.push(protocol);
  }
  return { ports: [...ports.values()], protocols, rest };
}

/** Ranges in order of who owns them first, made disjoint, without those that `otherwise` has anyway. */
function ownedPorts(
  services: readonly (Service & { owner: number })[],
  otherwise: number | null,
): OwnedPorts[] {
  const ranges = services.map(
    ({ firstPort, lastPort }, owner): Range<number> => ({ from: firstPort, end: lastPort + 1, owner }),
  );
  const owned: OwnedPorts[] = [];
  sweep(ranges, (from, end, [first]) => {
    const { owner } = services[first as number] as { owner: number };
    if (owner === otherwise) return;
    const before = owned.at(-1);
    if (before?.owner === owner && before.last === from - 1) before.last = end - 1;
    else owned.push({ first: from, last: end - 1, owner });
  });
  return owned;
}

function isEverything(service: Service): boolean {
  return service.protocol === 0 && !hasPorts(service);
}

function hasPorts({ firstPort, lastPort }: Service): boolean {
  return firstPort !== 0 || lastPort !== 0;
}

function protocolsOf({ protocol }: Service): readonly number[] {
  return protocol === 0 ? WITH_PORTS : [protocol];
}
