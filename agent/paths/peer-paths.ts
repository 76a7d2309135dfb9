import { wipe } from '../../shared/key.ts';
import type { Sleeper } from '../wireguard/deadlines.ts';
import type { UdpAddress } from '../wireguard/udp-address.ts';
import { type Candidate, usableCandidates } from './candidate.ts';
import { type ChoiceReason, choosePath } from './choose.ts';
import {
  DEAD_AFTER,
  FRESH,
  HEARTBEAT,
  HEARTBEAT_RETRY,
  INVITING_ROUNDS,
  MAX_CANDIDATES,
  PROBE_INTERVAL,
  SEEN_MEMORY,
  SPRAY_MEMORY,
  TRAFFIC_TIME,
  TRUST,
  WANTED_TIME,
  WARM_TIME,
} from './constants.ts';
import { Discovery } from './discovery.ts';
import { Invitations } from './invitations.ts';
import { type Invitation, type Message, type Ping, type Pong, randomId, sealMessage } from './messages.ts';
import { OWN_SOCKET, Path } from './path.ts';
import type { PathContext } from './path-context.ts';
import { PathInUse, viewOf } from './path-in-use.ts';
import type { PeerPathStatus, PeerReach } from './path-sink.ts';
import { PathTable } from './path-table.ts';
import { type ProbeKeys, probeKeys, probeTag } from './probe-keys.ts';
import { Seen } from './seen.ts';
import { SentProbes } from './sent-probes.ts';
import { Sprays } from './sprays.ts';
import { watchActive, watchIdle } from './watch.ts';

const LONG_AGO = Number.NEGATIVE_INFINITY;
const NEVER = Number.POSITIVE_INFINITY;

/**
 * Path discovery with one peer. Three things happen, each only while somebody has traffic: a discovery probes all candidates
 * and invites the peer to do the same; the path in use is watched; between discoveries there are pauses. An idle peer has no
 * deadline and costs nothing.
 */
export class PeerPaths implements Sleeper {
  readonly slot: number;
  readonly publicKey: Uint8Array;
  /** The tag of what this peer sends. */
  receivingTag = 0;
  wakeAt = NEVER;
  heapIndex = -1;

  readonly #context: PathContext;
  readonly #paths = new PathTable();
  readonly #discovery: Discovery;
  /** Whether the discovery under way follows one of the peer's. */
  #isReplying = false;
  readonly #seen = new Seen(SEEN_MEMORY);
  readonly #probes = new SentProbes();
  /** Made when first needed: a peer without traffic costs no Diffie-Hellman. Null where it is impossible. */
  #keys: ProbeKeys | null | undefined;
  #sendingTag = 0;

  /** As the coordinator tells; the peer's own invitations tell more. */
  #mapped: readonly Candidate[] = [];
  readonly #invitations = new Invitations();

  /** The direct path that answers; null for none. */
  #current: Path | null = null;
  /** The last one that did. */
  #last: Path | null = null;
  /** No relay has the peer. */
  #isAbsent = false;
  readonly #inUse: PathInUse;

  #lastTraffic = LONG_AGO;
  #activeUntil = LONG_AGO;
  /** When the traffic under way began. */
  #activeSince = LONG_AGO;
  readonly #sprays: Sprays;

