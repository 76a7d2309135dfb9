import type { UdpAddress } from '../wireguard/udp-address.ts';
import { addressKey, type Candidate } from './candidate.ts';
import { MAX_LEARNED } from './constants.ts';
import { OWN_SOCKET, Path } from './path.ts';

/** After so long without a word, a path that nobody told of is forgotten. */
const LEARNED_TIME = 60_000;

/** The paths to one peer that are tried: those it told of, and those its own probes came by. Both are bounded. */
export class PathTable {
  readonly #paths = new Map<string, Path>();

  get(socket: number, address: UdpAddress): Path | undefined {
    return this.#paths.get(keyOf(socket, address));
  }

  [Symbol.iterator](): IterableIterator<Path> {
    return this.#paths.values();
  }

  /**
   * Takes the peer's candidates (already usable and bounded) in the place of those told before; `keep` stays in any case.
   * Returns the new ones.
   */
  tell(candidates: readonly Candidate[], keep: Path | null): Path[] {
    const told = new Map(
      candidates.map((candidate) => [keyOf(OWN_SOCKET, candidate.address), candidate.kind]),
    );
    for (const [key, path] of this.#paths) {
      const kind = told.get(key);
      if (kind !== undefined) path.kind = kind;
      else if (path.kind !== 'learned') {
        // What answered, or sent, is good for itself, told or not.
        if (path === keep || path.heardAt > Number.NEGATIVE_INFINITY) path.kind = 'learned';
        else this.#paths.delete(key);
      }
    }
    this.#makeRoom(MAX_LEARNED, keep);
    const fresh: Path[] = [];
    for (const { kind, address } of candidates) {
      const key = keyOf(OWN_SOCKET, address);
      if (this.#paths.has(key)) continue;
      const path = new Path(OWN_SOCKET, address, kind);
      this.#paths.set(key, path);
      fresh.push(path);
    }
    return fresh;
  }

  /** Adds a path that a probe came by, in the place of the least recently heard of its kind where there are too many. */
  learn(path: Path, keep: Path | null): Path {
    const key = keyOf(path.socket, path.address);
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    this.#makeRoom(MAX_LEARNED - 1, keep);
    this.#paths.set(key, path);
    return path;
  }

  #makeRoom(limit: number, keep: Path | null): void {
    const learned = [...this.#paths].filter(([, path]) => path.kind === 'learned' && path !== keep);
    if (learned.length <= limit) return;
    learned.sort(([, a], [, b]) => lastSign(b) - lastSign(a));
    for (const [key] of learned.slice(limit)) this.#paths.delete(key);
  }

  /** Forgets learned paths that have been silent for long. */
  expire(keep: Path | null, now: number): void {
    for (const [key, path] of this.#paths) {
      if (path.kind === 'learned' && path !== keep && now - lastSign(path) > LEARNED_TIME)
        this.#paths.delete(key);
    }
  }

  usesSocket(socket: number): boolean {
    for (const path of this.#paths.values()) if (path.socket === socket) return true;
    return false;
  }
}

function lastSign(path: Path): number {
  return Math.max(path.heardAt, path.provenAt);
}

function keyOf(socket: number, address: UdpAddress): string {
  return `${socket}/${addressKey(address)}`;
}
