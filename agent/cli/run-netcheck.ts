import { describeError } from '../../shared/errors.ts';
import { pinnedAuthority } from '../../shared/pinned-authority.ts';
import { localAddresses } from '../host/local-addresses.ts';
import { askAgent } from '../local-api/client.ts';
import { State } from '../state/state.ts';
import type { Status } from '../status.ts';
import { DEFAULT_INTERFACE } from './options.ts';

/** Tries what the agent needs of this host's network and prints what came of it. */
export async function netcheck(folder: string, json: boolean): Promise<void> {
  const state = State.open(folder, { create: false });
  const identity = state.joinedIdentity();
  const status = await askAgent<Status>(state.socketPath, 'status').catch(() => null);
  const coordinators: {
    url: string;
    reachable: boolean;
    milliseconds: number | null;
    reason: string | null;
  }[] = [];
  for (const url of identity.urls) {
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
    coordinators,
  };
  process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : text(result));
}

function text(result: {
  addresses: { interface: string; cidr: string }[];
  endpoints: string[] | null;
  coordinators: { url: string; reachable: boolean; milliseconds: number | null; reason: string | null }[];
}): string {
  const lines = ['Addresses of this host:'];
  for (const address of result.addresses) lines.push(`  ${address.cidr} on ${address.interface}`);
  lines.push('Endpoints that peers are told of:');
  if (result.endpoints === null) lines.push('  none: the agent is not running');
  else for (const endpoint of result.endpoints) lines.push(`  ${endpoint}`);
  lines.push('Coordinator:');
  for (const { url, reachable, milliseconds, reason } of result.coordinators) {
    lines.push(`  ${url}: ${reachable ? `reached, TLS checked twice in ${milliseconds} ms` : reason}`);
  }
  return `${lines.join('\n')}\n`;
}
