import { HYSTERESIS, HYSTERESIS_FACTOR, IPV6_GRACE } from './constants.ts';
import { PATH_CLASSES, type Path } from './path.ts';

/** Why a path was chosen: what a person reads in the log and in `agent status`. */
export type ChoiceReason =
  | 'answered first'
  | 'within one site'
  | 'shorter round trip'
  | 'IPv6, no slower'
  | 'the one before stopped answering'
  | 'idle'
  | 'the relay is away'
  | 'the relay is back'
  | 'no relay has it';

export interface Choice {
  /** Null: by relay. */
  path: Path | null;
  why: ChoiceReason;
}

/**
 * The path to use among those that answer, or null to keep the current one: first by class (one site, then direct), then by
 * round trip with hysteresis, IPv6 where it is no worse. `current` must itself be one of `usable`; otherwise it was lost.
 */
export function choosePath(current: Path | null, usable: readonly Path[]): Choice | null {
  const best = usable.reduce<Path | null>(
    (least, path) => (least === null || isBefore(path, least) ? path : least),
    null,
  );
  if (current === null) return best === null ? null : { path: best, why: 'answered first' };
  if (!usable.includes(current)) return { path: best, why: 'the one before stopped answering' };
  if (best === null || best === current) return null;
  const why = improvement(current, best);
  return why === null ? null : { path: best, why };
}

/** Why `other` is enough better than `current` to change; null if it is not. No two paths are each better than the other. */
function improvement(current: Path, other: Path): ChoiceReason | null {
  const step = rank(other) - rank(current);
  if (step !== 0) return step < 0 ? 'within one site' : null;
  if (other.isIpv6 && !current.isIpv6 && other.roundTrip <= current.roundTrip + IPV6_GRACE)
    return 'IPv6, no slower';
  return other.roundTrip + HYSTERESIS < current.roundTrip * HYSTERESIS_FACTOR ? 'shorter round trip' : null;
}

function isBefore(a: Path, b: Path): boolean {
  if (a.class !== b.class) return rank(a) < rank(b);
  if (a.isIpv6 !== b.isIpv6)
    return a.isIpv6 ? a.roundTrip <= b.roundTrip + IPV6_GRACE : a.roundTrip + IPV6_GRACE < b.roundTrip;
  return a.roundTrip < b.roundTrip;
}

function rank(path: Path): number {
  return PATH_CLASSES.indexOf(path.class);
}
