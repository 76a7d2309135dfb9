import type { Sleeper } from '../wireguard/deadlines.ts';
import type { UdpAddress } from '../wireguard/udp-address.ts';
import { Activity } from './activity.ts';
import { type Candidate, usableCandidates } from './candidate.ts';
import {
  DEAD_AFTER,
  HEARTBEAT,
  HEARTBEAT_RETRY,
  INVITING_ROUNDS,
  MAX_CANDIDATES,
  PROBE_INTERVAL,
  SPRAY_MEMORY,
  TRUST,
  WARM_TIME,
} from './constants.ts';
import { CurrentPath } from './current-path.ts';
import { Discovery } from './discovery.ts';
import { Invitations } from './invitations.ts';
import type { Invitation, Ping, Pong } from './messages.ts';
import { OWN_SOCKET, Path } from './path.ts';
import type { PathContext } from './path-context.ts';
import { viewOf } from './path-in-use.ts';
import type { PeerPathStatus, PeerReach } from './path-sink.ts';
import { PathTable } from './path-table.ts';
import { ProbeExchange } from './probe-exchange.ts';
import type { ProbeKeys } from './probe-keys.ts';
import { Sprays } from './sprays.ts';
import { watchActive, watchIdle } from './watch.ts';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Path discovery with one peer. Three things happen, each only while somebody has traffic: a discovery probes all candidates
 * and invites the peer to do the same; the path in use is watched; between discoveries there are pauses. An idle peer has no
 * deadline and costs nothing.
 */
export class PeerPaths implements Sleeper {
  wakeAt = NEVER;
  heapIndex = -1;

  readonly #slot: number;
  readonly #context: PathContext;
  readonly #exchange: ProbeExchange;
  readonly #activity = new Activity((now) => this.#begins(now));
  readonly #paths = new PathTable();
  readonly #discovery: Discovery;
  /** Whether the discovery under way follows one of the peer's. */
  #isReplying = false;
  /** As the coordinator tells; the peer's own invitations tell more. */
  #mapped: readonly Candidate[] = [];
  readonly #invitations = new Invitations();
  readonly #sprays: Sprays;
  readonly #current: CurrentPath;

