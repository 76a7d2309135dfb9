import { wipe } from '../../shared/key.ts';
import type { Sleeper } from '../wireguard/deadlines.ts';
import type { UdpAddress } from '../wireguard/udp-address.ts';
import { isLocal } from './address-class.ts';
import { type Candidate, usableCandidates } from './candidate.ts';
import { type ChoiceReason, choosePath } from './choose.ts';
import {
  FRESH,
  HEARTBEAT,
  HEARTBEAT_RETRY,
  INVITATION_BURST,
  INVITATION_INTERVAL,
  INVITING_ROUNDS,
  MAX_CANDIDATES,
  MAX_SPRAYS,
  PROBE_INTERVAL,
  PROBE_TIMEOUT,
  SEEN_MEMORY,
  SPRAY_AFTER,
  SPRAY_PAUSE,
  SPRAY_TRIES,
  TRAFFIC_TIME,
  TRUST,
  WANTED_TIME,
  WARM_TIME,
} from './constants.ts';
import { Discovery } from './discovery.ts';
import { type Invitation, type Message, type Ping, type Pong, randomId, sealMessage } from './messages.ts';
import { OWN_SOCKET, Path } from './path.ts';
import type { PathContext } from './path-context.ts';
import type { PathView, PeerPathStatus } from './path-sink.ts';
import { PathTable } from './path-table.ts';
import { type ProbeKeys, probeKeys, probeTag } from './probe-keys.ts';
import { Seen } from './seen.ts';
import { Spray } from './spray.ts';
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
  readonly #seen = new Seen(SEEN_MEMORY);
  /** Probes that wait for their answer, by transaction, oldest first. */
  readonly #probes = new Map<number, { path: Path; sentAt: number }>();
  /** Made when first needed: a peer without traffic costs no Diffie-Hellman. Null where it is impossible. */
  #keys: ProbeKeys | null | undefined;
  #sendingTag = 0;

  /** As the coordinator tells, and as the peer itself told last. */
  #mapped: readonly Candidate[] = [];
  #invited: readonly Candidate[] = [];
  #peerIsHard = false;
  #invitedAt = LONG_AGO;
  #sentInvitation = LONG_AGO;
  /** One more is to be sent with the next round, because the last was too short ago. */
  #invitationWaits = false;
  /** Credit in milliseconds for invitations to be heeded. */
  #credit = INVITATION_BURST * INVITATION_INTERVAL;
  #creditAt = LONG_AGO;

  /** The direct path that answers; null for none. */
  #current: Path | null = null;
  /** The last one that did. */
  #last: Path | null = null;
  /** What the driver was told; undefined before anything was. */
  #used: Path | null | undefined;
  #why: ChoiceReason | 'nothing tried yet' = 'nothing tried yet';
  #since: number;
  #changes = 0;

  #lastTraffic = LONG_AGO;
  #activeUntil = LONG_AGO;
  /** When the traffic under way began. */
  #activeSince = LONG_AGO;
  #spray: Spray | null = null;
  #sprayedAt = LONG_AGO;
  #sprayTries = 0;
  /** Sockets opened for sprays that are still open. */
  readonly #sockets = new Set<number>();

  constructor(slot: number, publicKey: Uint8Array, context: PathContext, now: number) {
    this.slot = slot;
    this.publicKey = publicKey.slice();
    this.#context = context;
    this.#discovery = new Discovery(context.random);
    this.#since = now;
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
    this.#sprayTries = 0;
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
    this.#credit = Math.min(INVITATION_BURST * INVITATION_INTERVAL, this.#credit + (now - this.#creditAt));
    this.#creditAt = now;
    if (this.#credit < INVITATION_INTERVAL) {
      counters.add('invitation-flood');
      return;
    }
    this.#credit -= INVITATION_INTERVAL;
    if (!this.#seen.isNew(invitation.id)) {
      counters.add('replayed-probe');
      return;
    }
    this.#invited = invitation.candidates;
    this.#peerIsHard = invitation.hard;
    this.#invitedAt = now;
    if (invitation.wanted) this.#activate(now + WANTED_TIME, now);
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
    for (const socket of sockets) {
      if (this.#spray === null) this.#context.sink.closeSocket(socket);
      else this.#sockets.add(socket);
    }
    this.#spray?.socketsOpened(sockets, now);
    this.#serve(now);
  }

  /** Does what is due, and sees to the next time. */
  advance(now: number): void {
    this.#serve(now);
  }

  status(): PeerPathStatus {
    const used = this.#used ?? null;
    return {
      path: used === null ? null : viewOf(used),
      why: this.#why,
      since: this.#since,
      changes: this.#changes,
      probing: this.#discovery.startedAt !== null,
      sprays: this.#sprayTries,
      tried: Array.from(this.#paths, (path) => ({ ...viewOf(path), provenAt: path.provenAt })),
    };
  }

  /** Closes sockets and wipes keys; the peer is gone. */
  close(): void {
    this.#endSpray(false);
    for (const socket of this.#sockets) this.#context.sink.closeSocket(socket);
    this.#sockets.clear();
    this.#forgetKeys();
    this.#context.deadlines.remove(this);
  }

  #isActive(now: number): boolean {
    return now < this.#activeUntil;
  }

  #activate(until: number, now: number): void {
    if (!this.#isActive(now)) {
      this.#activeSince = now;
      this.#sprayTries = 0;
      if (this.#discovery.startedAt === null) this.#discovery.reset();
      // Silent for longer than NATs keep a mapping: by relay, until it has answered again.
      if (this.#current !== null && now - this.#current.provenAt > TRUST) this.#leave('idle', now);
    }
    if (until > this.#activeUntil) this.#activeUntil = until;
  }

  #serve(now: number): void {
    this.#forgetProbes(now);
    let next = this.#watch(now);
    const isActive = this.#isActive(now);
    if (isActive && this.#discovery.isDue(now)) this.#discover(now);
    const round = this.#discovery.takeRound(now);
    if (round !== null) this.#runRound(round, now);
    const wasDiscovering = this.#discovery.startedAt !== null;
    this.#discovery.pauseIfDone(this.#current !== null, now);
    if (wasDiscovering && this.#discovery.startedAt === null) this.#tidy(now);
    if (isActive || this.#discovery.startedAt !== null) next = Math.min(next, this.#discovery.next());
    next = Math.min(next, this.#advanceSpray(now));
    if (this.#sockets.size > 0 && this.#spray === null) {
      this.#tidy(now);
      if (this.#sockets.size > 0) next = Math.min(next, now + TRUST / 4);
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

  /** Probes everything and asks the peer to do the same. */
  #discover(now: number, isReply = false): void {
    this.#discovery.start(now);
    if (isReply) {
      // Its own first round follows at once, and would send the same without saying that it is an answer.
      this.#invite(true, now);
    }
  }

  #runRound(round: number, now: number): void {
    const startedAt = this.#discovery.startedAt ?? now;
    for (const path of this.#paths) if (path.provenAt < startedAt) this.#probe(path, now);
    const isInviting = INVITING_ROUNDS.includes(round) && (round === 0 || this.#current === null);
    if (isInviting || this.#invitationWaits) this.#invite(false, now);
  }

  #invite(reply: boolean, now: number): void {
    this.#invitationWaits = now - this.#sentInvitation < PROBE_INTERVAL;
    if (this.#invitationWaits) return;
    const { context, wanted } = { context: this.#context, wanted: now - this.#lastTraffic <= TRAFFIC_TIME };
    const { candidates, hard, random } = context;
    const bytes = this.#seal({ kind: 'invitation', id: randomId(random), wanted, reply, hard, candidates });
    if (bytes === null) return;
    this.#sentInvitation = now;
    context.counters.add('sent-invitations');
    context.sink.relay(this.slot, bytes);
  }

  #tell(now: number): void {
    const { overlay } = this.#context;
    const usable = usableCandidates([...this.#invited, ...this.#mapped], overlay, MAX_CANDIDATES);
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
    this.#probes.set(transaction, { path, sentAt: now });
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
    if (ping.wanted) this.#activate(now + WANTED_TIME, now);
    if (!this.#isActive(now) || now - path.provenAt <= HEARTBEAT) return;
    // The peer's probe shows that its NAT is open by now: what was sent before may have come too early.
    const pause = this.#discovery.startedAt === null ? HEARTBEAT_RETRY : PROBE_INTERVAL;
    if (now - path.lastProbe >= pause) this.#probe(path, now);
  }

  /** Drops those that were waited for long enough. */
  #forgetProbes(now: number): void {
    for (const [transaction, { sentAt }] of this.#probes) {
      if (now - sentAt < PROBE_TIMEOUT) return;
      this.#probes.delete(transaction);
    }
  }

  #pong(pong: Pong, socket: number, source: UdpAddress, now: number): void {
    this.#forgetProbes(now);
    const waiting = this.#probes.get(pong.transaction);
    // From elsewhere than it was sent to, it says nothing about the way there.
    if (waiting === undefined || waiting.path.socket !== socket || !waiting.path.address.equals(source)) {
      this.#context.counters.add('unexpected-pong');
      return;
    }
    this.#probes.delete(pong.transaction);
    const path = this.#paths.learn(waiting.path, this.#current, now);
    if (path === null) return;
    path.observed = pong.observed;
    path.proved(waiting.sentAt, now);
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

  /** Tells the driver which way datagrams go. Without a relay the last path that answered is better than none. */
  #apply(why: ChoiceReason, now: number): void {
    const { sink, counters, relayIsUp } = this.#context;
    const path = this.#current ?? (relayIsUp ? null : this.#last);
    const before = this.#used;
    if (path === before) return;
    this.#used = path;
    sink.use(this.slot, path);
    if (before === undefined) return;
    this.#why = why;
    this.#since = now;
    this.#changes++;
    counters.add('path-changes');
    const [from, to] = [before, path].map((side) => (side === null ? null : viewOf(side)));
    sink.event({ kind: 'path-changed', slot: this.slot, from: from ?? null, to: to ?? null, why });
  }

  #advanceSpray(now: number): number {
    if (this.#spray === null) this.#beginSpray(now);
    const spray = this.#spray;
    if (spray === null) return this.#sprayMayBeginAt();
    const next = spray.advance(now);
    // A path that answers makes the rest of the probes pointless; sockets stay for what is still under way.
    if (this.#current !== null && now - this.#since > HEARTBEAT / 2) this.#endSpray(true);
    else if (spray.isOver) this.#endSpray(this.#current !== null);
    else return this.#current === null ? next : Math.min(next, this.#since + HEARTBEAT / 2 + 1);
    return NEVER;
  }

  /** When a spray may begin, as far as this end knows: the peer has asked for it, and simpler ways were tried. */
  #sprayMayBeginAt(): number {
    const { hard, sprays } = this.#context;
    const { startedAt } = this.#discovery;
    if (this.#current !== null || startedAt === null || hard === this.#peerIsHard) return NEVER;
    if (this.#invitedAt < startedAt - HEARTBEAT || this.#sprayTries >= SPRAY_TRIES || sprays >= MAX_SPRAYS)
      return NEVER;
    if (this.#sprayTargets().length === 0) return NEVER;
    return Math.max(startedAt + SPRAY_AFTER, this.#sprayedAt + SPRAY_PAUSE);
  }

  #beginSpray(now: number): void {
    if (now < this.#sprayMayBeginAt()) return;
    this.#spray = new Spray(
      this.slot,
      this.#sprayTargets(),
      this.#context,
      (path, at) => this.#probe(path, at),
      now,
    );
    this.#sprayedAt = now;
    this.#sprayTries++;
    this.#context.sprays++;
    this.#context.counters.add('sprays');
  }

  /** Where the peer said in its invitation that it is seen from outside, in IPv4, which is where hard NATs are. */
  #sprayTargets(): UdpAddress[] {
    const { overlay } = this.#context;
    return usableCandidates(this.#invited, overlay, MAX_CANDIDATES)
      .filter(
        ({ kind, address }) =>
          address.family === 4 && !isLocal(address) && (kind !== 'interface' || !this.#peerIsHard),
      )
      .map(({ address }) => address)
      .slice(0, 2);
  }

  #endSpray(found: boolean): void {
    const spray = this.#spray;
    if (spray === null) return;
    this.#spray = null;
    this.#context.sprays--;
    this.#closeSockets();
    const { slot } = this;
    this.#context.sink.event({
      kind: 'sprayed',
      slot,
      found,
      probes: spray.probes,
      sockets: spray.sockets.length,
    });
  }

  /** Forgets what has been silent for long, and closes the sockets that nothing goes by any more. */
  #tidy(now: number): void {
    this.#paths.expire(this.#current, now);
    if (this.#spray !== null) return;
    this.#closeSockets();
    // Without its socket it is no way any more, not even the last resort.
    if (this.#last !== null && this.#last.socket !== OWN_SOCKET && !this.#sockets.has(this.#last.socket))
      this.#last = null;
  }

  #closeSockets(): void {
    for (const socket of this.#sockets) {
      if (this.#paths.usesSocket(socket)) continue;
      this.#sockets.delete(socket);
      this.#context.sink.closeSocket(socket);
    }
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

function viewOf({ socket, address, kind, class: pathClass, roundTrip }: Path): PathView {
  return { socket, address, kind, class: pathClass, roundTrip };
}
