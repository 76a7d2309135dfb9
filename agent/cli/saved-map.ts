import { checkMap, type NetworkMap } from '../mesh/network-map.ts';
import type { State } from '../state/state.ts';

/** The map that the agent of this host kept last; null where there is none that can be used. */
export function savedMap(state: State): NetworkMap | null {
  const saved = state.savedMap(() => {});
  if (saved === null) return null;
  try {
    return checkMap(saved.map);
  } catch {
    return null;
  }
}
