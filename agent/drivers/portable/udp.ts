import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { WarrenError } from '../../../shared/errors.ts';
import { formatIp, parseIp } from '../../../shared/ip.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import { UdpAddress } from '../../wireguard/udp-address.ts';
import { Zones } from './zones.ts';

const SOCKET_BUFFER = 7 << 20;

/** The two UDP sockets of a device, one a family, on one port, by node:dgram. */
export class DgramSockets {
  readonly port: number;
  readonly #four: Socket;
  readonly #six: Socket | null;
  readonly #zones = new Zones();
  sendErrors = 0;

  private constructor(four: Socket, six: Socket | null) {
    this.#four = four;
    this.#six = six;
    this.port = four.address().port;
  }

  /** Port 0 lets the system choose. `onDatagram` gets every datagram. Throws `in-use` when the port is taken. */
  static async open(
    port: number,
    onDatagram: (datagram: Uint8Array, source: UdpAddress) => void,
  ): Promise<DgramSockets> {
    for (let tries = 0; ; tries++) {
      const four = await bound('udp4', port);
      try {
        const six = await bound('udp6', four.address().port).catch((error: unknown) => {
          if (error instanceof WarrenError && error.code === 'unsupported') return null;
          throw error;
        });
        const sockets = new DgramSockets(four, six);
        sockets.#listen(onDatagram);
        return sockets;
      } catch (error) {
        four.close();
        // A port that the system chose for IPv4 can be taken for IPv6; another will be free.
        if (port !== 0 || tries === 16) throw error;
      }
    }
  }

  send(target: UdpAddress, buffer: PacketBuffer, offset: number, length: number): void {
    const socket = target.family === 4 ? this.#four : this.#six;
    const zone = target.scope === 0 ? '' : this.#zones.name(target.scope);
    if (socket === null || zone === null) {
      this.sendErrors++;
      return;
    }
    // The buffer is its owner's again when this returns, and dgram sends later.
    const copy = Buffer.from(buffer.bytes.subarray(offset, offset + length));
    const address = formatIp(target.addressBytes());
    socket.send(copy, target.port, zone === '' ? address : `${address}%${zone}`, (error) => {
      if (error !== null) this.sendErrors++;
    });
  }

  close(): void {
    this.#four.close();
    this.#six?.close();
  }

  #listen(onDatagram: (datagram: Uint8Array, source: UdpAddress) => void): void {
    for (const socket of [this.#four, this.#six]) {
      socket?.on('message', (datagram, remote) => {
        const source = addressOf(remote, this.#zones);
        if (source !== null) onDatagram(datagram, source);
      });
      socket?.on('error', () => this.sendErrors++);
    }
  }
}

async function bound(type: 'udp4' | 'udp6', port: number): Promise<Socket> {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.bind(port);
  try {
    await once(socket, 'listening');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EAFNOSUPPORT') throw new WarrenError('unsupported', `this host has no ${type}`, { cause });
    throw new WarrenError('in-use', `cannot bind UDP port ${port}: ${code}`, {
      hint: 'choose another port, or end what uses it',
      cause,
    });
  }
  for (const set of [
    () => socket.setRecvBufferSize(SOCKET_BUFFER),
    () => socket.setSendBufferSize(SOCKET_BUFFER),
  ]) {
    try {
      set();
    } catch {
      // The system's own size will do.
    }
  }
  return socket;
}

function addressOf(remote: RemoteInfo, zones: Zones): UdpAddress | null {
  const [text = '', zone] = remote.address.split('%');
  const address = parseIp(text);
  const scope = zone === undefined ? 0 : zones.index(zone);
  return address === null ? null : UdpAddress.from(address, remote.port, scope);
}
