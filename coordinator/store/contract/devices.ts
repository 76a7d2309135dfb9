import type { AuditActor } from './audit.ts';
import type { NodeRecord } from './nodes.ts';

/** Members that run plain WireGuard. A part of `Store`. */
export interface DeviceStore {
  /**
   * Adds a member that runs plain WireGuard, with its first file. Throws `already-exists` for a name or key that another has,
   * `usage` for what can be none, `not-found` for an owner without an account, `conflict` while no agent can be dialled, or not the
   * one that is to be its gateway, `exhausted` when no address is left.
   */
  addDevice(device: NewDevice, now: number, audit: AuditActor): Promise<NodeRecord>;
  /**
   * Gives a device the file that it should have now: agents go by it from then on. With a public key, that takes the place of its
   * old one. Throws `not-found`, `usage` for what is no device, and what `addDevice` throws.
   */
  handOutDevice(
    nodeId: string,
    options: DeviceChoices & { publicKey?: string },
    now: number,
    audit: AuditActor,
  ): Promise<NodeRecord>;
}

export interface NewDevice {
  /** A DNS label. */
  name: string;
  /** Base64. */
  publicKey: string;
  tags: readonly string[];
  /** Empty for nobody. */
  owner: string;
  /** 0 for never. */
  keyExpiresAt: number;
  /** Whether it is to ask its gateway for names. */
  wantsNames: boolean;
  /** Id of the agent that is to be its gateway; absent or null for any. */
  gateway?: string | null;
}

/** What can be chosen anew when a device is given a file; what is absent stays. */
export type DeviceChoices = Partial<Pick<NewDevice, 'wantsNames' | 'gateway'>>;
