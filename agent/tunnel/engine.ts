import { WarrenError } from '../../shared/errors.ts';
import { wipe } from '../../shared/key.ts';
import { systemRandom } from '../../shared/random.ts';
import { cryptoReady } from '../wireguard/crypto.ts';
import { Device } from '../wireguard/device.ts';
import type { DeviceEvent } from '../wireguard/sink.ts';
import type { TunnelOptions, TunnelReply, TunnelRequest, TunnelSnapshot } from './commands.ts';
import type { Driver } from './driver.ts';
import { monotonicNow } from './monotonic.ts';

/** One tunnel inside its worker thread: a driver, a device between its two sides, and the requests of the main thread. */
export class Engine {
  readonly device: Device;
  readonly #driver: Driver;

  private constructor(driver: Driver, device: Device) {
    this.#driver = driver;
    this.device = device;
  }

  static async create(
    driver: Driver,
    options: TunnelOptions,
    onEvent: (event: DeviceEvent) => void,
  ): Promise<Engine> {
    await cryptoReady();
    const device = new Device(
      {
        createCipher: driver.createCipher,
        createBuffer: driver.createBuffer,
        followers: driver.followers,
        random: systemRandom,
        sink: {
          datagram: (target, buffer, offset, length) => driver.sendDatagram(target, buffer, offset, length),
          packet: (buffer, offset, length) => driver.writePacket(buffer, offset, length),
          event: onEvent,
        },
        wall: () => Date.now(),
        mtu: options.mtu,
        ...(options.lastTimestamp === undefined ? {} : { lastTimestamp: options.lastTimestamp }),
      },
      monotonicNow(),
    );
    return new Engine(driver, device);
  }

  /** Carries out one request. Never throws: what goes wrong is in the reply. */
  async answer(request: TunnelRequest): Promise<TunnelReply> {
    try {
      switch (request.verb) {
        case 'configure':
          await this.#driver.setSocket(request.socket);
          this.device.configure(request.device, monotonicNow());
          wipeSecrets(request);
          return { id: request.id, ok: true };
        case 'snapshot':
          return { id: request.id, ok: true, snapshot: this.#snapshot() };
        case 'close':
          return { id: request.id, ok: true };
      }
    } catch (error) {
      return { id: request.id, ok: false, ...plainError(error) };
    }
  }

  close(): void {
    this.device.close();
    this.#driver.close();
  }

  #snapshot(): TunnelSnapshot {
    const device = this.device.snapshot();
    const drops = Object.entries(this.#driver.counters()).filter(([, count]) => count > 0);
    Object.assign(device.counters, Object.fromEntries(drops));
    return { ...this.#driver.socket(), device };
  }
}

/** What of an error crosses to the main thread. */
export function plainError(error: unknown): { code: string; message: string; hint?: string } {
  if (error instanceof WarrenError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

/** The device has its own copies; those of the message are no longer needed. */
function wipeSecrets(request: TunnelRequest & { verb: 'configure' }): void {
  if (request.device.privateKey !== undefined) wipe(request.device.privateKey);
  for (const peer of request.device.peers ?? []) {
    if (peer.presharedKey !== undefined) wipe(peer.presharedKey);
  }
}
