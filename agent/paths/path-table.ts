import type { UdpAddress } from '../wireguard/udp-address.ts';
import { addressKey, type Candidate } from './candidate.ts';
import { DEAD_AFTER, MAX_LEARNED, TRUST } from './constants.ts';
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
    let learned = 0;
    for (const { kind } of this.#paths.values()) if (kind === 'learned') learned++;
    for (const [key, path] of this.#paths) {
      const kind = told.get(key);
      if (kind !== undefined) path.kind = kind;
      else if (path.kind !== 'learned') {
        // What answered, or sent, is good for itself, told or not.
        if (path === keep || (path.heardAt > Number.NEGATIVE_INFINITY && learned < MAX_LEARNED)) {
          path.kind = 'learned';
          learned++;
        } else this.#paths.delete(key);
      }
    }
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

  /**
   * The path, or the one that is known already. Where there are too many of its kind it takes the place of the least recently
   * heard; null where all of them are in use, perhaps by the peer alone: it then must not be answered, for the peer would
   * take it for a path.
   */
  learn(path: Path, keep: Path | null, now: number): Path | null {
    const key = keyOf(path.socket, path.address);
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    const learned = [...this.#paths].filter(([, other]) => other.kind === 'learned' && other !== keep);
    if (learned.length >= MAX_LEARNED) {
      const [oldest, least] = learned.reduce((a, b) => (lastSign(b[1]) < lastSign(a[1]) ? b : a));
      if (now - lastSign(least) < DEAD_AFTER) return null;
      this.#paths.delete(oldest);
    }
    this.#paths.set(key, path);
    return path;
  }

  /** Forgets learned paths that have been silent for long; sooner where they keep a socket of their own open. */
  expire(keep: Path | null, now: number): void {
    for (const [key, path] of this.#paths) {
      if (path.kind !== 'learned' || path === keep) continue;
      if (now - lastSign(path) > (path.socket === OWN_SOCKET ? LEARNED_TIME : TRUST)) this.#paths.delete(key);
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
