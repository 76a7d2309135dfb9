import { existsSync } from 'node:fs';
import { runCommand } from './run-command.ts';

/** The routers of both families that this host reaches the rest of the world by, past one interface. */
export async function defaultRouters(exceptInterface: string): Promise<string[]> {
  const found = new Set<string>();
  for (const family of existsSync('/proc/net/if_inet6') ? ['-4', '-6'] : ['-4']) {
    const text = await runCommand('ip', [family, '-json', 'route', 'show', 'default']).catch(() => '');
    const routes = JSON.parse(text || '[]') as (Hop & { nexthops?: Hop[] })[];
    for (const { gateway, dev } of routes.flatMap((route) => [route, ...(route.nexthops ?? [])]))
      if (gateway !== undefined && dev !== exceptInterface) found.add(gateway);
  }
  return [...found];
}

interface Hop {
  gateway?: string;
  dev?: string;
}
