import { edgeBetween, pairKey } from './edges.ts';
import type { MeshNodes } from './mesh-nodes.ts';
import {
  type Picture,
  type PictureEdge,
  type PictureItem,
  pictureEdge,
  pictureMachine,
  pictureOf,
} from './picture.ts';
import type { Telemetry } from './telemetry.ts';

/** What became of a picture; items and edges are new or changed, each whole. */
export interface PictureChange {
  items: PictureItem[];
  edges: PictureEdge[];
  goneItems: string[];
  /** As `a b`. */
  goneEdges: string[];
  edgesLeftOut: number;
}

export type PictureNews = { event: 'picture'; data: Picture } | { event: 'change'; data: PictureChange };

/**
 * One looker's picture of the mesh: first whole, then what changed. A report costs as much as it says; the whole is made anew only
 * when the network itself changed, and while it is in groups, where few items stand for all.
 */
export class PictureFeed {
  readonly #nodes: MeshNodes;
  readonly #telemetry: Telemetry;
  readonly #time: () => { now: number; monotonic: number };
  readonly #expanded: ReadonlySet<string>;
  readonly #items = new Map<string, string>();
  readonly #edges = new Map<string, string>();
  readonly #dirtyNodes = new Set<string>();
  readonly #dirtyEdges = new Map<string, [string, string]>();
  /** Edges that were told with traffic, which ends by itself. */
  readonly #moving = new Map<string, [string, string]>();
  #hasMoved = false;
  #shown: Picture | null = null;
  readonly #stop: (() => void)[];

  constructor(
    nodes: MeshNodes,
    telemetry: Telemetry,
    time: () => { now: number; monotonic: number },
    expanded: ReadonlySet<string>,
  ) {
    this.#nodes = nodes;
    this.#telemetry = telemetry;
    this.#time = time;
    this.#expanded = expanded;
    this.#stop = [
      nodes.onMove(() => {
        this.#hasMoved = true;
      }),
      telemetry.listen({
        node: (id) => this.#dirtyNodes.add(id),
        edge: (a, b) => this.#dirtyEdges.set(pairKey(a, b), [a, b]),
      }),
    ];
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }

  get isGrouped(): boolean {
    return this.#shown?.isGrouped ?? false;
  }

  /** What there is to tell since the last time; null for nothing. */
  next(): PictureNews | null {
    const isDirty = this.#hasMoved || this.#dirtyNodes.size + this.#dirtyEdges.size + this.#moving.size > 0;
    if (this.#shown !== null && !isDirty) return null;
    const whole = this.#shown === null || this.#hasMoved || this.isGrouped;
    const news = whole ? this.#wholeNews() : this.#parts();
    this.#hasMoved = false;
    this.#dirtyNodes.clear();
    this.#dirtyEdges.clear();
    return news;
  }

  #wholeNews(): PictureNews | null {
    const before = this.#shown;
    const picture = pictureOf(this.#nodes, this.#telemetry, this.#time(), this.#expanded);
    this.#shown = picture;
    if (before === null || before.isGrouped !== picture.isGrouped || !sameRelays(before, picture)) {
      for (const map of [this.#items, this.#edges, this.#moving]) map.clear();
      for (const item of picture.items) this.#items.set(item.id, JSON.stringify(item));
      for (const edge of picture.edges) this.#remember(edge);
      return { event: 'picture', data: picture };
    }
    const goneItems = without(this.#items, new Set(picture.items.map(({ id }) => id)));
    const goneEdges = without(this.#edges, new Set(picture.edges.map(({ a, b }) => pairKey(a, b))));
    for (const key of goneEdges) this.#moving.delete(key);
    return told({
      items: picture.items.filter((item) => this.#isNewItem(item)),
      edges: picture.edges.filter((edge) => this.#remember(edge)),
      goneItems,
      goneEdges,
      edgesLeftOut: picture.edgesLeftOut,
    });
  }

  #parts(): PictureNews | null {
    const time = this.#time();
    const items = [...this.#dirtyNodes].flatMap((id) => {
      const node = this.#nodes.node(id);
      const item = node === undefined ? null : pictureMachine(node, this.#telemetry, time.now);
      return item !== null && this.#items.has(id) && this.#isNewItem(item) ? [item] : [];
    });
    const edges: PictureEdge[] = [];
    const goneEdges: string[] = [];
    for (const [key, [a, b]] of new Map([...this.#moving, ...this.#dirtyEdges])) {
      const edge = edgeBetween(this.#telemetry, this.#nodes, a, b, time.monotonic);
      if (edge === null) {
        this.#moving.delete(key);
        if (this.#edges.delete(key)) goneEdges.push(key);
        continue;
      }
      // A picture that has left out some edges is made whole at the next move of the network.
      if (!this.#edges.has(key) && (this.#shown?.edgesLeftOut ?? 0) > 0) continue;
      const shown = pictureEdge(edge);
      if (this.#remember(shown)) edges.push(shown);
    }
    const { edgesLeftOut } = this.#shown as Picture;
    return told({ items, edges, goneItems: [], goneEdges, edgesLeftOut });
  }

  #isNewItem(item: PictureItem): boolean {
    const text = JSON.stringify(item);
    if (this.#items.get(item.id) === text) return false;
    this.#items.set(item.id, text);
    return true;
  }

  /** Whether the edge is another than was told. */
  #remember(edge: PictureEdge): boolean {
    const key = pairKey(edge.a, edge.b);
    if (edge.rate + edge.rateBack > 0) this.#moving.set(key, [edge.a, edge.b]);
    else this.#moving.delete(key);
    const text = JSON.stringify(edge);
    if (this.#edges.get(key) === text) return false;
    this.#edges.set(key, text);
    return true;
  }
}

/** Takes out what is not in `kept`; its keys. */
function without(map: Map<string, string>, kept: ReadonlySet<string>): string[] {
  const gone = [...map.keys()].filter((key) => !kept.has(key));
  for (const key of gone) map.delete(key);
  return gone;
}

function told(change: PictureChange): PictureNews | null {
  const { items, edges, goneItems, goneEdges } = change;
  const isEmpty = items.length + edges.length + goneItems.length + goneEdges.length === 0;
  return isEmpty ? null : { event: 'change', data: change };
}

function sameRelays(before: Picture, after: Picture): boolean {
  return JSON.stringify(before.relays) === JSON.stringify(after.relays);
}
