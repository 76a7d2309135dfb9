import { describe, expect, it } from 'vitest';
import { allocatedBytes, allocationSites, type ProfileNode } from '../../bench/heap/recording.ts';

const node = (
  functionName: string,
  url: string,
  selfSize: number,
  children: ProfileNode[] = [],
): ProfileNode => ({ callFrame: { functionName, url, lineNumber: 9 }, selfSize, children });

describe("the heap's recording", () => {
  it('counts what was allocated between collections, and not what they freed', () => {
    const collection = (usedBefore: number, usedAfter: number) => ({
      ...{ kind: 'Scavenge', microseconds: 1, usedBefore, usedAfter },
    });
    const recording = { usedAtStart: 100, usedAtEnd: 80, profile: node('(root)', '', 0) };
    expect(allocatedBytes({ ...recording, usedAtEnd: 130, collections: [] })).toBe(30);
    // 100 → 150, collected to 20, → 90, collected to 50, → 80
    expect(allocatedBytes({ ...recording, collections: [collection(150, 20), collection(90, 50)] })).toBe(
      150,
    );
  });

  it('adds up what one place allocated in several call paths, and puts the biggest first', () => {
    const seal = (size: number) => node('seal', 'file:///root/agent/seal.ts', size);
    const profile = node('(root)', '', 0, [
      node('run', 'file:///root/agent/loop.ts', 15, [seal(10), node('min', '', 1)]),
      seal(10),
    ]);
    expect(
      allocationSites([{ usedAtStart: 0, usedAtEnd: 0, collections: [], profile }], '/root').map(
        ({ place, bytes }) => `${place} ${bytes}`,
      ),
    ).toEqual([
      'seal agent/seal.ts:10 20',
      'run agent/loop.ts:10 15',
      'min, called by run agent/loop.ts:10 1',
    ]);
  });
});
