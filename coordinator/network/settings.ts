import { DEFAULT_DNS, type DnsSettings } from './dns-settings.ts';

/** What an administrator sets for the network as a whole, and every node is told. Plain data, kept as JSON. */
export interface NetworkSettings {
  /** Agents pass broadcasts and multicasts on to every peer. */
  readonly multicast: boolean;
  readonly dns: DnsSettings;
  /** VXLAN network identifiers of layer 2 segments, by name. One that was given out stays. */
  readonly segments: Readonly<Record<string, number>>;
}

/** Those of a new network, and of what a database of an earlier release does not have. */
export const DEFAULT_SETTINGS: NetworkSettings = { multicast: false, dns: DEFAULT_DNS, segments: {} };
