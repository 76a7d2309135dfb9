/** The entries of the agent that are not loaded before they are needed, from this folder. */
const ENTRIES = [
  './run-join.ts',
  './run-up.ts',
  './run-tunnel.ts',
  '../control/leave-network.ts',
  '../control/sync-client.ts',
  '../flows/conntrack-table.ts',
  '../flows/mesh-flows.ts',
  '../metrics/exposition.ts',
  '../metrics/serve-metrics.ts',
  '../path-reporter.ts',
  '../port-mapping/port-mapper.ts',
  '../port-mapping/upnp.ts',
  '../relay-keeper.ts',
  '../../shared/certificate-request-worker.ts',
  '../tunnel/path-device.ts',
  '../tunnel/worker.ts',
  '../drivers/linux/driver.ts',
  '../drivers/linux/eventfd.ts',
  '../drivers/linux/follower-worker.ts',
  '../drivers/portable/driver.ts',
  '../drivers/portable/aead.ts',
];

/**
 * Loads all of the agent once, so that its compiled code is in the cache (see bin/warren-node) before the first start. What
 * strips types takes 40 MiB, which a process that has used it keeps.
 */
export async function compileAhead(): Promise<void> {
  // Threads' entries refuse to run outside of their threads, and drivers where packages are missing: compiled they are.
  await Promise.allSettled(ENTRIES.map((entry) => import(entry)));
}
