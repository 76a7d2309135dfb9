import { WarrenError } from '../../../shared/errors.ts';
import type { OffloadName } from '../../tunnel/commands.ts';
import * as libc from './libc.ts';
import { nativeBuffer } from './memory.ts';

const TUNSETIFF = 0x400454ca;
const TUNGETIFF = 0x800454d2;
const TUNSETOFFLOAD = 0x400454d0;
const TUNGETDEVNETNS = 0x54e3;
const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const IFF_TUN = 0x0001;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
/** Fail if there is such a device. */
const IFF_TUN_EXCL = 0x8000;
const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
/** Since Linux 6.2. */
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;
const CLONE_NEWNET = 0x40000000;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;

/** struct ifreq: a name of 16 bytes, then a union. */
const IFREQ_LENGTH = 40;
const IFREQ_VALUE = 16;

/** What a worker needs to use a TUN device. */
export interface TunFacts {
  /** One descriptor for each worker; a packet written to any of them comes back, if answered, on the same. */
  readonly queues: readonly number[];
  readonly tso: boolean;
  readonly uso: boolean;
  readonly vnetHeader: boolean;
}

/** An open TUN device. It is there as long as one of its descriptors is. */
export class TunDevice implements TunFacts {
  readonly queues: readonly number[];
  readonly name: string;
  /** The kernel hands over TCP superpackets with checksums left to do, and takes them. */
  readonly tso: boolean;
  /** The same for UDP. */
  readonly uso: boolean;
  /** Whether a virtio_net_hdr stands before every packet. */
  readonly vnetHeader: boolean;

  private constructor(
    queues: readonly number[],
    name: string,
    vnetHeader: boolean,
    tso: boolean,
    uso: boolean,
  ) {
    this.queues = queues;
    this.name = name;
    this.vnetHeader = vnetHeader;
    this.tso = tso;
    this.uso = uso;
  }

  /**
   * Makes the device with a queue for each worker. What the kernel refuses is left off, with a line in `notes`. Throws
   * `unsupported` without /dev/net/tun, `permission-denied` without CAP_NET_ADMIN, `in-use` when the name is taken.
   */
  static open(
    name: string,
    mtu: number,
    workers: number,
    disabled: ReadonlySet<OffloadName>,
    notes: string[],
  ): TunDevice {
    let flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | (workers > 1 ? IFF_MULTI_QUEUE : 0);
    // Without IFF_TUN_EXCL one would join a device with several queues that another program has.
    let descriptor = attach(name, flags | IFF_TUN_EXCL);
    if (descriptor === -libc.EINVAL) {
      notes.push('the kernel refuses IFF_VNET_HDR: no TUN offloads');
      flags &= ~IFF_VNET_HDR;
      descriptor = attach(name, flags | IFF_TUN_EXCL);
    }
    if (descriptor < 0) throw attachError(name, -descriptor);
    const vnetHeader = (flags & IFF_VNET_HDR) !== 0;
    const [tso, uso] = vnetHeader ? setOffloads(descriptor, disabled, notes) : [false, false];
    const queues = [descriptor];
    const device = new TunDevice(queues, attachedName(descriptor) ?? name, vnetHeader, tso, uso);
    try {
      while (queues.length < workers) {
        const next = attach(device.name, flags);
        if (next < 0) throw attachError(device.name, -next);
        queues.push(next);
      }
      device.#setMtu(mtu);
    } catch (error) {
      device.close();
      throw error;
    }
    return device;
  }

  /**
   * The device's MTU, wherever it was moved to since: its namespace is asked of the device itself. Null if it cannot be
   * told. Changes the calling thread's network namespace for the time of one system call.
   */
  readMtu(): number | null {
    const name = attachedName(this.queues[0] as number);
    const theirs = libc.ioctl(this.queues[0] as number, TUNGETDEVNETNS, 0);
    if (name === null || theirs < 0) return null;
    const ours = libc.open('/proc/thread-self/ns/net', libc.O_CLOEXEC);
    let control = -1;
    if (ours >= 0 && libc.setns(theirs, CLONE_NEWNET) === 0) {
      control = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (libc.setns(ours, CLONE_NEWNET) !== 0) {
        throw new WarrenError('internal', `no way back from a namespace: ${libc.errnoName(libc.errno())}`);
      }
    }
    if (ours >= 0) libc.close(ours);
    libc.close(theirs);
    if (control < 0) return null;
    const request = ifreq(name);
    const found = libc.ioctl(control, SIOCGIFMTU, request.address) === 0;
    libc.close(control);
    return found ? request.view.getInt32(IFREQ_VALUE, true) : null;
  }

