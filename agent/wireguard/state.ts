import { keyToHex } from '../../shared/key.ts';
import type { Random } from '../../shared/random.ts';
import type { CreateTransportCipher } from './aead.ts';
import { AllowedIps } from './allowed-ips.ts';
import { MAX_PACKET } from './constants.ts';
import { CookieChecker } from './cookie.ts';
import { Counters } from './counters.ts';
import { Deadlines } from './deadlines.ts';
import { type Followers, NO_FOLLOWERS } from './followers.ts';
import { HandshakeLoad } from './handshake-load.ts';
import type { OwnIdentity } from './identity.ts';
import { IndexTable } from './index-table.ts';
import { Keypair } from './keypair.ts';
import { INITIATION, TRANSPORT } from './messages.ts';
import type { SessionKeys } from './noise.ts';
import { type PacketBuffer, packetBuffer } from './packet-buffer.ts';
import { Peer } from './peer.ts';
import { RateLimiter } from './rate-limiter.ts';
import { OwnCounter } from './send-counter.ts';
import { SharedCounter } from './shared-session.ts';
import type { Sink } from './sink.ts';
import { SleepDetector } from './sleep-detector.ts';

/** What a device needs from outside. */
export interface DeviceDependencies {
  createCipher: CreateTransportCipher;
  /** Memory that these ciphers can work on; defaults to memory without a native address. Called a few times, at the start. */
  createBuffer?: (length: number) => PacketBuffer;
  random: Random;
  sink: Sink;
  /** Milliseconds since the epoch; for TAI64N alone, since it may be set to anything at any time. */
  wall: () => number;
  /** Of the tunnel; padding does not grow a packet beyond it. 0 for no limit. */
  mtu: number;
  /** The other workers of the tunnel, if there are any. */
  followers?: Followers;
  /** The newest TAI64N (12 bytes) that this private key sent before, so that a clock set back blocks no handshake. */
  lastTimestamp?: Uint8Array;
}

/** What the parts of a device share. */
export class DeviceState {
  readonly dependencies: DeviceDependencies;
  readonly sink: Sink;
  readonly followers: Followers;
  mtu: number;
  own: OwnIdentity | null = null;
  /** By public key in hex. */
  readonly peers = new Map<string, Peer>();
  /** By slot. A slot is never used again, for followers may still report of a peer that is gone. */
  readonly slots = new Map<number, Peer>();
  private nextSlot = 0;
  readonly allowedIps = new AllowedIps<Peer>();
  /** Peers that get a copy of every broadcast and multicast. */
  readonly group = new Set<Peer>();
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
    this.followers = dependencies.followers ?? NO_FOLLOWERS;
    this.mtu = dependencies.mtu;
    this.indices = new IndexTable(dependencies.random, this.followers.workers);
    this.cookies = new CookieChecker(dependencies.random);
    this.sleep = new SleepDetector(now);
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

  addPeer(publicKey: Uint8Array): Peer {
    const slot = this.nextSlot++;
    const { indices, deadlines, followers, dependencies } = this;
    const peer = new Peer(slot, publicKey, indices, deadlines, followers, dependencies.random);
    peer.setOwnIdentity(this.own);
    this.peers.set(keyToHex(publicKey), peer);
    this.slots.set(slot, peer);
    followers.peerChanged(peer);
    return peer;
  }

  /** Its allowed IPs are gone already. Wipes its keys. */
  removePeer(peer: Peer): void {
    peer.close();
    this.setGroup(peer, false);
    this.deadlines.remove(peer);
    this.peers.delete(keyToHex(peer.publicKey));
    this.slots.delete(peer.slot);
    this.followers.peerRemoved(peer);
  }

  /** Whether the peer gets a copy of every broadcast and multicast. */
  setGroup(peer: Peer, isIn: boolean): void {
    const before = this.group.size;
    if (isIn) this.group.add(peer);
    else this.group.delete(peer);
    if (before > 0 !== this.group.size > 0) this.followers.groupChanged(this.group.size > 0);
  }

  /** Makes a session known to everybody that takes part in it. The caller keeps `keys` and wipes them. */
  newKeypair(
    peer: Peer,
    localIndex: number,
    remoteIndex: number,
    isInitiator: boolean,
    keys: SessionKeys,
    now: number,
  ): Keypair<Peer> {
    const { createCipher } = this.dependencies;
    const memory = this.followers.share(keys);
    const owner = this.indices.ownerOf(peer);
    const keypair = new Keypair(
      peer,
      localIndex,
      remoteIndex,
      isInitiator,
      now,
      memory === null ? new OwnCounter() : new SharedCounter(memory),
      createCipher(keys.sending),
      owner === 0 ? createCipher(keys.receiving) : null,
    );
    if (memory !== null) this.followers.sessionBegan(keypair, owner, memory);
    return keypair;
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
