import { MessageChannel, Worker } from 'node:worker_threads';
import { WarrenError } from '../../../shared/errors.ts';
import type {
  OffloadName,
  SocketChange,
  SocketSnapshot,
  TunnelFacts,
  TunnelOptions,
} from '../../tunnel/commands.ts';
import type { Commands, Diversion, Driver, DriverHooks, OpenDriver } from '../../tunnel/driver.ts';
import { monotonicNow } from '../../tunnel/monotonic.ts';
import { workersByCores } from '../../tunnel/workers.ts';
import type { CreateTransportCipher } from '../../wireguard/aead.ts';
import type { TunnelDevice } from '../../wireguard/data-path.ts';
import { type Followers, NO_FOLLOWERS } from '../../wireguard/followers.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import { Publisher } from '../../wireguard/publisher.ts';
import type { UdpAddress } from '../../wireguard/udp-address.ts';
import { type ChosenCipher, linuxCipher } from './aead.ts';
import { Eventfd } from './eventfd.ts';
import { FollowerLink, type FollowerStart } from './follower-link.ts';
import { PacketLoop } from './loop.ts';
import { nativeBuffer } from './memory.ts';
import { NetworkChanges } from './network-changes.ts';
import { LinuxSideSockets } from './side-sockets.ts';
import { openGroup } from './socket-group.ts';
import { TunDevice } from './tun.ts';
import type { UdpSocket } from './udp.ts';

/** How often the device's MTU is looked up while packets flow, milliseconds. */
const MTU_INTERVAL = 5_000;

export const openLinuxDriver: OpenDriver = async (options, hooks) => {
  const notes: string[] = [];
  return new LinuxDriver(options, hooks, await linuxCipher(notes), notes);
};

/**
 * The data plane of Linux, in the tunnel's first worker thread. It opens the TUN device with a queue, and the UDP port with
 * a socket, for each worker, and starts the followers.
 */
class LinuxDriver implements Driver {
  readonly facts: TunnelFacts;
  readonly createCipher: CreateTransportCipher;
  readonly createBuffer = nativeBuffer;
  readonly followers: Followers;
  readonly sideSockets: LinuxSideSockets;

  readonly #tun: TunDevice;
  readonly #loop: PacketLoop;
  readonly #disabled: ReadonlySet<OffloadName>;
  readonly #links: FollowerLink[] = [];
  /** Followers signal by it that they have something to report. */
  readonly #reports: Eventfd | null;
  readonly #wakes: Eventfd[] = [];
  #changes: NetworkChanges | null = null;
  /** Those of all workers. */
  #sockets: readonly UdpSocket[] = [];
  #listenPort = 0;
  #fwmark = 0;
  #mtuReadAt = Number.NEGATIVE_INFINITY;

