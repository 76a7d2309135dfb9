import type { Prefix } from '../../shared/prefix.ts';

/**
 * A change to a device, with the meaning of one `set=1` of the cross-platform UAPI
 * (https://www.wireguard.com/xplatform/): what is absent stays as it is. Plain data: it crosses threads by structured clone.
 */
export interface DeviceChange {
  /** 32 bytes; all zero removes the key. */
  privateKey?: Uint8Array;
  /** Remove every peer first. */
  replacePeers?: boolean;
  peers?: readonly PeerChange[];
  /** Not part of the UAPI: networks that several peers stand in for, in place of all of before. */
  standIns?: readonly StandInChange[];
}

export interface StandInChange {
  prefix: Prefix;
  /** Those that are no peers are left out. */
  publicKeys: readonly Uint8Array[];
}

export interface PeerChange {
  /** 32 bytes. */
  publicKey: Uint8Array;
  remove?: boolean;
  /** Do nothing if there is no such peer. */
  updateOnly?: boolean;
  /** 32 bytes; all zero means none. */
  presharedKey?: Uint8Array;
  endpoint?: PeerEndpoint;
  /**
   * Not part of the UAPI: further endpoints at which the peer may be. While no endpoint has been confirmed by an
   * authenticated packet, initiations go to each of them, and the first to answer becomes the endpoint.
   */
  candidates?: readonly PeerEndpoint[];
  /** Not part of the UAPI: whether it gets a copy of every broadcast and multicast, which have no peer of their own. */
  inGroup?: boolean;
  /** Seconds, 0 for off. */
  persistentKeepalive?: number;
  replaceAllowedIps?: boolean;
  allowedIps?: readonly AllowedIpChange[];
}

export interface AllowedIpChange {
  prefix: Prefix;
  remove?: boolean;
}

export interface PeerEndpoint {
  /** 4 or 16 bytes. */
  address: Uint8Array;
  port: number;
  /** Interface index of a link-local IPv6 address. */
  scope?: number;
}

/** A device as it stands, with the content of `get=1`. Plain data. */
export interface DeviceSnapshot {
  /** Null if none is set. The receiver wipes it. */
  privateKey: Uint8Array | null;
  publicKey: Uint8Array | null;
  peers: PeerSnapshot[];
  /** Drops and events since the start, by name; see counters.ts. */
  counters: Record<string, number>;
}

export interface PeerSnapshot {
  publicKey: Uint8Array;
  /** Null if none is set. */
  presharedKey: Uint8Array | null;
  endpoint: PeerEndpoint | null;
  /** When the last handshake was completed, or 0: on the device's clock; since the epoch in what a tunnel tells. */
  lastHandshake: number;
  rxBytes: number;
  txBytes: number;
  persistentKeepalive: number;
  allowedIps: Prefix[];
  /** Packets dropped because of this peer, by reason. */
  drops: Record<string, number>;
}
