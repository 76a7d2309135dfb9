import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from '../../support/process.ts';
import { type Contender, ends, TUNNEL_MTU } from '../contender.ts';
import type { Program } from '../programs.ts';

/** tinc 1.0 in router mode, with the ciphers that its documentation recommends over the old default. */
export function tinc({ file, version }: Program): Contender {
  return {
    ...{ name: 'tinc', version, kind: 'peer' },
    async start(pair) {
      const folder = pair.lab.directory('tinc');
      const sides = await Promise.all(
        ends(pair).map(async (end, index) => {
          const [name, own] = [`n${index}`, join(folder, `n${index}`)];
          mkdirSync(join(own, 'hosts'), { recursive: true });
          const setUp = `ip address add ${end.inner}/24 dev $INTERFACE; ip link set $INTERFACE mtu ${TUNNEL_MTU} up`;
          writeFileSync(join(own, 'tinc-up'), `#!/bin/sh\n${setUp}\n`, { mode: 0o700 });
          const connect = index === 0 ? [] : ['ConnectTo = n0'];
          const config = [`Name = ${name}`, `Interface = tinc${index}`, 'Mode = router', ...connect];
          writeFileSync(join(own, 'tinc.conf'), `${config.join('\n')}\n`);
          const description = [`Address = ${end.outer}`, `Subnet = ${end.inner}/32`];
          const ciphers = ['Cipher = aes-256-cbc', 'Digest = sha256'];
          writeFileSync(join(own, 'hosts', name), `${[...description, ...ciphers].join('\n')}\n`);
          await runOk(file, ['--config', own, '--generate-keys=2048']); // without a terminal it asks nothing
          return { ...end, name, own };
        }),
      );
      const [first, second] = sides as [(typeof sides)[0], (typeof sides)[0]];
      copyFileSync(join(first.own, 'hosts', first.name), join(second.own, 'hosts', first.name));
      copyFileSync(join(second.own, 'hosts', second.name), join(first.own, 'hosts', second.name));
      return sides.map(({ host, own }) =>
        host.spawn(file, ['--config', own, '--no-detach', `--pidfile=${join(own, 'pid')}`]),
      );
    },
  };
}
