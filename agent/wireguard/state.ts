import { keyToHex } from '../../shared/key.ts';
import type { Random } from '../../shared/random.ts';
import type { CreateTransportCipher } from './aead.ts';
import { AllowedIps } from './allowed-ips.ts';
import { MAX_PACKET } from './constants.ts';
import { CookieChecker } from './cookie.ts';
import { Counters } from './counters.ts';
import { Deadlines } from './deadlines.ts';
import { HandshakeLoad } from './handshake-load.ts';
import type { OwnIdentity } from './identity.ts';
import { IndexTable } from './index-table.ts';
import { INITIATION, TRANSPORT } from './messages.ts';
import { type PacketBuffer, packetBuffer } from './packet-buffer.ts';
import type { Peer } from './peer.ts';
import { RateLimiter } from './rate-limiter.ts';
import type { Sink } from './sink.ts';
import { SleepDetector } from './sleep-detector.ts';

/** What a device needs from outside. */
export interface DeviceDependencies {
  createCipher: CreateTransportCipher;
  /** Memory that these ciphers can work on; defaults to memory without a native address. Called a few times, at the start. */
  createBuffer?: (length: number) => PacketBuffer;
  random: Random;
  sink: Sink;
  /** Milliseconds since the epoch; for TAI64N, for `lastHandshake`, and to notice that the host slept. */
  wall: () => number;
  /** Of the tunnel; padding does not grow a packet beyond it. 0 for no limit. */
  mtu: number;
  /** The newest TAI64N (12 bytes) that this private key sent before, so that a clock set back blocks no handshake. */
  lastTimestamp?: Uint8Array;
}

/** What the parts of a device share. */
export class DeviceState {
  readonly dependencies: DeviceDependencies;
  readonly sink: Sink;
  mtu: number;
  own: OwnIdentity | null = null;
  /** By public key in hex. */
  readonly peers = new Map<string, Peer>();
  readonly allowedIps = new AllowedIps<Peer>();
  readonly indices: IndexTable;
  readonly deadlines = new Deadlines<Peer>();
  readonly counters = new Counters();
  readonly cookies: CookieChecker;
  readonly load = new HandshakeLoad();
  readonly limiter = new RateLimiter();
  readonly sleep: SleepDetector;
  /** The newest TAI64N sent by this key, as it is reported to the owner. */
  newestTimestamp: Uint8Array | null;

  /** For a handshake message to send. */
  readonly handshake: PacketBuffer;
  /** For a staged packet about to be sealed, with room for padding. */
  readonly plaintext: PacketBuffer;
  /** For a transport message to send. */
  readonly datagram: PacketBuffer;
  /** For an inner packet that was received. */
  readonly inner: PacketBuffer;

  constructor(dependencies: DeviceDependencies, now: number) {
    this.dependencies = dependencies;
    this.sink = dependencies.sink;
    this.mtu = dependencies.mtu;
    this.indices = new IndexTable(dependencies.random);
    this.cookies = new CookieChecker(dependencies.random);
    this.sleep = new SleepDetector(dependencies.wall, now);
    this.newestTimestamp = dependencies.lastTimestamp?.slice() ?? null;
    const create = dependencies.createBuffer ?? packetBuffer;
    this.handshake = create(INITIATION.size);
    this.plaintext = create(MAX_PACKET);
    this.datagram = create(MAX_PACKET + TRANSPORT.overhead);
    this.inner = create(MAX_PACKET);
  }

  peer(publicKey: Uint8Array): Peer | undefined {
    return this.peers.get(keyToHex(publicKey));
  }

  /** The first session begins: how long the host slept before concerns nobody. */
  beforeSession(now: number): void {
    if (this.indices.sessions === 0) this.sleep.check(now);
  }

  /** Counts a drop for the device and for the peer. */
  drop(peer: Peer, index: number, count = 1): void {
    this.counters.add(index, count);
    peer.drops.add(index, count);
  }
}
