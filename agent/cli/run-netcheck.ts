import { lookup } from 'node:dns/promises';
import { describeError } from '../../shared/errors.ts';
import { pinnedAuthority } from '../../shared/pinned-authority.ts';
import { printJson } from '../../shared/print-json.ts';
import { asCalled } from '../../shared/program-name.ts';
import { localAddresses } from '../host/local-addresses.ts';
import { askAgent } from '../local-api/client.ts';
import { coordinatorUrls } from '../mesh/coordinator-urls.ts';
import type { NetworkMap } from '../mesh/network-map.ts';
import { describeNat } from '../paths/nat-kind.ts';
import { State } from '../state/state.ts';
import type { Status } from '../status.ts';
import { type NatFinding, probeNat } from './nat-probe.ts';
import { DEFAULT_INTERFACE } from './options.ts';
import { savedMap } from './saved-map.ts';

/** Tries what the agent needs of this host's network and prints what came of it. */
export async function netcheck(folder: string, json: boolean): Promise<void> {
  const state = State.open(folder, { create: false });
  const identity = state.joinedIdentity();
  const map = savedMap(state);
  const status = await askAgent<Status>(state.socketPath, 'status').catch(() => null);
  const coordinators: {
    url: string;
    reachable: boolean;
    milliseconds: number | null;
    reason: string | null;
  }[] = [];
  for (const url of coordinatorUrls(identity.urls, map)) {
    const begin = performance.now();
    const reason = await pinnedAuthority(url, Buffer.from(identity.pin, 'base64')).then(
      () => null,
      (error: unknown) => describeError(error),
    );
    const milliseconds = reason === null ? Math.round((performance.now() - begin) * 10) / 10 : null;
    coordinators.push({ url, reachable: reason === null, milliseconds, reason });
  }
  const interfaceName = status?.self.interface ?? state.settings()?.interfaceName ?? DEFAULT_INTERFACE;
  const result = {
    addresses: localAddresses(interfaceName).map(({ interfaceName: name, cidr }) => ({
      interface: name,
      cidr,
    })),
    endpoints: status?.self.endpoints ?? null,
    outside: status?.self.outside ?? null,
    portMapping: status?.self.portMapping ?? null,
    nat: await natOf(state, map),
    relays: status?.self.relays ?? null,
    coordinators,
  };
  if (json) printJson(result);
  else process.stdout.write(asCalled(text(result)));
}

/** Null where no STUN server is known, for no map was ever heard. */
async function natOf(
  state: State,
  map: NetworkMap | null,
): Promise<{ description: string; finding: NatFinding } | null> {
  if (map === null) return null;
  const own = state.settings()?.stunServers ?? [];
  const servers = [
    ...map.self.stunServers,
    ...own.map(({ host, port }) => ({ host, port, alternatePort: port })),
  ];
  const resolved = await Promise.all(
    servers.map(async ({ host, port, alternatePort }) => {
      const found = await lookup(host, { all: true, family: 4 }).catch(() => []);
      return found.map(({ address }) => ({ address, port, alternatePort }));
    }),
  );
  // First every server's first port: the test asks the first to answer from its other one, which must not be sent to before.
  const known = resolved.flat();
  if (known.length === 0) return null;
  const addresses = localAddresses('').map(({ address }) => address);
  const asked = [...known, ...known.map(({ address, alternatePort }) => ({ address, port: alternatePort }))];
  const finding = await probeNat(asked, addresses);
  return { description: describeNat(finding.kind), finding };
}

function text(result: {
  addresses: { interface: string; cidr: string }[];
  endpoints: string[] | null;
  outside: string[] | null;
  portMapping: Status['self']['portMapping'];
  nat: { description: string; finding: NatFinding } | null;
  relays: Status['self']['relays'] | null;
  coordinators: { url: string; reachable: boolean; milliseconds: number | null; reason: string | null }[];
}): string {
  const lines = ['Addresses of this host:'];
  for (const address of result.addresses) lines.push(`  ${address.cidr} on ${address.interface}`);
  lines.push('Endpoints that peers are told of:');
  if (result.endpoints === null) lines.push('  none: the agent is not running');
  else for (const endpoint of result.endpoints) lines.push(`  ${endpoint}`);
  lines.push('NAT in IPv4:');
  if (result.nat === null) lines.push('  not tried: no STUN server is known yet; join first');
  else {
    lines.push(`  ${result.nat.description}`);
    for (const { server, address } of result.nat.finding.seen) lines.push(`  ${server} sees ${address}`);
  }
  lines.push('Seen from outside, by STUN:');
  if (result.outside === null) lines.push('  not tried: the agent is not running');
  else
    for (const [family, isSix] of [
      ['IPv4', false],
      ['IPv6', true],
    ] as const) {
      const seen = result.outside.filter((endpoint) => endpoint.startsWith('[') === isSix);
      lines.push(`  ${family}: ${seen.join(' ') || 'no answer'}`);
    }
  lines.push('Port mapping:');
  const { portMapping } = result;
  if (result.endpoints === null) lines.push('  not tried: the agent is not running');
  else if (portMapping === null)
    lines.push('  none: no gateway offers PCP, NAT-PMP or UPnP, or none is needed');
  else lines.push(`  ${portMapping.endpoint}, by ${portMapping.protocol}`);
  lines.push('Relays:');
  if (result.relays === null) lines.push('  not tried: the agent is not running');
  else if (result.relays.length === 0) lines.push('  none in this network');
  else
    for (const { id, state, latencyMs, home } of result.relays)
      lines.push(
        `  ${id}: ${latencyMs === null ? state : `${latencyMs.toFixed(1)} ms`}${home ? ', home' : ''}`,
      );
  lines.push('Coordinator:');
  for (const { url, reachable, milliseconds, reason } of result.coordinators) {
    lines.push(`  ${url}: ${reachable ? `reached, TLS checked twice in ${milliseconds} ms` : reason}`);
  }
  return `${lines.join('\n')}\n`;
}