  close(): void {
    for (const queue of this.queues) libc.close(queue);
  }

  #setMtu(mtu: number): void {
    const control = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const request = ifreq(this.name);
    request.view.setInt32(IFREQ_VALUE, mtu, true);
    const status = libc.ioctl(control, SIOCSIFMTU, request.address);
    const why = libc.errno();
    libc.close(control);
    if (status !== 0) {
      throw new WarrenError(
        'usage',
        `an MTU of ${mtu} was refused for ${this.name}: ${libc.errnoName(why)}`,
        {
          hint: 'use 1280 to 65535, 1420 where the network has 1500',
        },
      );
    }
  }
}

function ifreq(name: string) {
  const request = nativeBuffer(IFREQ_LENGTH);
  request.bytes.set(new TextEncoder().encode(name).subarray(0, 15));
  return request;
}

/** The descriptor, or a negative errno. */
function attach(name: string, flags: number): number {
  const descriptor = libc.open('/dev/net/tun', libc.O_RDWR | libc.O_NONBLOCK | libc.O_CLOEXEC);
  if (descriptor < 0) return -libc.errno();
  const request = ifreq(name);
  request.view.setUint16(IFREQ_VALUE, flags, true);
  if (libc.ioctl(descriptor, TUNSETIFF, request.address) === 0) return descriptor;
  const why = libc.errno();
  libc.close(descriptor);
  return -why;
}

function attachError(name: string, why: number): WarrenError {
  switch (why) {
    case libc.ENOENT:
    case libc.ENODEV:
      return new WarrenError('unsupported', '/dev/net/tun is missing', {
        hint: 'load the tun module (modprobe tun); in a container: --device /dev/net/tun --cap-add NET_ADMIN',
      });
    case libc.EPERM:
    case libc.EACCES:
      return new WarrenError('permission-denied', `not allowed to make the network interface ${name}`, {
        hint: 'run as root, or with CAP_NET_ADMIN',
      });
    case libc.EBUSY:
    case libc.EINVAL:
      return new WarrenError('in-use', `the network interface ${name} exists already`, {
        hint: 'end what uses it, or choose another name',
      });
    default:
      return new WarrenError('internal', `cannot make the network interface ${name}: ${libc.errnoName(why)}`);
  }
}

/** The name that the kernel gave (`wg%d` becomes `wg0`), or has now. */
function attachedName(descriptor: number): string | null {
  const request = nativeBuffer(IFREQ_LENGTH);
  if (libc.ioctl(descriptor, TUNGETIFF, request.address) !== 0) return null;
  const end = request.bytes.indexOf(0);
  return new TextDecoder().decode(request.bytes.subarray(0, end));
}

function setOffloads(
  descriptor: number,
  disabled: ReadonlySet<OffloadName>,
  notes: string[],
): [boolean, boolean] {
  const tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  const wanted = disabled.has('tun-tso') ? 0 : tso;
  if (wanted === 0) {
    libc.ioctl(descriptor, TUNSETOFFLOAD, 0);
    return [false, false];
  }
  if (!disabled.has('tun-uso')) {
    if (libc.ioctl(descriptor, TUNSETOFFLOAD, wanted | TUN_F_USO4 | TUN_F_USO6) === 0) return [true, true];
    notes.push(`the kernel refuses UDP segmentation offload on TUN: ${libc.errnoName(libc.errno())}`);
  }
  if (libc.ioctl(descriptor, TUNSETOFFLOAD, wanted) === 0) return [true, false];
  notes.push(`the kernel refuses TCP segmentation offload on TUN: ${libc.errnoName(libc.errno())}`);
  return [false, false];
}
