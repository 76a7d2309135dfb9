import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

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

/** The kinds of tests, quickest first: `npx vitest run --project unit`. `npm test` runs all of them. */
export default defineConfig({
  test: {
    // Threads share one process; namespaces, signals and native handles want a process of their own.
    pool: 'forks',
    // One more than there are cores: a patient test leaves its own to the others.
    maxWorkers: availableParallelism() + 1,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      { extends: true, test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 60_000 } },
      { extends: true, test: { name: 'fuzz', include: ['test/fuzz/**/*.test.ts'], testTimeout: 120_000 } },
      {
        extends: true,
        test: {
          name: 'patient',
          include: PATIENT,
          testTimeout: 300_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: [...PATIENT, ...LOAD],
          // Real programs on real time: two files at a time, which wait more than they work.
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 60_000,
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
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
