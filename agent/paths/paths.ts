import { wipe } from '../../shared/key.ts';
import type { Prefix } from '../../shared/prefix.ts';
import { prefixContains } from '../../shared/prefix.ts';
import type { Random } from '../../shared/random.ts';
import { publicKeyOf } from '../wireguard/crypto.ts';
import { Deadlines } from '../wireguard/deadlines.ts';
import { RateLimiter } from '../wireguard/rate-limiter.ts';
import type { UdpAddress } from '../wireguard/udp-address.ts';
import { isProbeable } from './address-class.ts';
import { type Candidate, usableCandidates } from './candidate.ts';
import { MAX_CANDIDATES, PROBES_BURST, PROBES_PER_SECOND } from './constants.ts';
import { openMessage, tagOf } from './messages.ts';
import type { PathContext } from './path-context.ts';
import type { PathSink, PeerPathStatus, PeerReach } from './path-sink.ts';
import { PeerPaths } from './peer-paths.ts';
import { ProbeCounters } from './probe-counters.ts';

/** What path discovery needs from outside. */
export interface PathsDependencies {
  sink: PathSink;
  random: Random;
  /** 32 bytes, clamped; copied. */
  privateKey: Uint8Array;
}

/** What path discovery is told of this host. */
export interface OwnSide {
  /** Where this host can perhaps be reached: interfaces, reflexive, mapped, configured. */
  candidates: readonly Candidate[];
  /** Its NAT is hard (`isHard` in nat-kind.ts). */
  hard: boolean;
}

/**
 * Path discovery of one host, without its sockets: verbs go in, and what comes of them goes to the sink inside the same call.
 * Times are monotonic milliseconds. `cryptoReady()` must have resolved before.
 *
 * It is made to live in the thread of the `Device`, beside it: which way datagrams go is then changed between two of them,
 * `traffic` costs a comparison, and probes come and go by the tunnel's own socket without changing threads. Only what goes by
 * relay crosses to the main thread, where the connection to the relay is.
 *
 * The driver's part:
 *
 * - `addPeer` after `Device.configure` has made the peer, with `Device.slotOf` as the slot. The sink's `use` is told at once and
 *   on every change: `Device.setPath` with `path.address`, or with `relayAddress(slot)` where the path is null. From then on authentic
 *   messages do not move that peer's endpoint; the device's `heard-from` goes to `heardFrom`.
 * - A datagram to an address for which `isRelay` holds goes to the relay, for the peer that `relaySlot` tells. One to a path
 *   whose socket is not OWN_SOCKET goes by that socket: keep the paths in use by their address in a map, which is nearly always
 *   empty. No two peers have the same address.
 * - A UDP datagram for which `isProbe` holds goes to `datagram`; all else to the device. What the relay brings goes to
 *   `fromRelay` if `isProbe` holds, and otherwise to the device with the source `relayAddress(slot)`. Nothing that a UDP socket
 *   received from an address for which `isRelay` holds is taken.
 * - `traffic(slot)` for each batch that is sent to a peer, before the device gets it, so that the first handshake goes by
 *   relay while probes are on their way. Only packets out of the tunnel count, not keepalives.
 * - `advance` when `nextDeadline` has come.
 */
export class Paths {
  readonly #context: PathContext;
  readonly #peers = new Map<number, PeerPaths>();
  readonly #byTag = new Map<number, PeerPaths>();
  readonly #limiter = new RateLimiter(PROBES_PER_SECOND, PROBES_BURST);

