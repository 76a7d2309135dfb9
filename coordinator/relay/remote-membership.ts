import type { RelayMembers } from '../../proto/gen/warren.ts';
import type { Clock } from '../../shared/clock.ts';
import { WarrenError } from '../../shared/errors.ts';
import { keyExpired, STRANGER } from '../grpc/caller.ts';
import { isExpired } from '../network/joining.ts';
import { Meetings } from '../network/meeting-groups.ts';
import { commonName } from './certificate-name.ts';
import type { Membership } from './membership.ts';
import { Watchers } from './watchers.ts';

const TICK = 1_000;

interface Member {
  keyExpiresAt: number;
  group: number;
}

/**
 * Membership as a relay on a host of its own is told it by the coordinator: who is a member, in which group, and which groups
 * may meet. So nothing has to be asked for, and all of it goes on to count while the coordinator is away.
 */
export class RemoteMembership implements Membership {
  readonly #clock: Clock;
  readonly #watchers = new Watchers();
  readonly #timer: NodeJS.Timeout;
  /** By node id; null before anything was heard. */
  #members: Map<string, Member> | null = null;
  #meetings = new Meetings([]);

  /** `kept`: what was known when the relay last ran, until the coordinator says it anew. */
  constructor(clock: Clock, kept: RelayMembers | null = null) {
    this.#clock = clock;
    if (kept !== null) this.replace(kept);
    this.#timer = setInterval(() => this.#check(), TICK);
  }

  /** All members and meetings, instead of those known. */
  replace(members: RelayMembers): void {
    this.#members = new Map();
    this.#meetings = new Meetings([]);
    this.change(members);
  }

  change({ members, removedNodeIds, meetings }: RelayMembers): void {
    this.#members ??= new Map();
    for (const { nodeId, keyExpiresAt, group } of members)
      this.#members.set(nodeId, { keyExpiresAt: Number(keyExpiresAt), group });
    for (const nodeId of removedNodeIds) this.#members.delete(nodeId);
    if (meetings !== undefined) this.#meetings = new Meetings(meetings.meetings.map(({ a, b }) => [a, b]));
    this.#check();
  }

  /** All that is known. */
  all(): RelayMembers {
    const members = Array.from(this.#members ?? [], ([nodeId, { keyExpiresAt, group }]) => ({
      nodeId,
      keyExpiresAt: BigInt(keyExpiresAt),
      group,
    }));
    return {
      members,
      removedNodeIds: [],
      meetings: { meetings: Array.from(this.#meetings, ([a, b]) => ({ a, b })) },
    };
  }

  async admit(certificate: Uint8Array | undefined): Promise<string> {
    const nodeId = certificate === undefined ? null : commonName(certificate);
    if (nodeId === null) throw STRANGER();
    if (this.#members === null) {
      throw new WarrenError('unavailable', 'this relay has not heard of its coordinator yet');
    }
    const why = this.#reason(nodeId);
    if (why !== null) throw why;
    return nodeId;
  }

  mayMeet(a: string, b: string): boolean {
    const [one, other] = [this.#members?.get(a), this.#members?.get(b)];
    if (a === b || one === undefined || other === undefined) return false;
    const now = this.#clock.wall();
    if (isExpired(one.keyExpiresAt, now) || isExpired(other.keyExpiresAt, now)) return false;
    return this.#meetings.has(one.group, other.group);
  }

  watch(nodeId: string, gone: (why: WarrenError) => void): () => void {
    const unwatch = this.#watchers.add(nodeId, gone);
    this.#check();
    return unwatch;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    this.#watchers.check((nodeId) => this.#reason(nodeId));
  }

  /** Why a node is to be refused; null if it is not. */
  #reason(nodeId: string): WarrenError | null {
    const member = this.#members?.get(nodeId);
    if (member === undefined) return STRANGER();
    return isExpired(member.keyExpiresAt, this.#clock.wall()) ? keyExpired() : null;
  }
}
