import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** System tests that mostly wait, for the protocol's own times and for databases to come back, for containers. */
const PATIENT = [
  'test/system/docker.test.ts',
  'test/system/package.test.ts',
  'test/system/releases.test.ts',
  'test/system/wireguard-go.test.ts',
  'test/system/store/database-away.test.ts',
];

/** System tests that load the machine, and would starve others. */
const LOAD = [
  'agent-memory',
  'allocation',
  'driver-conformance',
  'forwarded-traffic',
  'garbage-flood',
  'offload-interop',
  'offloads',
  'relay-backlog',
  'workers',
].map((name) => `test/system/${name}.test.ts`);

/** The longest first: one that begins last is waited for alone. */
const LONGEST = [
  'docker',
  'traversal',
  'exit-node',
  'admin-map',
  'names',
  'devices',
  'agent-life',
  'two-routers',
].map((name) => `/test/system/${name}.test.ts`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((end) => moduleId.endsWith(end));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/**
 * The kinds of tests, quickest first: `npx vitest run --project unit`. `npm test` runs all of them. Their time is limited so that
 * one that hangs ends; a machine that is busy with other things must not make one fail.
 */
export default defineConfig({
  test: {
    // Threads share one process; namespaces, signals and native handles want a process of their own.
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // One more than there are cores: a patient test leaves its own to the others.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 90_000, hookTimeout: 60_000 },
      },
      { extends: true, test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 180_000 } },
      { extends: true, test: { name: 'fuzz', include: ['test/fuzz/**/*.test.ts'], testTimeout: 240_000 } },
      {
        extends: true,
        test: {
          name: 'patient',
          include: PATIENT,
          testTimeout: 300_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: [...PATIENT, ...LOAD],
          // Real programs on real time, which wait more than they work.
          maxConcurrency: 3,
          testTimeout: 240_000,
          hookTimeout: 180_000,
          // Whatever else runs in parallel has ended.
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'load',
          include: LOAD,
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 240_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
