import { release } from 'node:os';
import { type Contender, ends } from '../contender.ts';

/** No VPN: what the cable itself and the measuring programs can do. */
export const bare: Contender = {
  name: 'no VPN',
  version: `Linux ${release()}, veth`,
  kind: 'yardstick',
  async start(pair) {
    for (const { host, inner } of ends(pair)) await host.ip(`address add ${inner}/24 dev eth0`);
    return [];
  },
};
