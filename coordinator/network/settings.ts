/** What an administrator sets for the network as a whole, and every node is told. Plain data, kept as JSON. */
export interface NetworkSettings {
  /** Agents pass broadcasts and multicasts on to every peer. */
  readonly multicast: boolean;
}

/** Those of a new network, and of what a database of an earlier release does not have. */
export const DEFAULT_SETTINGS: NetworkSettings = { multicast: false };
