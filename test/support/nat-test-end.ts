/**
 * The test of the NAT, for tests of it, as programs in test hosts:
 *
 *     node nat-test-end.ts serve ADDRESS…            answers STUN on ports 3478 and 3479 of each; says "ready"
 *     node nat-test-end.ts test LOCAL SERVER:PORT…   prints what kind of NAT there is, as JSON
 */
import { createSocket } from 'node:dgram';
import { describeNat } from '../../agent/paths/nat-kind.ts';
import { NatTest } from '../../agent/paths/nat-test.ts';
import { UdpAddress } from '../../agent/wireguard/udp-address.ts';
import { serveStun } from '../../coordinator/stun/serve-stun.ts';
import { systemClock } from '../../shared/clock.ts';
import { type Endpoint, formatEndpoint, parseEndpoint } from '../../shared/endpoint.ts';
import { formatIp, parseIp } from '../../shared/ip.ts';
import { createLogger } from '../../shared/log.ts';
import { systemRandom } from '../../shared/random.ts';

function udp({ address, port }: Endpoint): UdpAddress {
  return UdpAddress.from(address, port);
}

async function serve(hosts: readonly string[]): Promise<void> {
  await serveStun({
    listen: hosts.map((host) => ({ host, port: 3478 })),
    alternatePort: undefined,
    isPublic: false,
    clock: systemClock,
    log: createLogger('warn', 'stun'),
  });
  console.log('ready');
}

function test(local: string, servers: readonly string[]): void {
  const socket = createSocket(local.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => {});
  socket.bind(0, local, () => {
    const own = { address: parseIp(local) as Uint8Array, port: socket.address().port };
    const natTest = new NatTest(
      servers.map((server) => udp(parseEndpoint(server) as Endpoint)),
      [udp(own)],
      systemRandom,
      (target, bytes) => socket.send(bytes, target.port, formatIp(target.addressBytes()), () => {}),
      performance.now(),
    );
    let timer: NodeJS.Timeout | undefined;
    const goOn = () => {
      clearTimeout(timer);
      if (natTest.isDone) {
        socket.close();
        const seen = natTest.observations.map(({ observed }) =>
          formatEndpoint({ address: observed.addressBytes(), port: observed.port }),
        );
        console.log(JSON.stringify({ ...natTest.kind, words: describeNat(natTest.kind), seen }));
        return;
      }
      timer = setTimeout(
        () => {
          natTest.advance(performance.now());
          goOn();
        },
        Math.max(0, natTest.nextDeadline() - performance.now()),
      );
    };
    socket.on('message', (message, from) => {
      const source = udp({ address: parseIp(from.address) as Uint8Array, port: from.port });
      natTest.datagram(new Uint8Array(message), source, performance.now());
      goOn();
    });
    goOn();
  });
}

const [verb, first = '', ...rest] = process.argv.slice(2);
if (verb === 'serve') await serve([first, ...rest]);
else test(first, rest);
