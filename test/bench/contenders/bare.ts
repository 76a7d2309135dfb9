import { run } from '../../support/process.ts';
import { type Contender, ends } from '../contender.ts';

/** No VPN: what the cable itself and the measuring programs can do. */
export const bare: Contender = {
  name: 'no VPN',
  version: async () => `Linux ${(await run('uname', ['-r'])).stdout.trim()}, veth`,
  async start(pair) {
    for (const { host, inner } of ends(pair)) await host.ip(`address add ${inner}/24 dev eth0`);
    return [];
  },
};
