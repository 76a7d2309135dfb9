/** Longest label of a DNS name (RFC 1035 2.3.4). */
export const MAX_LABEL = 63;

/** Names that mean something else wherever they are looked up (RFC 6761). */
const RESERVED = new Set(['localhost', 'local', 'invalid', 'broadcasthost', 'wpad', 'isatap']);

/** Text beyond this is not looked at: a wished name comes from outside. */
const MAX_WISH = 512;

/**
 * A DNS label (RFC 1123 2.1: letters, digits, inner hyphens, at most 63) made of whatever name a host wished for.
 * Of a dotted host name the first label counts. Never empty, never something a resolver would take for an address.
 */
export function dnsLabel(wished: string): string {
  const folded = wished
    .slice(0, MAX_WISH)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/['’\p{M}]/gu, '')
    .trim();
  // An address keeps its numbers apart instead of being cut at its first dot.
  const host = /^[\d.]+$/.test(folded) ? folded : (folded.split('.').find((part) => part !== '') ?? '');
  const label = cut(host.replace(/[^a-z0-9]+/g, '-').replace(/^-/, ''), MAX_LABEL);
  if (label === '') return 'node';
  return isMistakable(label) ? cut(`node-${label}`, MAX_LABEL) : label;
}

/** Whether a name can be given as it stands. */
export function isDnsLabel(name: string): boolean {
  return dnsLabel(name) === name;
}

/** The label itself for 1, `label-N` for more, cut so that it stays a label. */
export function numberedLabel(label: string, number: number): string {
  if (number === 1) return label;
  const suffix = `-${number}`;
  return cut(label, MAX_LABEL - suffix.length) + suffix;
}

/**
 * The first of label, label-2, label-3, … that a doubling and then halving search finds free. It asks some
 * 2 log2(n) times where n hosts wished for the same name, as hosts made from one image do.
 */
export async function freeLabel(
  label: string,
  isTaken: (candidate: string) => Promise<boolean>,
): Promise<string> {
  const taken = (number: number) => isTaken(numberedLabel(label, number));
  if (!(await taken(1))) return label;
  let low = 1;
  let high = 2;
  while (await taken(high)) {
    low = high;
    high *= 2;
  }
  // Invariant: `low` is taken, `high` is free.
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await taken(middle)) low = middle;
    else high = middle;
  }
  return numberedLabel(label, high);
}

function cut(label: string, length: number): string {
  return label.slice(0, length).replace(/-+$/, '');
}

/** `10` and `0x7f` are IPv4 addresses to inet_aton(3). */
function isMistakable(label: string): boolean {
  return /^(\d+|0x[0-9a-f]*)$/.test(label) || RESERVED.has(label);
}
