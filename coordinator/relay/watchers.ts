import type { WarrenError } from '../../shared/errors.ts';

/** Who wants to know when a node is no longer a member. */
export class Watchers {
  readonly #watched = new Map<string, Set<(why: WarrenError) => void>>();

  add(nodeId: string, gone: (why: WarrenError) => void): () => void {
    const all = this.#watched.get(nodeId) ?? new Set();
    all.add(gone);
    this.#watched.set(nodeId, all);
    return () => {
      all.delete(gone);
      if (all.size === 0 && this.#watched.get(nodeId) === all) this.#watched.delete(nodeId);
    };
  }

  /** Tells those that watch nodes for which there is a reason. */
  check(reason: (nodeId: string) => WarrenError | null): void {
    for (const [nodeId, all] of [...this.#watched]) {
      const why = reason(nodeId);
      if (why === null) continue;
      this.#watched.delete(nodeId);
      for (const gone of [...all]) gone(why);
    }
  }
}
