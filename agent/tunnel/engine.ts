import { WarrenError } from '../../shared/errors.ts';
import { wipe } from '../../shared/key.ts';
import { systemRandom } from '../../shared/random.ts';
import { cryptoReady } from '../wireguard/crypto.ts';
import type { TunnelDevice } from '../wireguard/data-path.ts';
import { Device } from '../wireguard/device.ts';
import { endpointOf } from '../wireguard/udp-address.ts';
import type {
  RelayedDatagrams,
  TunnelEvent,
  TunnelOptions,
  TunnelReply,
  TunnelRequest,
  TunnelSnapshot,
} from './commands.ts';
import type { Driver } from './driver.ts';
import { monotonicNow } from './monotonic.ts';
import type { PathDevice, PathHooks } from './path-device.ts';
import { pathSnapshot, pathsChange, plainPath } from './plain-paths.ts';
import { RelayBacklog } from './relay-backlog.ts';

/** A wall clock that is so far from what it was expected to be was set, not slewed. Milliseconds. */
const CLOCK_SET = 500;

/** One tunnel inside its worker thread: a driver, a device between its two sides, and the requests of the main thread. */
export class Engine {
  /** What the driver runs. */
  readonly device: TunnelDevice;
  readonly #device: Device;
  readonly #paths: PathDevice | null;
  readonly #driver: Driver;
  readonly #backlog: RelayBacklog;
  /** What the wall clock said when the tunnel's said 0. */
  #epoch = 0;

  private constructor(driver: Driver, device: Device, paths: PathDevice | null, backlog: RelayBacklog) {
    this.#backlog = backlog;
    this.#driver = driver;
    this.#device = device;
    this.#paths = paths;
    this.device = paths ?? device;
  }

  static async create(
    driver: Driver,
    options: TunnelOptions,
    tell: (event: TunnelEvent) => void,
  ): Promise<Engine> {
    await cryptoReady();
    let paths: PathDevice | null = null;
    const backlog = new RelayBacklog(options.relayBacklog);
    const device = new Device(
      {
        createCipher: driver.createCipher,
        createBuffer: driver.createBuffer,
        followers: driver.followers,
        random: systemRandom,
        sink: {
          datagram: (target, buffer, offset, length) => driver.sendDatagram(target, buffer, offset, length),
          packet: (buffer, offset, length) => driver.writePacket(buffer, offset, length),
          event: (event) => {
            if (!paths?.deviceEvent(event)) tell({ event: 'device', device: event });
          },
        },
        wall: () => Date.now(),
        mtu: options.mtu,
        ...(options.lastTimestamp === undefined ? {} : { lastTimestamp: options.lastTimestamp }),
      },
      monotonicNow(),
    );
    if (options.findsPaths) {
      // A plain tunnel does without its code.
      const { PathDevice } = await import('./path-device.ts');
      paths = new PathDevice(device, driver, systemRandom, pathHooks(tell, backlog));
    }
    return new Engine(driver, device, paths, backlog);
  }

  /** Carries out one request. Never throws: what goes wrong is in the reply. */
  async answer(request: TunnelRequest): Promise<TunnelReply> {
    try {
      switch (request.verb) {
        case 'configure':
          await this.#driver.setSocket(request.socket);
          this.#device.configure(request.device, monotonicNow());
          this.#paths?.configured(request.device, monotonicNow());
          wipeSecrets(request);
          return { id: request.id, ok: true };
        case 'paths':
          this.#paths?.setPaths(pathsChange(request.paths), monotonicNow());
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

  /** Takes what the relay brought. */
  relayed({ publicKey, bytes, segmentSize }: RelayedDatagrams): void {
    this.#backlog.arrived('in', bytes.length);
    this.#paths?.relayed(publicKey, bytes, segmentSize, monotonicNow());
  }

  close(): void {
    this.#paths?.close();
    this.#device.close();
    this.#driver.close();
  }

  #snapshot(): TunnelSnapshot {
    const device = this.#device.snapshot();
    const counters = {
      ...this.#driver.counters(),
      ...this.#paths?.counters(),
      ...this.#backlog.counters(),
    };
    const drops = Object.entries(counters).filter(([, count]) => count > 0);
    Object.assign(device.counters, Object.fromEntries(drops));
    const epoch = this.#wallEpoch();
    for (const peer of device.peers) if (peer.lastHandshake > 0) peer.lastHandshake += epoch;
    const paths = new Map(
      Array.from(this.#paths?.status() ?? [], ([key, status]) => [key, pathSnapshot(status, epoch)]),
    );
    return { ...this.#driver.socket(), device, paths };
  }

  /** As it was, unless the wall clock was set: a moment that was told once is told again as the same. */
  #wallEpoch(): number {
    const epoch = Date.now() - monotonicNow();
    if (Math.abs(epoch - this.#epoch) > CLOCK_SET) this.#epoch = Math.round(epoch);
    return this.#epoch;
  }
}

function pathHooks(tell: (event: TunnelEvent) => void, backlog: RelayBacklog): PathHooks {
  return {
    relay: (publicKey, bytes, segmentSize) => {
      if (!backlog.take('out', bytes.length, Math.ceil(bytes.length / segmentSize))) return;
      // A part of a larger buffer would bring all of it along.
      tell({ event: 'relay', publicKey, bytes: new Uint8Array(bytes), segmentSize });
    },
    reflexive: ({ addresses, nat }) =>
      tell({ event: 'reflexive', endpoints: addresses.map(endpointOf), nat }),
    router: (publicKey, reach) => tell({ event: 'router', publicKey, ...reach }),
    event: (publicKey, event) => {
      if (event.kind === 'sprayed') {
        const { found, probes, sockets } = event;
        tell({ event: 'sprayed', publicKey, found, probes, sockets });
        return;
      }
      const { from, to, why } = event;
      tell({ event: 'path-changed', publicKey, from: plainPath(from), to: plainPath(to), why });
    },
  };
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
