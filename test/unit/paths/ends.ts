import { isProbe } from '../../../agent/paths/messages.ts';
import type { ChosenPath, PathEvent } from '../../../agent/paths/path-sink.ts';
import { Paths } from '../../../agent/paths/paths.ts';
import { clamp, publicKeyOf } from '../../../agent/wireguard/crypto.ts';
import { UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { endpoint, SeededRandom } from '../../sim/world.ts';

/** `192.0.2.1:51820` as an address. */
export function udp(text: string): UdpAddress {
  const { address, port } = endpoint(text);
  return UdpAddress.from(address, port);
}

export interface SentProbe {
  socket: number;
  target: UdpAddress;
  bytes: Uint8Array;
}

/** Path discovery with a sink that keeps everything, for tests that carry each message by hand. */
export class End {
  readonly paths: Paths;
  readonly privateKey = new Uint8Array(32);
  readonly publicKey: Uint8Array;
  readonly probes: SentProbe[] = [];
  readonly relayed: { slot: number; bytes: Uint8Array }[] = [];
  readonly used: (ChosenPath | null)[] = [];
  readonly events: PathEvent[] = [];
  readonly sockets: { slot: number; count: number }[] = [];
  readonly closed: number[] = [];
  reflexiveWanted = 0;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    random.fill(this.privateKey);
    clamp(this.privateKey);
    this.publicKey = publicKeyOf(this.privateKey);
    this.paths = new Paths({
      random,
      privateKey: this.privateKey,
      sink: {
        probe: (socket, target, bytes) => void this.probes.push({ socket, target, bytes }),
        relay: (slot, bytes) => void this.relayed.push({ slot, bytes }),
        use: (_slot, path) => void this.used.push(path),
        wanted: () => {},
        openSockets: (slot, count) => void this.sockets.push({ slot, count }),
        closeSocket: (socket) => void this.closed.push(socket),
        wantReflexive: () => void this.reflexiveWanted++,
        event: (event) => void this.events.push(event),
      },
    });
  }

  /** What was sent since the last call. */
  takeProbes(): SentProbe[] {
    return this.probes.splice(0);
  }

  takeRelayed(): Uint8Array[] {
    return this.relayed.splice(0).map(({ bytes }) => bytes);
  }

  counter(name: string): number {
    return this.paths.counters()[name] ?? 0;
  }

  /** Advances through every deadline until `now`. */
  runUntil(now: number): void {
    while (this.paths.nextDeadline() <= now) this.paths.advance(this.paths.nextDeadline());
  }
}

/** Two ends that have each other as peer 1, and know nothing else of each other. */
export function pair(): [End, End] {
  const [a, b] = [new End(1), new End(2)];
  a.paths.addPeer(1, b.publicKey, 0);
  b.paths.addPeer(1, a.publicKey, 0);
  return [a, b];
}

export function looksLikeProbe(bytes: Uint8Array): boolean {
  return isProbe(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length);
}
