/**
 * Who may meet whom by relay, in a form that a relay can keep and decide by alone: nodes of one group meet the same others. What
 * a policy does not tell apart is one group, so there are few; without a policy there is one, which meets itself.
 */
export interface MeetingGroups {
  /** The group of a node, by its id; 0 for one that is not there. */
  groupOf(nodeId: string): number;
  /** The pairs of groups whose nodes may meet, each once and in the order of their numbers. */
  readonly meetings: readonly (readonly [number, number])[];
}

/** All meet all. */
export const ONE_GROUP: MeetingGroups = { groupOf: () => 0, meetings: [[0, 0]] };

/** The pairs of groups as a relay asks for them. */
export class Meetings {
  readonly #met = new Map<number, Set<number>>();

  constructor(meetings: Iterable<readonly [number, number]>) {
    for (const [a, b] of meetings) {
      this.#add(a, b);
      this.#add(b, a);
    }
  }

  /** Each once. */
  *[Symbol.iterator](): Iterator<readonly [number, number]> {
    for (const [a, met] of this.#met) for (const b of met) if (a <= b) yield [a, b];
  }

  has(a: number, b: number): boolean {
    return this.#met.get(a)?.has(b) ?? false;
  }

  #add(a: number, b: number): void {
    const met = this.#met.get(a);
    if (met === undefined) this.#met.set(a, new Set([b]));
    else met.add(b);
  }
}
