import { WarrenError } from '../../../shared/errors.ts';
import type { SocketChange, SocketSnapshot, TunnelFacts } from '../../tunnel/commands.ts';
import type { Commands, Diversion, Driver, OpenDriver } from '../../tunnel/driver.ts';
import { monotonicNow } from '../../tunnel/monotonic.ts';
import type { CreateTransportCipher } from '../../wireguard/aead.ts';
import type { TunnelDevice } from '../../wireguard/data-path.ts';
import { NO_FOLLOWERS } from '../../wireguard/followers.ts';
import { type PacketBuffer, packetBuffer } from '../../wireguard/packet-buffer.ts';
import type { UdpAddress } from '../../wireguard/udp-address.ts';
import { sodiumCipher } from './aead.ts';
import { PortableTun } from './tun.ts';
import { DgramSockets } from './udp.ts';

/** The largest IP packet or UDP datagram, and room for padding behind it. */
const MAX_PACKET = 65_535 + 64;
const LONGEST_TIMEOUT = 2 ** 31 - 1;

export const openPortableDriver: OpenDriver = async (options) => {
  const cipher = await sodiumCipher();
  const tun = await PortableTun.open(options.interfaceName, options.mtu);
  const driver = new PortableDriver(tun, cipher, options.workers ?? 1);
  try {
    await driver.setSocket({ listenPort: 0 });
  } catch (error) {
    driver.close();
    throw error;
  }
  return driver;
};

/**
 * The data plane for where the Linux one cannot go: tuntap2, node:dgram and libsodium on the event loop, one packet at a time.
 */
class PortableDriver implements Driver {
  readonly facts: TunnelFacts;
  readonly createCipher: CreateTransportCipher;
  readonly createBuffer = packetBuffer;
  readonly followers = NO_FOLLOWERS;
  readonly sideSockets = null;
  diversion: Diversion | null = null;
  readonly #tun: PortableTun;
  readonly #packet = packetBuffer(MAX_PACKET);
  readonly #datagram = packetBuffer(MAX_PACKET);
  #sockets: DgramSockets | null = null;
  #onDatagram: (datagram: Uint8Array, source: UdpAddress) => void = () => {};
  #tunWriteErrors = 0;
  /** Of sockets that were closed since. */
  #earlierSendErrors = 0;

  constructor(tun: PortableTun, createCipher: CreateTransportCipher, workers: number) {
    this.#tun = tun;
    this.createCipher = createCipher;
    this.facts = {
      interfaceName: tun.name,
      driver: 'portable',
      workers: 1,
      cipher: 'libsodium-wrappers',
      offloads: { 'tun-tso': false, 'tun-uso': false, 'udp-gso': false, 'udp-gro': false },
      tellsNetworkChanges: false,
      notes: workers > 1 ? ['the portable driver has one worker only'] : [],
    };
  }

  async setSocket(change: SocketChange): Promise<void> {
    if (change.fwmark !== undefined && change.fwmark !== 0) {
      throw new WarrenError('unsupported', 'the portable driver cannot set a fwmark', {
        hint: 'use the linux driver',
      });
    }
    const port = change.listenPort;
    const before = this.#sockets;
    if (port === undefined || (before !== null && port !== 0 && port === before.port)) return;
    this.#sockets = await DgramSockets.open(port, (datagram, source) => this.#onDatagram(datagram, source));
    this.#earlierSendErrors += before?.sendErrors ?? 0;
    before?.close();
  }

  socket(): SocketSnapshot {
    return { listenPort: this.#sockets?.port ?? 0, fwmark: 0 };
  }

  sendDatagram(target: UdpAddress, buffer: PacketBuffer, offset: number, length: number): void {
    if (this.diversion?.(target, buffer, offset, length, length)) return;
    this.#sockets?.send(target, buffer, offset, length);
  }

  writePacket(buffer: PacketBuffer, offset: number, length: number): void {
    if (!this.#tun.write(buffer.bytes.subarray(offset, offset + length))) this.#tunWriteErrors++;
  }

  run(device: TunnelDevice, commands: Commands): Promise<'requested' | 'removed'> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | null = null;
      const end = (reason: 'requested' | 'removed') => {
        if (timer !== null) clearTimeout(timer);
        this.#onDatagram = () => {};
        resolve(reason);
      };
      const rearm = () => {
        if (timer !== null) clearTimeout(timer);
        const wait = device.nextDeadline() - monotonicNow();
        timer =
          wait === Number.POSITIVE_INFINITY
            ? null
            : setTimeout(advance, Math.min(LONGEST_TIMEOUT, Math.max(0, Math.ceil(wait))));
      };
      const advance = () => {
        device.advance(monotonicNow());
        rearm();
      };
      this.#onDatagram = (datagram, source) => {
        this.#datagram.bytes.set(datagram);
        device.datagramFromNetwork(this.#datagram, 0, datagram.length, source, monotonicNow());
        rearm();
      };
      this.#tun.read(
        (packet) => {
          this.#packet.bytes.set(packet);
          device.packetFromTunnel(this.#packet, 0, packet.length, monotonicNow());
          rearm();
        },
        () => end('removed'),
      );
      commands.onWake(() => {
        Promise.resolve(commands.run()).then((goOn) => {
          if (goOn) rearm();
          else end('requested');
        }, reject);
      });
      rearm();
    });
  }

  close(): void {
    this.#sockets?.close();
    this.#sockets = null;
    this.#tun.close();
  }

  counters(): Record<string, number> {
    return {
      'udp-send-errors': this.#earlierSendErrors + (this.#sockets?.sendErrors ?? 0),
      'tun-write-errors': this.#tunWriteErrors,
    };
  }
}
