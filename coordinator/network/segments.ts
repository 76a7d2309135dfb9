/** With `seg-` before it the name is that of a network device, which has 15 characters at most. */
const NAME = /^(?!-)[a-z0-9-]{1,11}(?<!-)$/;
const MAX_SEGMENTS = 16;
/** RFC 7348 5: a VXLAN network identifier has 24 bits. */
const MAX_VNI = 2 ** 24 - 1;

/** Layer 2 segments: which a node would like to be a part of, and which an administrator granted. */
export interface SegmentMember {
  readonly offeredSegments: readonly string[];
  readonly approvedSegments: readonly string[];
}

export function isSegmentName(text: string): boolean {
  return NAME.test(text);
}

/** The names among what a node says that can be segments, sorted, each once. The input is untrusted. */
export function checkSegments(untrusted: readonly string[]): string[] {
  return [...new Set(untrusted.slice(0, MAX_SEGMENTS).filter(isSegmentName))].sort();
}

/** Those that count: wished for now and approved. An approval outlives a pause of the wish. */
export function grantedSegments(node: SegmentMember): string[] {
  const approved = new Set(node.approvedSegments);
  return node.offeredSegments.filter((name) => approved.has(name));
}

/** The least network identifier that none of the segments has, or null when all are taken. */
export function freeVni(segments: Readonly<Record<string, number>>): number | null {
  const taken = new Set(Object.values(segments));
  for (let vni = 1; vni <= MAX_VNI; vni++) if (!taken.has(vni)) return vni;
  return null;
}