  constructor(slot: number, publicKey: Uint8Array, context: PathContext, now: number) {
    this.slot = slot;
    this.publicKey = publicKey.slice();
    this.#context = context;
    this.#discovery = new Discovery(context.random);
    this.#inUse = new PathInUse(slot, context, now);
    this.#sprays = new Sprays(slot, context, this.#invitations, this.#paths, (path, at) =>
      this.#probe(path, at),
    );
    this.identityChanged();
    this.#apply('idle', now);
  }

  /** The host has another key. */
  identityChanged(): void {
    this.#forgetKeys();
    this.#sendingTag = probeTag(this.#context.publicKey, this.publicKey);
    this.receivingTag = probeTag(this.publicKey, this.#context.publicKey);
  }

  /** The keys of both directions; null for a peer whose key allows none. */
  get keys(): ProbeKeys | null {
    const { privateKey, publicKey } = this.#context;
    if (this.#keys === undefined) this.#keys = probeKeys(privateKey, publicKey, this.publicKey);
    return this.#keys;
  }

  /** There is a packet for the peer. Cheap where there was one just before: it runs for every batch. */
  traffic(now: number): void {
    const isFirst = now - this.#lastTraffic > TRAFFIC_TIME;
    this.#lastTraffic = now;
    this.#activate(now + TRAFFIC_TIME, now);
    if (!isFirst) return;
    if (this.#current === null) this.#discover(now);
    this.#serve(now);
  }

  setCandidates(candidates: readonly Candidate[], now: number): void {
    this.#mapped = candidates;
    this.#tell(now);
  }

  /** This host's own candidates, or its way to the relay, are others than before. */
  surroundingsChanged(now: number): void {
    this.#sprays.tries = 0;
    if (this.#isActive(now)) {
      this.#discovery.reset();
      this.#discover(now);
    } else if (this.#current !== null) this.#leave('idle', now);
    this.#serve(now);
  }

  relayChanged(now: number): void {
    this.#apply(this.#context.relayIsUp ? 'the relay is back' : 'the relay is away', now);
    if (this.#context.relayIsUp && this.#current === null && this.#isActive(now)) this.#discover(now);
    this.#serve(now);
  }

  setAbsent(isAbsent: boolean, now: number): void {
    this.#isAbsent = isAbsent;
    this.#apply(isAbsent ? 'no relay has it' : 'the relay is back', now);
    this.#serve(now);
  }

  /** An authentic message of the tunnel came from there. */
  heardFrom(address: UdpAddress, now: number): void {
    const path = this.#paths.learn(new Path(OWN_SOCKET, address.clone(), 'learned'), this.#current, now);
    if (path !== null && this.#isActive(now) && now - path.provenAt > HEARTBEAT) this.#probe(path, now);
  }

  /** Takes an authentic message. False if it may not have come this way, or came before. */
  received(message: Ping | Pong, socket: number, source: UdpAddress, now: number): void {
    if (message.kind === 'ping') this.#ping(message, socket, source, now);
    else this.#pong(message, socket, source, now);
    this.#serve(now);
  }

  /** Takes an authentic invitation that came by relay. */
  invited(invitation: Invitation, now: number): void {
    const { counters } = this.#context;
    if (!this.#invitations.allows(now)) {
      counters.add('invitation-flood');
      return;
    }
    if (!this.#seen.isNew(invitation.id)) {
      counters.add('replayed-probe');
      return;
    }
    this.#invitations.received(invitation, now);
    if (invitation.wanted) this.#wanted(now);
    this.#tell(now);
    if (!invitation.reply) {
      const { startedAt } = this.#discovery;
      if (this.#isActive(now) && (startedAt === null || now - startedAt > HEARTBEAT))
        this.#discover(now, true);
      else this.#invite(true, now);
    }
    this.#serve(now);
  }

  socketsOpened(sockets: readonly number[], now: number): void {
    this.#sprays.socketsOpened(sockets, now);
    this.#serve(now);
  }

  search(now: number): void {
    if (this.#current !== null || this.#discovery.startedAt !== null) return;
    for (const path of this.#paths) this.#probe(path, now);
  }

  /** Does what is due, and sees to the next time. */
  advance(now: number): void {
    this.#serve(now);
  }

  status(): PeerPathStatus {
    const { view, why, since, changes } = this.#inUse;
    return {
      path: view,
      why,
      since,
      changes,
      probing: this.#discovery.startedAt !== null,
      sprays: this.#sprays.tries,
      tried: Array.from(this.#paths, (path) => ({ ...viewOf(path), provenAt: path.provenAt })),
    };
  }

  reach(now: number): PeerReach {
    const path = this.#current;
    if (path !== null) {
      return { kind: 'direct', roundTrip: Number.isFinite(path.roundTrip) ? path.roundTrip : null };
    }
    if (this.#hasRelay) return { kind: 'relay', roundTrip: null };
    const isTried = this.#isActive(now) && now - this.#activeSince > DEAD_AFTER;
    return { kind: isTried ? 'lost' : 'unknown', roundTrip: null };
  }

  /** Closes sockets and wipes keys; the peer is gone. */
  close(): void {
    this.#sprays.close();
    this.#forgetKeys();
    this.#context.deadlines.remove(this);
  }

  get #hasRelay(): boolean {
    return this.#context.relayIsUp && !this.#isAbsent;
  }

  #isActive(now: number): boolean {
    return now < this.#activeUntil;
  }

  #wanted(now: number): void {
    this.#activate(now + WANTED_TIME, now);
    this.#context.sink.wanted(this.slot);
  }

  #activate(until: number, now: number): void {
    if (!this.#isActive(now)) {
      this.#activeSince = now;
      if (now - this.#activeUntil > SPRAY_MEMORY) this.#sprays.tries = 0;
      if (this.#discovery.startedAt === null) this.#discovery.reset();
      // Silent for longer than NATs keep a mapping: by relay, until it has answered again.
      if (this.#current !== null && now - this.#current.provenAt > TRUST) this.#leave('idle', now);
    }
    if (until > this.#activeUntil) this.#activeUntil = until;
  }

  #serve(now: number): void {
    this.#probes.forgetOld(now);
    let next = this.#watch(now);
    const isActive = this.#isActive(now);
    if (isActive && this.#discovery.isDue(now)) this.#discover(now);
    const round = this.#discovery.takeRound(now);
    if (round !== null) this.#runRound(round, now);
    const wasDiscovering = this.#discovery.startedAt !== null;
    this.#discovery.pauseIfDone(this.#current !== null, now);
    if (wasDiscovering && this.#discovery.startedAt === null) this.#tidy(now);
    if (isActive || this.#discovery.startedAt !== null) next = Math.min(next, this.#discovery.next());
    const foundAt = this.#current === null ? null : this.#inUse.since;
    next = Math.min(next, this.#sprays.advance(this.#discovery.startedAt, foundAt, now));
    if (this.#sprays.keepsSockets) {
      this.#tidy(now);
      if (this.#sprays.keepsSockets) next = Math.min(next, now + TRUST / 4);
    }
    // A path that is left here must begin to be watched as an idle one.
    if (isActive && this.#current !== null) next = Math.min(next, this.#activeUntil);
    if (next < NEVER) this.#context.deadlines.wakeBy(this, Math.max(next, now + 1));
  }

  /** Watches the path in use; when to look again. */
  #watch(now: number): number {
    const path = this.#current;
    if (path === null) return NEVER;
    const isActive = this.#isActive(now);
    const isWarm = path.class !== 'lan' && now < this.#activeUntil + WARM_TIME;
    const { verdict, probe, next } = isActive
      ? watchActive(path, this.#activeSince, now)
      : watchIdle(path, isWarm, now);
    if (verdict === 'alive') {
      if (probe) this.#probe(path, now);
      return next;
    }
    path.lost();
    if (verdict === 'expired') {
      this.#leave('idle', now);
      return NEVER;
    }
    this.#decide(now);
    this.#context.sink.wantReflexive();
    this.#discovery.reset();
    this.#discover(now);
    return this.#current === null ? NEVER : now + HEARTBEAT;
  }

  /** Probes everything and asks the peer to do the same; one that answers the peer's asks it for nothing. */
  #discover(now: number, isReply = false): void {
    this.#discovery.start(now);
    this.#isReplying = isReply;
    if (isReply) {
      // Its own first round follows at once, and would send the same without saying that it is an answer.
      this.#invite(true, now);
    }
  }

  #runRound(round: number, now: number): void {
    const startedAt = this.#discovery.startedAt ?? now;
    for (const path of this.#paths) if (path.provenAt < startedAt) this.#probe(path, now);
    const isInviting = INVITING_ROUNDS.includes(round) && (round === 0 || this.#current === null);
    // Of two that asked each other again and again, neither would ever come to its pauses.
    if (isInviting || this.#invitations.isWaiting) this.#invite(this.#isReplying, now);
  }

  #invite(reply: boolean, now: number): void {
    const { candidates, hard, random, counters, sink } = this.#context;
    if (!this.#invitations.maySend(candidates, now)) return;
    const wanted = now - this.#lastTraffic <= TRAFFIC_TIME;
    const bytes = this.#seal({ kind: 'invitation', id: randomId(random), wanted, reply, hard, candidates });
    if (bytes === null) return;
    counters.add('sent-invitations');
    sink.relay(this.slot, bytes);
  }

  #tell(now: number): void {
    const { overlay } = this.#context;
    const usable = usableCandidates(
      [...this.#invitations.candidates, ...this.#mapped],
      overlay,
      MAX_CANDIDATES,
    );
    const fresh = this.#paths.tell(usable, this.#current);
    if (this.#discovery.startedAt !== null) for (const path of fresh) this.#probe(path, now);
    else if (fresh.length > 0 && this.#current === null && this.#isActive(now)) this.#discover(now);
    if (this.#isActive(now)) this.#serve(now);
  }

  #probe(path: Path, now: number): void {
    if (now - path.lastProbe < PROBE_INTERVAL) return;
    const { random, counters, sink } = this.#context;
    const transaction = randomId(random);
    const wanted = now - this.#lastTraffic <= TRAFFIC_TIME;
    const bytes = this.#seal({ kind: 'ping', transaction, wanted });
    if (bytes === null) return;
    path.lastProbe = now;
    this.#probes.add(transaction, path, now);
    counters.add('sent-pings');
    sink.probe(path.socket, path.address, bytes);
  }

  #ping(ping: Ping, socket: number, source: UdpAddress, now: number): void {
    const { counters, sink } = this.#context;
    if (!this.#seen.isNew(ping.transaction)) {
      counters.add('replayed-probe');
      return;
    }
    const arrived = this.#paths.get(socket, source) ?? new Path(socket, source.clone(), 'learned');
    const path = this.#paths.learn(arrived, this.#current, now);
    const bytes = this.#seal({ kind: 'pong', transaction: ping.transaction, observed: source });
    if (path === null || bytes === null) return;
    path.heardAt = now;
    counters.add('sent-pongs');
    sink.probe(socket, path.address, bytes);
    if (ping.wanted) this.#wanted(now);
    if (!this.#isActive(now) || now - path.provenAt <= HEARTBEAT) return;
    // The peer's probe shows that its NAT is open by now: what was sent before may have come too early.
    const pause = this.#discovery.startedAt === null ? HEARTBEAT_RETRY : PROBE_INTERVAL;
    if (now - path.lastProbe >= pause) this.#probe(path, now);
  }

  #pong(pong: Pong, socket: number, source: UdpAddress, now: number): void {
    const probe = this.#probes.answered(pong.transaction, socket, source, now);
    if (probe === null) {
      this.#context.counters.add('unexpected-pong');
      return;
    }
    const path = this.#paths.learn(probe.path, this.#current, now);
    if (path === null) return;
    path.observed = pong.observed;
    path.proved(probe.sentAt, now);
    this.#decide(now);
  }

  #decide(now: number): void {
    const current = this.#current;
    const usable = [...this.#paths].filter((path) =>
      path === current ? path.provenAt > LONG_AGO : now - path.provenAt <= FRESH,
    );
    const choice = choosePath(current, usable);
    if (choice === null) return;
    this.#current = choice.path;
    if (choice.path !== null) this.#last = choice.path;
    this.#apply(choice.why, now);
  }

  #leave(why: ChoiceReason, now: number): void {
    this.#current = null;
    if (!this.#isActive(now)) {
      this.#discovery.reset();
      this.#tidy(now);
    }
    this.#apply(why, now);
  }

  /** Tells the driver which way datagrams go. Without a relay to it the last path that answered is better than none. */
  #apply(why: ChoiceReason, now: number): void {
    this.#inUse.set(this.#current ?? (this.#hasRelay ? null : this.#last), why, now);
  }

  /** Forgets what has been silent for long, and closes the sockets that nothing goes by any more. */
  #tidy(now: number): void {
    this.#paths.expire(this.#current, now);
    this.#sprays.closeUnused();
    // Without its socket it is no way any more, not even the last resort.
    if (this.#last !== null && this.#last.socket !== OWN_SOCKET && !this.#sprays.has(this.#last.socket))
      this.#last = null;
  }

  #seal(message: Message): Uint8Array | null {
    const { keys } = this;
    return keys === null ? null : sealMessage(message, this.#sendingTag, keys, this.#context.random);
  }

  #forgetKeys(): void {
    if (this.#keys) {
      wipe(this.#keys.sending);
      wipe(this.#keys.receiving);
    }
    this.#keys = undefined;
  }
}
