/** What an administrator decided of a node, as the store keeps it. */
export interface Decided {
  readonly approved: boolean;
  readonly disabled: boolean;
}

/**
 * Whether a node takes part: `unapproved` waits until an administrator lets it in, `disabled` was shut out for now. Neither sees
 * anybody or is seen, at peers and at relays; both stay connected, and are told.
 */
export type Standing = 'member' | 'unapproved' | 'disabled';

export function standingOf({ approved, disabled }: Decided): Standing {
  if (disabled) return 'disabled';
  return approved ? 'member' : 'unapproved';
}

export function takesPart(node: Decided): boolean {
  return standingOf(node) === 'member';
}