  constructor({ sink, random, privateKey }: PathsDependencies) {
    this.#context = {
      sink,
      random,
      counters: new ProbeCounters(),
      deadlines: new Deadlines<PeerPaths>(),
      privateKey: privateKey.slice(),
      publicKey: publicKeyOf(privateKey),
      candidates: [],
      hard: false,
      relayIsUp: true,
      overlay: [],
      sprays: 0,
    };
  }

  /** The host's key is another one; what was agreed under the old one is forgotten, paths stay. */
  setPrivateKey(privateKey: Uint8Array): void {
    wipe(this.#context.privateKey);
    this.#context.privateKey = privateKey.slice();
    this.#context.publicKey = publicKeyOf(privateKey);
    this.#byTag.clear();
    for (const peer of this.#peers.values()) {
      peer.identityChanged();
      this.#byTag.set(peer.receivingTag, peer);
    }
  }

  /** The mesh's own prefixes, in which no path can lie. Tell them before candidates. */
  setOverlay(prefixes: readonly Prefix[]): void {
    this.#context.overlay = prefixes;
  }

  /** Also for a slot that is there already, which then is told nothing new. */
  addPeer(slot: number, publicKey: Uint8Array, now: number): void {
    if (this.#peers.has(slot)) return;
    const peer = new PeerPaths(slot, publicKey, this.#context, now);
    this.#peers.set(slot, peer);
    this.#byTag.set(peer.receivingTag, peer);
  }

  removePeer(slot: number): void {
    const peer = this.#peers.get(slot);
    if (peer === undefined) return;
    peer.close();
    this.#peers.delete(slot);
    this.#byTag.delete(peer.receivingTag);
  }

  /** Where the coordinator says that the peer may be. Costs nothing while there is no traffic for it. */
  setCandidates(slot: number, candidates: readonly Candidate[], now: number): void {
    this.#peers.get(slot)?.setCandidates(candidates, now);
  }

  /** Told on every change of interfaces, mappings or what STUN says; peers with traffic are probed and invited anew. */
  setOwnSide({ candidates, hard }: OwnSide, now: number): void {
    const context = this.#context;
    const usable = usableCandidates(candidates, context.overlay, MAX_CANDIDATES);
    const isSame =
      hard === context.hard &&
      usable.length === context.candidates.length &&
      usable.every(({ kind, address }, i) => {
        const known = context.candidates[i];
        return known?.kind === kind && known.address.equals(address);
      });
    if (isSame) return;
    context.candidates = usable;
    context.hard = hard;
    for (const peer of this.#peers.values()) peer.surroundingsChanged(now);
  }

  /** Whether the relay can be reached. Without it, peers are sent to where they last answered. */
  setRelay(isUp: boolean, now: number): void {
    if (isUp === this.#context.relayIsUp) return;
    this.#context.relayIsUp = isUp;
    for (const peer of this.#peers.values()) peer.relayChanged(now);
  }

  /** There are packets for the peer. */
  traffic(slot: number, now: number): void {
    this.#peers.get(slot)?.traffic(now);
  }

  /** Asks a peer without a path once at all of its addresses, beside the discoveries that its traffic starts. */
  search(slot: number, now: number): void {
    this.#peers.get(slot)?.search(now);
  }

  /**
   * Takes a datagram for which `isProbe` holds. Before any cryptography its tag must be one of the peers' (a lookup), and its
   * source must not have sent too many.
   */
  datagram(socket: number, source: UdpAddress, bytes: Uint8Array, now: number): void {
    const { counters } = this.#context;
    const peer = this.#byTag.get(tagOf(bytes));
    if (peer === undefined) {
      counters.add('unknown-sender');
      return;
    }
    if (!this.#mayBePath(source)) {
      counters.add('probe-from-nowhere');
      return;
    }
    if (!this.#limiter.allow(source, now)) {
      counters.add('rate-limited-probe');
      return;
    }
    const message = peer.keys === null ? null : openMessage(bytes, peer.keys);
    if (message === null) {
      counters.add('bad-probe');
      return;
    }
    if (message.kind === 'invitation') {
      counters.add('invitation-outside-relay');
      return;
    }
    peer.received(message, socket, source, now);
  }

  /** No relay has this peer, or one may have it again. Until then it is sent to where it last answered. */
  setAbsent(slot: number, isAbsent: boolean, now: number): void {
    this.#peers.get(slot)?.setAbsent(isAbsent, now);
  }

  /** Takes a message for which `isProbe` holds, which the relay says is from this peer. Only invitations come so. */
  fromRelay(slot: number, bytes: Uint8Array, now: number): void {
    const { counters } = this.#context;
    const peer = this.#peers.get(slot);
    if (peer === undefined || peer.receivingTag !== tagOf(bytes)) {
      counters.add('unknown-sender');
      return;
    }
    const message = peer.keys === null ? null : openMessage(bytes, peer.keys);
    if (message?.kind !== 'invitation') {
      counters.add('bad-probe');
      return;
    }
    peer.invited(message, now);
  }

  /** The device had an authentic message from an address that it does not send to: it is probed if there is traffic. */
  heardFrom(slot: number, source: UdpAddress, now: number): void {
    if (this.#mayBePath(source)) this.#peers.get(slot)?.heardFrom(source, now);
  }

  /** The answer to the sink's `openSockets`, in one call or several; for a peer that is gone they are closed again. */
  socketsOpened(slot: number, sockets: readonly number[], now: number): void {
    const peer = this.#peers.get(slot);
    if (peer !== undefined) peer.socketsOpened(sockets, now);
    else for (const socket of sockets) this.#context.sink.closeSocket(socket);
  }

  /** Serves what is due. */
  advance(now: number): void {
    const { deadlines } = this.#context;
    for (let peer = deadlines.takeDue(now); peer !== null; peer = deadlines.takeDue(now)) peer.advance(now);
  }

  /** When `advance` is to be called next; Infinity if never. */
  nextDeadline(): number {
    return this.#context.deadlines.next();
  }

  /** How a peer can be reached as far as its paths tell; by relay, none may be sent there and nobody answer. */
  reach(slot: number, now: number): PeerReach {
    return this.#peers.get(slot)?.reach(now) ?? { kind: 'unknown', roundTrip: null };
  }

  /** Null where there is no such peer. */
  status(slot: number): PeerPathStatus | null {
    return this.#peers.get(slot)?.status() ?? null;
  }

  /** Counts since the start, by name; see probe-counters.ts. */
  counters(): Record<string, number> {
    return this.#context.counters.toRecord();
  }

  /** Closes sockets and wipes keys. Nothing may be called after. */
  close(): void {
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
    this.#byTag.clear();
    wipe(this.#context.privateKey);
  }

  /** A probe that came out of the mesh itself shows no way to it. */
  #mayBePath(source: UdpAddress): boolean {
    if (!isProbeable(source)) return false;
    const bytes = source.addressBytes();
    return !this.#context.overlay.some((prefix) => prefixContains(prefix, bytes));
  }
}
