import { join } from 'node:path';
import { runOk } from '../../support/process.ts';
import { type Contender, ends, TUNNEL_MTU } from '../contender.ts';
import type { Program } from '../programs.ts';

/** In user space over UDP, with WireGuard's cipher; both ends know the other's certificate. */
export function openvpn({ file, version }: Program): Contender {
  return {
    ...{ name: 'openvpn', version, kind: 'peer' },
    async start(pair) {
      const folder = pair.lab.directory('openvpn');
      const certificates = await Promise.all(
        ends(pair).map(async ({ inner }) => {
          const [key, certificate] = [join(folder, `${inner}.key`), join(folder, `${inner}.crt`)];
          await runOk('openssl', [
            ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
            ...['-subj', `/CN=${inner}`, '-days', '30', '-keyout', key, '-out', certificate],
          ]);
          const said = await runOk('openssl', [
            ...['x509', '-in', certificate, '-noout', '-fingerprint', '-sha256'],
          ]);
          return { key, certificate, fingerprint: said.split('=')[1]!.trim() };
        }),
      );
      const children = ends(pair).map(({ host, outer, inner, far }, index) => {
        const own = certificates[index]!;
        return host.spawn(file, [
          ...['--dev', 'tun', '--proto', 'udp', '--local', outer, '--remote', far.outer],
          ...(index === 0 ? ['--tls-client'] : ['--tls-server', '--dh', 'none']),
          ...['--key', own.key, '--cert', own.certificate],
          ...['--peer-fingerprint', certificates[1 - index]!.fingerprint],
          ...['--ifconfig', inner, far.inner, '--tun-mtu', String(TUNNEL_MTU)],
          ...['--cipher', 'CHACHA20-POLY1305', '--data-ciphers', 'CHACHA20-POLY1305', '--disable-dco'],
        ]);
      });
      await Promise.all(children.map((child) => child.waitForOutput(/Initialization Sequence Completed/)));
      return children;
    },
  };
}
