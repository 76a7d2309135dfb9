import { WarrenError } from '../../shared/errors.ts';
import { keyExpired, nodeOfCertificate, STRANGER } from '../grpc/caller.ts';
import type { RpcContext } from '../grpc/context.ts';
import type { MapFeed, Subscriber } from '../grpc/map-feed.ts';
import { isExpired } from '../network/joining.ts';
import { Meetings, ONE_GROUP } from '../network/meeting-groups.ts';
import { takesPart } from '../network/standing.ts';
import type { Membership } from './membership.ts';
import { Watchers } from './watchers.ts';

const TICK = 1_000;

/** Not "unauthenticated", which ends an agent for good: it may be let in, or back in. */
function notAdmitted(): WarrenError {
  return new WarrenError('permission-denied', 'this node waits for approval or is disabled');
}

/** Membership of the coordinator's own relay: what its feed holds. */
export class LocalMembership implements Membership {
  readonly #context: Pick<RpcContext, 'store' | 'clock'>;
  readonly #feed: MapFeed;
  readonly #watchers = new Watchers();
  readonly #unsubscribe: () => void;
  readonly #timer: NodeJS.Timeout;
  #groups = ONE_GROUP;
  #meetings = new Meetings(ONE_GROUP.meetings);

  constructor(context: Pick<RpcContext, 'store' | 'clock'>, feed: MapFeed) {
    this.#context = context;
    this.#feed = feed;
    // Of nobody: hears of every change, and of no removal in particular.
    const subscriber: Subscriber = { nodeId: '', changed: () => this.#check(), removed: () => {} };
    this.#unsubscribe = feed.subscribe(subscriber);
    this.#timer = setInterval(() => this.#check(), TICK);
  }

  async admit(certificate: Uint8Array | undefined): Promise<string> {
    const node = await nodeOfCertificate(certificate, this.#context);
    if (!takesPart(node)) throw notAdmitted();
    const { id } = node;
    // A node that joined a moment ago may be newer than what the feed holds.
    if (this.#feed.node(id) === undefined) await this.#feed.refresh();
    return id;
  }

  mayMeet(a: string, b: string): boolean {
    const [one, other] = [this.#feed.node(a), this.#feed.node(b)];
    if (a === b || one === undefined || other === undefined) return false;
    if (!takesPart(one) || !takesPart(other)) return false;
    const now = this.#context.clock.wall();
    if (isExpired(one.keyExpiresAt, now) || isExpired(other.keyExpiresAt, now)) return false;
    const groups = this.#feed.groups();
    if (groups !== this.#groups) {
      this.#groups = groups;
      this.#meetings = new Meetings(groups.meetings);
    }
    return this.#meetings.has(groups.groupOf(a), groups.groupOf(b));
  }

  watch(nodeId: string, gone: (why: WarrenError) => void): () => void {
    const unwatch = this.#watchers.add(nodeId, gone);
    this.#check();
    return unwatch;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  #check(): void {
    const now = this.#context.clock.wall();
    this.#watchers.check((nodeId) => {
      const node = this.#feed.node(nodeId);
      if (node === undefined) return STRANGER();
      if (!takesPart(node)) return notAdmitted();
      return isExpired(node.keyExpiresAt, now) ? keyExpired() : null;
    });
  }
}