  constructor(slot: number, publicKey: Uint8Array, context: PathContext, now: number) {
    this.#slot = slot;
    this.#context = context;
    this.#exchange = new ProbeExchange(slot, publicKey, context);
    this.#discovery = new Discovery(context.random);
    this.#sprays = new Sprays(slot, context, this.#invitations, this.#paths, (path, at) =>
      this.#probe(path, at),
    );
    this.#current = new CurrentPath(slot, context, now);
  }

  /** The tag of what this peer sends. */
  get receivingTag(): number {
    return this.#exchange.receivingTag;
  }

  /** The keys of both directions; null for a peer whose key allows none. */
  get keys(): ProbeKeys | null {
    return this.#exchange.keys;
  }

  /** The host has another key. */
  identityChanged(): void {
    this.#exchange.identityChanged();
  }

  /** There is a packet for the peer. Cheap where there was one just before: it runs for every batch. */
  traffic(now: number): void {
    if (!this.#activity.traffic(now)) return;
    if (this.#current.path === null) this.#discover(now);
    this.#serve(now);
  }

  setCandidates(candidates: readonly Candidate[], now: number): void {
    this.#mapped = candidates;
    this.#tell(now);
  }

  /** This host's own candidates, or its way to the relay, are others than before. */
  surroundingsChanged(now: number): void {
    this.#sprays.tries = 0;
    if (this.#activity.isOn(now)) {
      this.#discovery.reset();
      this.#discover(now);
    } else if (this.#current.path !== null) this.#leaveIdle(now);
    this.#serve(now);
  }

  relayChanged(now: number): void {
    this.#current.tell(this.#context.relayIsUp ? 'the relay is back' : 'the relay is away', now);
    if (this.#context.relayIsUp && this.#current.path === null && this.#activity.isOn(now))
      this.#discover(now);
    this.#serve(now);
  }

  setAbsent(isAbsent: boolean, now: number): void {
    this.#current.setAbsent(isAbsent, now);
    this.#serve(now);
  }

  /** An authentic message of the tunnel came from there. */
  heardFrom(address: UdpAddress, now: number): void {
    const path = this.#paths.learn(new Path(OWN_SOCKET, address.clone(), 'learned'), this.#current.path, now);
    if (path !== null && this.#activity.isOn(now) && now - path.provenAt > HEARTBEAT) this.#probe(path, now);
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
    if (!this.#exchange.isNew(invitation.id)) return;
    this.#invitations.received(invitation, now);
    if (invitation.wanted) this.#wanted(now);
    this.#tell(now);
    if (!invitation.reply) {
      const { startedAt } = this.#discovery;
      if (this.#activity.isOn(now) && (startedAt === null || now - startedAt > HEARTBEAT))
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
    if (this.#current.path !== null || this.#discovery.startedAt !== null) return;
    for (const path of this.#paths) this.#probe(path, now);
  }

  /** Does what is due, and sees to the next time. */
  advance(now: number): void {
    this.#serve(now);
  }

  status(): PeerPathStatus {
    const { view, why, since, changes } = this.#current.inUse;
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
    const { path } = this.#current;
    if (path !== null) {
      return { kind: 'direct', roundTrip: Number.isFinite(path.roundTrip) ? path.roundTrip : null };
    }
    if (this.#current.hasRelay) return { kind: 'relay', roundTrip: null };
    const isTried = this.#activity.isOn(now) && now - this.#activity.since > DEAD_AFTER;
    return { kind: isTried ? 'lost' : 'unknown', roundTrip: null };
  }

  /** Closes sockets and wipes keys; the peer is gone. */
  close(): void {
    this.#sprays.close();
    this.#exchange.forgetKeys();
    this.#context.deadlines.remove(this);
  }

  #wanted(now: number): void {
    this.#activity.wanted(now);
    this.#context.sink.wanted(this.#slot);
  }

  /** Somebody has packets, after a while without. */
  #begins(now: number): void {
    if (now - this.#activity.until > SPRAY_MEMORY) this.#sprays.tries = 0;
    if (this.#discovery.startedAt === null) this.#discovery.reset();
    const { path } = this.#current;
    // Silent for longer than NATs keep a mapping: by relay, until it has answered again.
    if (path !== null && now - path.provenAt > TRUST) this.#leaveIdle(now);
  }

  #serve(now: number): void {
    this.#exchange.forgetOld(now);
    let next = this.#watch(now);
    const isActive = this.#activity.isOn(now);
    if (isActive && this.#discovery.isDue(now)) this.#discover(now);
    const round = this.#discovery.takeRound(now);
    if (round !== null) this.#runRound(round, now);
    const wasDiscovering = this.#discovery.startedAt !== null;
    this.#discovery.pauseIfDone(this.#current.path !== null, now);
    if (wasDiscovering && this.#discovery.startedAt === null) this.#tidy(now);
    if (isActive || this.#discovery.startedAt !== null) next = Math.min(next, this.#discovery.next());
    const foundAt = this.#current.path === null ? null : this.#current.inUse.since;
    next = Math.min(next, this.#sprays.advance(this.#discovery.startedAt, foundAt, now));
    if (this.#sprays.keepsSockets) {
      this.#tidy(now);
      if (this.#sprays.keepsSockets) next = Math.min(next, now + TRUST / 4);
    }
    // A path that is left here must begin to be watched as an idle one.
    if (isActive && this.#current.path !== null) next = Math.min(next, this.#activity.until);
    if (next < NEVER) this.#context.deadlines.wakeBy(this, Math.max(next, now + 1));
  }

  /** Watches the path in use; when to look again. */
  #watch(now: number): number {
    const { path } = this.#current;
    if (path === null) return NEVER;
    const isActive = this.#activity.isOn(now);
    const isWarm = path.class !== 'lan' && now < this.#activity.until + WARM_TIME;
    const { verdict, probe, next } = isActive
      ? watchActive(path, this.#activity.since, now)
      : watchIdle(path, isWarm, now);
    if (verdict === 'alive') {
      if (probe) this.#probe(path, now);
      return next;
    }
    path.lost();
    if (verdict === 'expired') {
      this.#leaveIdle(now);
      return NEVER;
    }
    this.#current.choose(this.#paths, now);
    this.#context.sink.wantReflexive();
    this.#discovery.reset();
    this.#discover(now);
    return this.#current.path === null ? NEVER : now + HEARTBEAT;
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
    const isInviting = INVITING_ROUNDS.includes(round) && (round === 0 || this.#current.path === null);
    // Of two that asked each other again and again, neither would ever come to its pauses.
    if (isInviting || this.#invitations.isWaiting) this.#invite(this.#isReplying, now);
  }

  #invite(reply: boolean, now: number): void {
    if (this.#invitations.maySend(this.#context.candidates, now))
      this.#exchange.invite(this.#activity.isOwn(now), reply);
  }

  #tell(now: number): void {
    const { overlay } = this.#context;
    const usable = usableCandidates(
      [...this.#invitations.candidates, ...this.#mapped],
      overlay,
      MAX_CANDIDATES,
    );
    const fresh = this.#paths.tell(usable, this.#current.path);
    if (this.#discovery.startedAt !== null) for (const path of fresh) this.#probe(path, now);
    else if (fresh.length > 0 && this.#current.path === null && this.#activity.isOn(now)) this.#discover(now);
    if (this.#activity.isOn(now)) this.#serve(now);
  }

  #probe(path: Path, now: number): void {
    this.#exchange.probe(path, this.#activity.isOwn(now), now);
  }

  #ping(ping: Ping, socket: number, source: UdpAddress, now: number): void {
    if (!this.#exchange.isNew(ping.transaction)) return;
    const arrived = this.#paths.get(socket, source) ?? new Path(socket, source.clone(), 'learned');
    const path = this.#paths.learn(arrived, this.#current.path, now);
    if (path === null || !this.#exchange.answer(ping, path, source)) return;
    path.heardAt = now;
    if (ping.wanted) this.#wanted(now);
    if (!this.#activity.isOn(now) || now - path.provenAt <= HEARTBEAT) return;
    // The peer's probe shows that its NAT is open by now: what was sent before may have come too early.
    const pause = this.#discovery.startedAt === null ? HEARTBEAT_RETRY : PROBE_INTERVAL;
    if (now - path.lastProbe >= pause) this.#probe(path, now);
  }

  #pong(pong: Pong, socket: number, source: UdpAddress, now: number): void {
    const probe = this.#exchange.answered(pong, socket, source, now);
    const path = probe && this.#paths.learn(probe.path, this.#current.path, now);
    if (probe === null || path === null) return;
    path.observed = pong.observed;
    path.proved(probe.sentAt, now);
    this.#current.choose(this.#paths, now);
  }

  /** The path may be none any more, and nobody has traffic that would tell. */
  #leaveIdle(now: number): void {
    this.#current.drop();
    if (!this.#activity.isOn(now)) {
      this.#discovery.reset();
      this.#tidy(now);
    }
    this.#current.tell('idle', now);
  }

  /** Forgets what has been silent for long, and closes the sockets that nothing goes by any more. */
  #tidy(now: number): void {
    this.#paths.expire(this.#current.path, now);
    this.#sprays.closeUnused();
    this.#current.forgetLast((socket) => socket !== OWN_SOCKET && !this.#sprays.has(socket));
  }
}
