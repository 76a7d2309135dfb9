import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { parseIp } from '../../shared/ip.ts';
import { systemRandom } from '../../shared/random.ts';
import type { NatKind } from '../paths/nat-kind.ts';
import { NatTest } from '../paths/nat-test.ts';
import { UdpAddress } from '../wireguard/udp-address.ts';

/** What NAT this host is behind in IPv4, found out with a UDP socket of its own. */
export interface NatFinding {
  kind: NatKind;
  /** Where the socket seemed to be, as `ADDRESS:PORT`, by server. */
  seen: { server: string; address: string }[];
}

/** Asks STUN servers, `ADDRESS:PORT` each; takes up to some 10 s. `addresses` are this host's own. */
export async function probeNat(
  servers: readonly { address: string; port: number }[],
  addresses: readonly string[],
): Promise<NatFinding> {
  const socket = createSocket('udp4');
  socket.bind(0);
  await once(socket, 'listening');
  try {
    const { port } = socket.address();
    const local = addresses.flatMap((text) => addressOf(text, port));
    const test = new NatTest(
      servers.flatMap(({ address, port }) => addressOf(address, port)),
      local,
      systemRandom,
      (target, bytes) => socket.send(bytes, target.port, target.addressBytes().join('.'), () => {}),
      performance.now(),
    );
    const news = () => Promise.withResolvers<void>();
    let heard = news();
    socket.on('message', (message: Buffer, { address, port }: RemoteInfo) => {
      const [source] = addressOf(address, port);
      if (source !== undefined) test.datagram(message, source, performance.now());
      heard.resolve();
    });
    while (!test.isDone) {
      const wait = Math.max(1, test.nextDeadline() - performance.now());
      const timer = setTimeout(() => heard.resolve(), Math.min(wait, 1_000));
      await heard.promise;
      clearTimeout(timer);
      heard = news();
      test.advance(performance.now());
    }
    const text = (address: UdpAddress) => `${address.addressBytes().join('.')}:${address.port}`;
    return {
      kind: test.kind,
      seen: test.observations.map(({ server, observed }) => ({
        server: text(server),
        address: text(observed),
      })),
    };
  } finally {
    socket.close();
  }
}

/** Empty for what is no IPv4 address. */
function addressOf(text: string, port: number): UdpAddress[] {
  const address = parseIp(text);
  return address?.length === 4 ? [UdpAddress.from(address, port)] : [];
}
