import type { DeviceChange, DeviceSnapshot } from '../wireguard/configuration.ts';
import type { DeviceEvent } from '../wireguard/sink.ts';

export type DriverName = 'linux' | 'portable';

/** How to open a tunnel; handed to the worker thread as it starts. Plain data. */
export interface TunnelOptions {
  driver: DriverName;
  interfaceName: string;
  mtu: number;
  /** Threads that move packets, from 1; by the number of cores where absent. Only the linux driver uses several. */
  workers?: number;
  /** Tell of changes to the host's links, addresses and routes. */
  watchNetwork?: boolean;
  /** The last TAI64N that this private key sent (12 bytes), from disk. */
  lastTimestamp?: Uint8Array;
  /** Offloads to leave off even where the kernel has them. */
  disableOffloads?: readonly OffloadName[];
}

export type OffloadName = 'tun-tso' | 'tun-uso' | 'udp-gso' | 'udp-gro';

/** What the worker says once device and loop stand. */
export interface TunnelFacts {
  /** As the kernel knows it. */
  interfaceName: string;
  driver: DriverName;
  workers: number;
  /** Which offloads are at work. */
  offloads: Record<OffloadName, boolean>;
  /** Whether `network-changed` is told; otherwise the owner has to look from time to time. */
  tellsNetworkChanges: boolean;
  /** One line each: what the kernel refused, and which AEAD was taken. */
  notes: string[];
}

/** The socket's part of the UAPI, beside the device's. */
export interface SocketChange {
  /** 0 lets the system choose. */
  listenPort?: number;
  /** 0 removes the mark. */
  fwmark?: number;
}

export interface SocketSnapshot {
  /** 0 while the device is down. */
  listenPort: number;
  fwmark: number;
}

/** Requests from the main thread to the worker; each is answered once with the same id. */
export type TunnelRequest =
  | { id: number; verb: 'configure'; device: DeviceChange; socket: SocketChange }
  | { id: number; verb: 'snapshot' }
  | { id: number; verb: 'close' };

export type TunnelReply =
  | { id: number; ok: true; snapshot?: TunnelSnapshot }
  | { id: number; ok: false; code: string; message: string; hint?: string };

export interface TunnelSnapshot extends SocketSnapshot {
  device: DeviceSnapshot;
}

/** What the worker says by itself. */
export type TunnelEvent =
  /** `wakeDescriptor`: an eventfd to write to after posting a request, or -1 where posting is enough. */
  | { event: 'ready'; facts: TunnelFacts; wakeDescriptor: number }
  | { event: 'failed'; code: string; message: string; hint?: string }
  | { event: 'device'; device: DeviceEvent }
  /** Links, addresses or routes of the host are others than before. */
  | { event: 'network-changed' }
  /** The interface was deleted, or the loop ended after `close`. */
  | { event: 'closed'; reason: 'removed' | 'requested' };
