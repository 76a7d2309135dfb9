import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { RelayMember, RelayMembers, RelayOrder, RelayReport } from '../../proto/gen/warren.ts';
import { WarrenError } from '../../shared/errors.ts';
import { HEARTBEAT_INTERVAL, SILENCE_LIMIT } from '../../shared/heartbeats.ts';
import type { RpcContext } from '../grpc/context.ts';
import type { MapFeed, Subscriber } from '../grpc/map-feed.ts';
import { grpcError } from '../grpc/status.ts';
import { takesPart } from '../network/standing.ts';
import { relayUnknown } from './calling-relay.ts';

/** One relay's stream: who is a member and who may meet whom goes down. */
export class ControlStream implements Subscriber {
  /** Of no node: hears of every change. */
  readonly nodeId = '';
  readonly #relayId: string;
  readonly #call: ServerDuplexStream<RelayReport, RelayOrder>;
  readonly #context: RpcContext;
  readonly #feed: MapFeed;
  readonly #onEnd: () => void;
  /** What the relay was told, by node id. */
  readonly #told = new Map<string, { keyExpiresAt: number; group: number }>();
  #toldMeetings: string | null = null;
  #unsubscribe: () => void = () => {};
  #lastHeard: number;
  #lastSent: number;
  #sequence = 0n;
  /** The relay has not read what it was sent: until it has, changes add up. */
  #blocked = false;
  #behind = false;
  #ended = false;

  constructor(
    relayId: string,
    call: ServerDuplexStream<RelayReport, RelayOrder>,
    context: RpcContext,
    feed: MapFeed,
    onEnd: () => void,
  ) {
    this.#relayId = relayId;
    this.#call = call;
    this.#context = context;
    this.#feed = feed;
    this.#onEnd = onEnd;
    this.#lastHeard = context.clock.monotonic();
    this.#lastSent = this.#lastHeard;
  }

  start(): void {
    this.#send({ message: { $case: 'members', value: this.#news() } });
    this.#unsubscribe = this.#feed.subscribe(this);
    this.#call.on('data', (report: RelayReport) => this.#receive(report));
    this.#call.on('drain', () => {
      this.#blocked = false;
      this.#call.resume();
      if (this.#behind) this.changed();
    });
    for (const event of ['end', 'cancelled', 'close']) this.#call.on(event, () => this.end());
  }

  /** Something changed: who is a member, or only who may meet whom. */
  changed(): void {
    if (this.#ended) return;
    this.#behind = true;
    if (this.#blocked) return;
    this.#behind = false;
    if (!this.#feed.hasRelay(this.#relayId)) {
      this.end(relayUnknown());
      return;
    }
    const news = this.#news();
    const isNothing =
      news.members.length === 0 && news.removedNodeIds.length === 0 && news.meetings === undefined;
    if (!isNothing) this.#send({ message: { $case: 'changes', value: news } });
  }

  removed(): void {}

  tick(): void {
    const now = this.#context.clock.monotonic();
    if (now - this.#lastHeard > SILENCE_LIMIT) {
      this.end(new WarrenError('unavailable', 'the relay was silent for too long'));
    } else if (now - this.#lastSent >= HEARTBEAT_INTERVAL) {
      this.#sequence++;
      this.#send({ message: { $case: 'heartbeat', value: { sequence: this.#sequence } } });
    }
  }

  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unsubscribe();
    if (error === undefined) this.#call.end();
    else this.#call.emit('error', grpcError(error, this.#context.log));
    this.#onEnd();
  }

  #receive({ message }: RelayReport): void {
    this.#lastHeard = this.#context.clock.monotonic();
    if (message?.$case === 'heartbeat') return;
    this.end(new WarrenError('usage', 'unexpected message on the stream'));
  }

  /** What the relay was not told yet. */
  #news(): RelayMembers {
    const groups = this.#feed.groups();
    const members: RelayMember[] = [];
    const gone = new Set(this.#told.keys());
    for (const node of this.#feed.nodes()) {
      // A relay knows those alone that it is to serve.
      if (!takesPart(node)) continue;
      const { id, keyExpiresAt } = node;
      const group = groups.groupOf(id);
      const told = this.#told.get(id);
      gone.delete(id);
      if (told?.keyExpiresAt === keyExpiresAt && told.group === group) continue;
      this.#told.set(id, { keyExpiresAt, group });
      members.push({ nodeId: id, keyExpiresAt: BigInt(keyExpiresAt), group });
    }
    for (const id of gone) this.#told.delete(id);
    const text = JSON.stringify(groups.meetings);
    const isSame = text === this.#toldMeetings;
    this.#toldMeetings = text;
    const meetings = isSame ? undefined : { meetings: groups.meetings.map(([a, b]) => ({ a, b })) };
    return { members, removedNodeIds: [...gone], meetings };
  }

  #send(order: RelayOrder): void {
    if (this.#ended) return;
    this.#lastSent = this.#context.clock.monotonic();
    if (this.#call.write(order)) return;
    this.#blocked = true;
    this.#call.pause();
  }
}
