import { wipe } from '../../shared/key.ts';
import type { Prefix } from '../../shared/prefix.ts';
import type { Random } from '../../shared/random.ts';
import { CookieJar } from './cookie.ts';
import { Counters } from './counters.ts';
import { dh } from './crypto.ts';
import type { Deadlines, Sleeper } from './deadlines.ts';
import type { Followers } from './followers.ts';
import { type OwnIdentity, type PublicIdentity, publicIdentity } from './identity.ts';
import type { IndexTable } from './index-table.ts';
import { KeypairSlots } from './keypair-slots.ts';
import { forgetInitiator, type InitiatorState } from './noise.ts';
import { StagedPackets } from './staged-packets.ts';
import { Timers } from './timers.ts';
import type { UdpAddress } from './udp-address.ts';

/** A handshake that this end began and that has not been answered. */
interface PendingHandshake {
  index: number;
  state: InitiatorState;
  /** The initiation as it was sent, for endpoints that become known while it is unanswered. */
  message: Uint8Array;
}

/** Everything that a device knows about one peer. The data plane reads `publicKey` and `endpoint`; the rest is the core's. */
export class Peer implements Sleeper {
  /** A number that no other peer of the device ever has; followers know the peer by it. */
  readonly slot: number;
  readonly identity: PublicIdentity;
  /** Where datagrams go. Changed in place when the peer roams, so copy what must last. */
  endpoint: UdpAddress | null = null;
  /** Whether an authenticated packet has come from `endpoint` since the user last set it. */
  endpointConfirmed = false;
  /** Only the first worker can send to `endpoint`. */
  isDiverted = false;
  /** Path discovery chose `endpoint`: authentic messages from elsewhere are told as events and move nothing. */
  endpointChosen = false;
  /** The last other address that an authentic message came from since path discovery chose; null for none. */
  heardFrom: UdpAddress | null = null;
  /** Where the peer may be as well, for initiations while the endpoint is not confirmed. */
  candidates: UdpAddress[] = [];
  /** 32 bytes; all zero for none. */
  readonly presharedKey = new Uint8Array(32);
  /** DH of both static keys, or null without a private key or where it is all zero: no handshake is possible then. */
  staticStatic: Uint8Array | null = null;

  readonly keypairs: KeypairSlots;
  readonly timers: Timers;
  readonly cookies: CookieJar;
  readonly staged = new StagedPackets();
  readonly allowedIps = new Map<string, Prefix>();

  /** Persistent keepalive was switched on and the first one has not been sent. */
  wantsKeepalive = false;
  pending: PendingHandshake | null = null;
  /** When an initiation or a response was last sent. */
  lastSentHandshake = Number.NEGATIVE_INFINITY;
  /** When an initiation was last accepted. */
  lastAcceptedInitiation = Number.NEGATIVE_INFINITY;
  /** The TAI64N of the newest initiation accepted (5.1: protects against replay), or null. */
  newestReceived: Uint8Array | null = null;
  /** The TAI64N of the newest initiation sent, or null. */
  newestSent: Uint8Array | null = null;

  /** When the last handshake was completed, on the device's clock, or 0. */
  lastHandshake = 0;
  rxBytes = 0;
  txBytes = 0;
  readonly drops = new Counters();

  wakeAt = Number.POSITIVE_INFINITY;
  heapIndex = -1;
  private readonly indices: IndexTable;

  constructor(
    slot: number,
    publicKey: Uint8Array,
    indices: IndexTable,
    deadlines: Deadlines<Peer>,
    followers: Followers,
    random: Random,
  ) {
    this.slot = slot;
    this.identity = publicIdentity(publicKey);
    this.indices = indices;
    this.keypairs = new KeypairSlots(indices, followers);
    this.timers = new Timers(random, (time) => deadlines.wakeBy(this, time));
    this.cookies = new CookieJar(this.identity);
  }

  /** 32 bytes. */
  get publicKey(): Uint8Array {
    return this.identity.publicKey;
  }

  /** Recomputes what depends on the device's own key; sessions and handshakes under another key end. */
  setOwnIdentity(own: OwnIdentity | null): void {
    this.forgetSessions();
    if (this.staticStatic !== null) wipe(this.staticStatic);
    this.staticStatic = own === null ? null : dh(own.privateKey, this.publicKey);
  }

  /** Every endpoint to try, without repetition. */
  *reachableAt(): Generator<UdpAddress> {
    if (this.endpoint !== null) yield this.endpoint;
    for (const candidate of this.candidates) {
      if (!this.endpoint?.equals(candidate)) yield candidate;
    }
  }

  /** Whether there is anywhere to send an initiation to. */
  get isReachable(): boolean {
    return this.endpoint !== null || this.candidates.length > 0;
  }

  forgetPending(): void {
    if (this.pending === null) return;
    this.indices.removeHandshake(this.pending.index);
    forgetInitiator(this.pending.state);
    this.pending = null;
  }

  /** Wipes all session keys and the handshake under way (6.3). */
  forgetSessions(): void {
    this.forgetPending();
    this.keypairs.clear();
  }

  /** Wipes everything secret; the peer must not be used after. */
  close(): void {
    this.forgetSessions();
    this.staged.clear();
    this.cookies.close();
    wipe(this.presharedKey);
    if (this.staticStatic !== null) wipe(this.staticStatic);
    this.staticStatic = null;
  }
}
