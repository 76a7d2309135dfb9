/** What probe.ts records of a worker's heap, and what is to be read from it. */

/** A node of the inspector protocol's HeapProfiler.SamplingHeapProfileNode. */
export interface ProfileNode {
  callFrame: { functionName: string; url: string; lineNumber: number };
  /** Bytes allocated by this function itself, estimated from the samples. */
  selfSize: number;
  children: ProfileNode[];
}

export interface Collection {
  kind: string;
  microseconds: number;
  /** Bytes in use on the heap before and after. */
  usedBefore: number;
  usedAfter: number;
}

export interface Recording {
  usedAtStart: number;
  usedAtEnd: number;
  collections: Collection[];
  profile: ProfileNode;
}

/** Bytes allocated, exactly: by how much the heap grew between collections, all added up. */
export function allocatedBytes({ usedAtStart, usedAtEnd, collections }: Recording): number {
  let [sum, used] = [0, usedAtStart];
  for (const { usedBefore, usedAfter } of collections) {
    sum += usedBefore - used;
    used = usedAfter;
  }
  return sum + usedAtEnd - used;
}

export interface Site {
  /** `function file:line`, the line being the function's; what is built in has its caller's. */
  place: string;
  bytes: number;
}

/** The places that allocate in all the recorded heaps together, the biggest first, by the sampling profiles. */
export function allocationSites(recordings: readonly Recording[], root: string): Site[] {
  const sites = new Map<string, number>();
  const visit = (node: ProfileNode, caller: string) => {
    const { functionName, url, lineNumber } = node.callFrame;
    const file = url.replace('file://', '').replace(`${root}/`, '');
    const place =
      url === ''
        ? `${functionName || 'native code'}, called by ${caller}`
        : `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`;
    if (node.selfSize > 0) sites.set(place, (sites.get(place) ?? 0) + node.selfSize);
    for (const child of node.children) visit(child, place);
  };
  for (const { profile } of recordings) for (const child of profile.children) visit(child, 'V8');
  return [...sites].map(([place, bytes]) => ({ place, bytes })).sort((a, b) => b.bytes - a.bytes);
}
