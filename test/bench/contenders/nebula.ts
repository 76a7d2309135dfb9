import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runOk } from '../../support/process.ts';
import { type Contender, ends, INNER, OUTER, TUNNEL_MTU } from '../contender.ts';
import type { Program } from '../programs.ts';

/** Named with the version, for there may be several. Certificates made on the spot, everything allowed, the cipher that is its default. */
export function nebula({ file, version }: Program): Contender {
  return {
    ...{ name: `nebula ${version.replace(/[-+].*/, '')}`, version, kind: 'peer' },
    async start(pair) {
      const folder = pair.lab.directory('nebula');
      const inFolder = { cwd: folder };
      const nebulaCert = join(dirname(file), 'nebula-cert');
      await runOk(nebulaCert, ['ca', '-name', 'bench'], inFolder);
      return Promise.all(
        ends(pair).map(async ({ host, inner }, index) => {
          const name = `n${index}`;
          await runOk(nebulaCert, ['sign', '-name', name, '-ip', `${inner}/24`], inFolder);
          const everything = [{ port: 'any', proto: 'any', host: 'any' }];
          const config = {
            pki: {
              ca: join(folder, 'ca.crt'),
              cert: join(folder, `${name}.crt`),
              key: join(folder, `${name}.key`),
            },
            static_host_map: { [INNER.a]: [`${OUTER.a}:4242`], [INNER.b]: [`${OUTER.b}:4242`] },
            lighthouse: { am_lighthouse: false, hosts: [] },
            listen: { host: '0.0.0.0', port: 4242, batch: 128 },
            tun: { dev: `neb${index}`, mtu: TUNNEL_MTU, tx_queue: 1000 },
            firewall: { outbound: everything, inbound: everything },
            logging: { level: 'error' },
          };
          const path = join(folder, `${name}.yml`);
          writeFileSync(path, JSON.stringify(config)); // JSON is YAML
          return host.spawn(file, ['-config', path]);
        }),
      );
    },
  };
}
