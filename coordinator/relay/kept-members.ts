import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { RelayMembers } from '../../proto/gen/warren.ts';
import { writeFileAtomically } from '../../shared/atomic-file.ts';
import type { Clock } from '../../shared/clock.ts';
import { describeError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';

const FILE = 'members.json';
const HOUR = 60 * 60 * 1000;
/** What the coordinator said counts for so long after a restart: whoever was removed since is still carried for. */
export const KEPT_FOR = 24 * HOUR;
/** At most this often for changes, and at least this often while the coordinator is there. Milliseconds. */
const LEAST_PAUSE = 5_000;
const LONGEST_PAUSE = HOUR;

const number = z.number().int().nonnegative();
const schema = z.object({
  version: z.literal(1),
  savedAt: z.number(),
  members: z.array(z.object({ nodeId: z.string().min(1), keyExpiresAt: number, group: number })),
  meetings: z.array(z.tuple([number, number])),
});

/**
 * What a relay keeps of who is a member, beside its identity, so that one that is started while its coordinator is away carries
 * on. Null where there is nothing, or nothing that counts any more.
 */
export function readMembers(folder: string, now: number, log: Logger): RelayMembers | null {
  let text: string;
  try {
    text = readFileSync(join(folder, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { savedAt, members, meetings } = schema.parse(JSON.parse(text));
    // A clock that was set back makes it no younger.
    if (Math.abs(now - savedAt) > KEPT_FOR) return null;
    return {
      members: members.map((member) => ({ ...member, keyExpiresAt: BigInt(member.keyExpiresAt) })),
      removedNodeIds: [],
      meetings: { meetings: meetings.map(([a, b]) => ({ a, b })) },
    };
  } catch (error) {
    log.warn({ reason: describeError(error) }, 'the members kept on disk are not used');
    return null;
  }
}

/** Keeps what is known up to date on disk. A full disk ends nothing. */
export class MembersKeeper {
  readonly #folder: string;
  readonly #known: () => RelayMembers;
  readonly #clock: Clock;
  readonly #log: Logger;
  #isChanged = false;
  #savedAt = Number.NEGATIVE_INFINITY;

  constructor(folder: string, known: () => RelayMembers, clock: Clock, log: Logger) {
    this.#folder = folder;
    this.#known = known;
    this.#clock = clock;
    this.#log = log;
  }

  /** The coordinator has said something, a heartbeat at the least, which comes every few seconds. */
  heard(isChange: boolean): void {
    this.#isChanged ||= isChange;
    const pause = this.#clock.monotonic() - this.#savedAt;
    if (pause >= (this.#isChanged ? LEAST_PAUSE : LONGEST_PAUSE)) this.save();
  }

  save(): void {
    this.#isChanged = false;
    this.#savedAt = this.#clock.monotonic();
    const { members, meetings } = this.#known();
    const record: z.infer<typeof schema> = {
      version: 1,
      savedAt: this.#clock.wall(),
      members: members.map((member) => ({ ...member, keyExpiresAt: Number(member.keyExpiresAt) })),
      meetings: (meetings?.meetings ?? []).map(({ a, b }) => [a, b]),
    };
    try {
      writeFileAtomically(join(this.#folder, FILE), `${JSON.stringify(record)}\n`);
    } catch (error) {
      this.#log.warn({ reason: describeError(error) }, 'the members were not kept on disk');
    }
  }

  /** Keeps what has not been kept yet. */
  close(): void {
    if (this.#isChanged) this.save();
  }
}
