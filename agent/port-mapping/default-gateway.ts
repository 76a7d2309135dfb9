import { runCommand } from '../host/run-command.ts';

/** The IPv4 router that this host reaches the Internet by, and this host's address in its network. */
export interface Gateway {
  address: string;
  own: string;
}

interface Route {
  gateway?: string;
  dev?: string;
  metric?: number;
  prefsrc?: string;
}

/** Null without one. Routes of `exceptInterface`, the tunnel's own, do not count. */
export async function defaultGateway(exceptInterface: string): Promise<Gateway | null> {
  const routes = JSON.parse(
    (await runCommand('ip', ['-j', '-4', 'route', 'show', 'default'])) || '[]',
  ) as Route[];
  const [best] = routes
    .filter(({ gateway, dev }) => gateway !== undefined && dev !== exceptInterface)
    .sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
  if (best?.gateway === undefined) return null;
  if (best.prefsrc !== undefined) return { address: best.gateway, own: best.prefsrc };
  const [towards] = JSON.parse(await runCommand('ip', ['-j', '-4', 'route', 'get', best.gateway])) as Route[];
  return towards?.prefsrc === undefined ? null : { address: best.gateway, own: towards.prefsrc };
}
