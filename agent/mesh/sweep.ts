/** Points of a line from `from` on, as far as `end`, which is the first that does not belong to it. */
export interface Range<N extends number | bigint> {
  from: N;
  end: N;
  /** Whose it is; one may have several, within each other too. */
  owner: number;
}

/**
 * Goes along the line and tells, of each stretch on which nothing changes, who has it: in ascending order, and at least one. The
 * array is good for that call alone.
 */
export function sweep<N extends number | bigint>(
  ranges: readonly Range<N>[],
  tell: (from: N, end: N, owners: readonly number[]) => void,
): void {
  const edges = ranges.flatMap(({ from, end, owner }) => [
    { at: from, owner, change: 1 },
    { at: end, owner, change: -1 },
  ]);
  edges.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  /** How many ranges of an owner are open. */
  const open = new Map<number, number>();
  const owners: number[] = [];
  for (let i = 0; i < edges.length; ) {
    const { at } = edges[i] as { at: N };
    for (; edges[i]?.at === at; i++) {
      const { owner, change } = edges[i] as { owner: number; change: number };
      const before = open.get(owner) ?? 0;
      open.set(owner, before + change);
      if (before === 0) owners.splice(placeOf(owner, owners), 0, owner);
      else if (before + change === 0) owners.splice(placeOf(owner, owners), 1);
    }
    const next = edges[i]?.at;
    if (next !== undefined && owners.length > 0) tell(at, next, owners);
  }
}

/** Where it is among sorted ones, or belongs. */
function placeOf(owner: number, owners: readonly number[]): number {
  let [low, high] = [0, owners.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((owners[middle] as number) < owner) low = middle + 1;
    else high = middle;
  }
  return low;
}
