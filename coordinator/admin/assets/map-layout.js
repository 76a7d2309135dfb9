// Where machines stand in the picture: those of one tag together, the same for everybody, and where a person put them. A
// machine that has a place keeps it, whatever comes and goes.
const STORED = 'warren-map-places';
/** Places kept in this browser. */
const MOST_STORED = 2_000;
/** Between neighbours in a tag, and between tags. */
const GAP = 85;
const GROUP_GAP = 130;
/** The angle at which points of a spiral are as far apart as can be. */
const GOLDEN = Math.PI * (3 - Math.sqrt(5));
/** So many stand in a circle, in which every line can be seen. */
const MOST_IN_CIRCLE = 32;
/** The picture of more items is not moved about by its lines, which takes seconds. */
const MOST_ARRANGED = 80;

export function storedPlaces() {
  try {
    return new Map(Object.entries(JSON.parse(localStorage.getItem(STORED) ?? '{}')));
  } catch {
    return new Map(); // storage is switched off, or holds something else
  }
}

export function storePlaces(places) {
  try {
    localStorage.setItem(STORED, JSON.stringify(Object.fromEntries([...places].slice(-MOST_STORED))));
  } catch {
    // Then for this page only.
  }
}

/** Gives a place to each item that has none. Says whether they may be moved about by their lines. */
export function place(items, places) {
  const fresh = items.filter(({ id }) => !places.has(id));
  if (fresh.length === 0) return false;
  const machines = fresh.filter(({ kind }) => kind === 'machine');
  if (fresh.length === items.length && machines.length > 2 && machines.length <= MOST_IN_CIRCLE) {
    const radius = circle(machines, places);
    const relays = fresh.filter(({ kind }) => kind !== 'machine');
    // Not in the very middle, through which the lines of opposite machines go.
    spiral(relays, 0.3 * radius, 0.13 * radius, places);
    return false;
  }
  const clusters = new Map();
  for (const item of fresh) {
    const tag = item.kind === 'machine' ? (item.tags[0] ?? '') : item.kind;
    if (!clusters.has(tag)) clusters.set(tag, []);
    clusters.get(tag).push(item);
  }
  // Beside what stands already.
  let right = Math.max(
    Number.NEGATIVE_INFINITY,
    ...items.flatMap(({ id }) => (places.has(id) ? [places.get(id).x] : [])),
  );
  const sorted = [...clusters].sort(([a], [b]) => (a < b ? -1 : 1));
  if (right !== Number.NEGATIVE_INFINITY) {
    for (const [, members] of sorted) {
      const radius = GAP * Math.sqrt(members.length);
      spiral(members, right + GAP + radius, 0, places);
      right += GAP + 2 * radius;
    }
    return false;
  }
  const largest = Math.max(...sorted.map(([, members]) => GAP * Math.sqrt(members.length)));
  for (const [index, [, members]] of sorted.entries()) {
    const distance = sorted.length === 1 ? 0 : (largest + GROUP_GAP) * Math.sqrt(index + 0.5) * 1.3;
    spiral(members, distance * Math.cos(index * GOLDEN), distance * Math.sin(index * GOLDEN), places);
  }
  return items.length <= MOST_ARRANGED;
}

/** Those of one tag beside each other. The radius. */
function circle(machines, places) {
  const words = ({ tags, name }) => `${tags[0] ?? '~'} ${name}`;
  machines.sort((a, b) => (words(a) < words(b) ? -1 : 1));
  const radius = Math.max(150, (machines.length * GAP) / (2 * Math.PI));
  for (const [index, { id }] of machines.entries()) {
    const angle = (index / machines.length) * 2 * Math.PI - Math.PI / 2;
    places.set(id, { x: 1.35 * radius * Math.cos(angle), y: radius * Math.sin(angle) });
  }
  return radius;
}

function spiral(members, x, y, places) {
  members.sort((a, b) => ((a.name ?? a.id) < (b.name ?? b.id) ? -1 : 1));
  for (const [index, { id }] of members.entries()) {
    const distance = index === 0 ? 0 : GAP * Math.sqrt(index);
    places.set(id, {
      x: x + distance * Math.cos(index * GOLDEN),
      y: y + distance * Math.sin(index * GOLDEN),
    });
  }
}
