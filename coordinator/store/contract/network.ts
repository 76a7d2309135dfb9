import type { NetworkSettings } from '../../network/settings.ts';
import type { AuditActor } from './audit.ts';
import type { NodeRecord } from './nodes.ts';
import type { PolicyRecord } from './policies.ts';
import type { RelayView } from './relays.ts';

/** The network as a whole: what it is, and how it came to be from an earlier version. A part of `Store`. */
export interface NetworkStore {
  /** Identity and ranges of the network; made by `initialise` once. */
  network(): Promise<NetworkRecord>;
  /** Changes those settings of the network that are given; returns all. */
  changeSettings(
    wanted: Partial<NetworkSettings>,
    now: number,
    audit: AuditActor,
    check?: (before: NetworkSettings) => void,
  ): Promise<NetworkSettings>;
  /** The network and all its nodes as they were at one moment, that of `network.version`. */
  snapshot(): Promise<{ network: NetworkRecord; nodes: NodeRecord[] }>;
  /** Nodes changed and ids removed after a version, with the version they lead to. Grows with the change only. */
  changesSince(version: number): Promise<NetworkChanges>;
  /** Calls back soon after anything changed, whoever changed it: this process, a CLI verb, another coordinator. */
  onChange(listener: () => void): () => void;
}

export interface NetworkRecord {
  /** Random; a new one means that versions of before mean nothing. */
  epoch: string;
  /** Overlay ranges, canonical CIDR. */
  prefix4: string;
  prefix6: string;
  version: number;
  /** All of them, by id. */
  relays: RelayView[];
  settings: NetworkSettings;
  /** Null while there is none. */
  policy: PolicyRecord | null;
}

export interface NetworkChanges {
  epoch: string;
  version: number;
  changed: NodeRecord[];
  removed: string[];
  /** All relays if any of them changed, null if none did. */
  relays: RelayView[] | null;
  /** All settings if any of them changed, null if none did. */
  settings: NetworkSettings | null;
  /** The policy if it changed, null if it did not. */
  policy: PolicyRecord | null;
  /** False when the history does not reach back to the version asked for; then a snapshot is due. */
  complete: boolean;
}