  constructor(options: TunnelOptions, hooks: DriverHooks, cipher: ChosenCipher, notes: string[]) {
    const workers = options.workers ?? workersByCores();
    this.#disabled = new Set(options.disableOffloads);
    this.createCipher = cipher.create;
    this.#tun = TunDevice.open(options.interfaceName, options.mtu, workers, this.#disabled, notes);
    this.#loop = new PacketLoop(this.#tun, 0);
    this.sideSockets = new LinuxSideSockets(this.#loop, () => this.#fwmark);
    this.#reports = workers > 1 ? Eventfd.open() : null;
    this.followers =
      workers > 1
        ? new Publisher(workers, (update, worker) => {
            for (const link of worker === undefined ? this.#links : this.#links.slice(worker - 1, worker))
              link.post(update);
          })
        : NO_FOLLOWERS;
    for (let worker = 1; worker < workers; worker++) this.#startFollower(worker, options.mtu);
    try {
      this.#bind(0, 0, notes);
    } catch (error) {
      this.close();
      throw error;
    }
    if (options.watchNetwork) this.#changes = networkChanges(hooks, notes);
    const sockets = [this.#loop.four, this.#loop.six];
    this.facts = {
      interfaceName: this.#tun.name,
      driver: 'linux',
      workers,
      cipher: cipher.name,
      tellsNetworkChanges: this.#changes !== null,
      offloads: {
        'tun-tso': this.#tun.tso,
        'tun-uso': this.#tun.uso,
        'udp-gso': sockets.some((socket) => socket?.segmentation),
        'udp-gro': sockets.some((socket) => socket?.coalescing),
      },
      notes,
    };
  }

  setSocket(change: SocketChange): void {
    const port = change.listenPort ?? this.#listenPort;
    const mark = change.fwmark ?? this.#fwmark;
    // First what may fail: new sockets have their mark from the start, and when there are none, all stays as it was.
    if (change.listenPort !== undefined && (port === 0 || port !== this.#listenPort)) {
      this.#bind(port, mark, []);
    }
    if (mark !== this.#fwmark) this.#setMark(mark);
  }

  get diversion(): Diversion | null {
    return this.#loop.diversion;
  }

  set diversion(diversion: Diversion | null) {
    this.#loop.diversion = diversion;
  }

  socket(): SocketSnapshot {
    return { listenPort: this.#listenPort, fwmark: this.#fwmark };
  }

  sendDatagram(target: UdpAddress, buffer: PacketBuffer, offset: number, length: number): void {
    this.#loop.sendDatagram(target, buffer, offset, length);
  }

  writePacket(buffer: PacketBuffer, offset: number, length: number): void {
    this.#loop.writePacket(buffer, offset, length);
  }

  run(device: TunnelDevice, commands: Commands): Promise<'requested' | 'removed'> {
    this.#loop.addWakeup(commands);
    if (this.#changes !== null) this.#loop.addWakeup(this.#changes);
    const reports = this.#reports;
    if (reports !== null) {
      this.#loop.addWakeup({
        wakeDescriptor: reports.descriptor,
        run: () => {
          reports.drain();
          for (const link of this.#links) this.#takeReports(link, device);
          return true;
        },
      });
    }
    return this.#loop.run(device, (now) => {
      if (now - this.#mtuReadAt > MTU_INTERVAL) this.#lookUpMtu(device, now);
    });
  }

  /** The descriptors are shared, so they are closed when no follower uses them any more. */
  close(): void {
    for (const link of this.#links.splice(0)) {
      if (!link.end()) throw new WarrenError('internal', 'a worker of the tunnel does not end');
    }
    for (const wake of this.#wakes.splice(0)) wake.close();
    this.#reports?.close();
    this.#changes?.close();
    this.sideSockets.closeAll();
    this.#loop.four?.close();
    this.#loop.six?.close();
    this.#loop.four = null;
    this.#loop.six = null;
    this.#tun.close();
  }

  counters(): Record<string, number> {
    const counts = this.#loop.counters();
    for (const link of this.#links) {
      for (const [name, count] of Object.entries(link.counts)) counts[name] = (counts[name] ?? 0) + count;
    }
    return counts;
  }

  #startFollower(worker: number, mtu: number): void {
    const { port1, port2 } = new MessageChannel();
    const wake = Eventfd.open();
    const link = new FollowerLink(port1, wake);
    this.#wakes.push(wake);
    this.#links.push(link);
    const { queues, tso, uso, vnetHeader } = this.#tun;
    const start: FollowerStart = {
      worker,
      tun: { queues, tso, uso, vnetHeader },
      mtu,
      port: port2,
      cells: link.cells,
      wake: wake.descriptor,
      wakeFirst: (this.#reports as Eventfd).descriptor,
    };
    new Worker(new URL('follower-worker.ts', import.meta.url), {
      workerData: start,
      transferList: [port2],
      name: `tunnel ${this.#tun.name} ${worker}`,
    });
  }

  #takeReports(link: FollowerLink, device: TunnelDevice): void {
    for (let report = link.take(); report !== undefined; report = link.take()) {
      if (report.kind === 'counters') link.counts = report.counts;
      else if (report.kind === 'failed')
        throw new WarrenError('internal', `a worker of the tunnel broke: ${report.reason}`);
      else device.report(report, monotonicNow());
    }
  }

  /** Binds both families to one port, a socket for each worker; what was bound before stays if that fails. */
  #bind(port: number, mark: number, notes: string[]): void {
    const options = {
      segmentation: !this.#disabled.has('udp-gso'),
      coalescing: !this.#disabled.has('udp-gro'),
      counters: this.#loop.udpCounters,
      notes,
    };
    const workers = this.followers.workers;
    for (let tries = 0; ; tries++) {
      const four = openGroup(4, port, mark, workers, options);
      const chosen = four?.[0]?.port() ?? port;
      try {
        const six = openGroup(6, chosen, mark, workers, { ...options, notes: [] });
        this.#use(four, six);
        this.#fwmark = mark;
        return;
      } catch (error) {
        for (const socket of four ?? []) socket.close();
        // A port that the system chose for IPv4 can be taken for IPv6; another will be free.
        const canChooseAgain =
          port === 0 && tries < 16 && error instanceof WarrenError && error.code === 'in-use';
        if (!canChooseAgain) throw error;
      }
    }
  }

  #use(four: UdpSocket[] | null, six: UdpSocket[] | null): void {
    this.#loop.four?.close();
    this.#loop.six?.close();
    this.#loop.four = four?.[0] ?? null;
    this.#loop.six = six?.[0] ?? null;
    this.#listenPort = (this.#loop.four ?? this.#loop.six)?.port() ?? 0;
    this.#sockets = [...(four ?? []), ...(six ?? [])];
    for (const [index, link] of this.#links.entries()) {
      const sockets = [four?.[index + 1], six?.[index + 1]].flatMap((socket) => socket?.facts() ?? []);
      link.post({ kind: 'sockets', sockets });
    }
  }

  /** Followers close their sockets only when they get others, so all of these are open. */
  #setMark(mark: number): void {
    for (const socket of this.#sockets) {
      if (socket.setMark(mark)) continue;
      throw new WarrenError('permission-denied', `the fwmark ${mark} was refused for the UDP socket`, {
        hint: 'run as root, or with CAP_NET_ADMIN',
      });
    }
    this.#fwmark = mark;
  }

  #lookUpMtu(device: TunnelDevice, now: number): void {
    this.#mtuReadAt = now;
    const mtu = this.#tun.readMtu();
    if (mtu !== null) device.setMtu(mtu);
  }
}

/** Null, with a note, where the kernel does not tell: the owner then looks by itself. */
function networkChanges(hooks: DriverHooks, notes: string[]): NetworkChanges | null {
  try {
    return new NetworkChanges(() => hooks.networkChanged());
  } catch (error) {
    notes.push((error as Error).message);
    return null;
  }
}
