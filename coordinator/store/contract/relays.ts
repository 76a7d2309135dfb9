import type { AuditActor } from './audit.ts';
import type { CertificateRecord } from './joining.ts';

/** Relays, of coordinators and on hosts of their own. A part of `Store`. */
export interface RelayStore {
  /** Adds a coordinator's own relay or changes it; agents hear of it only if something of it is new to them. */
  putRelay(relay: RelayView & { name: string }, now: number): Promise<void>;
  /**
   * Checks and uses up a token made for a relay and adds the relay, in one transaction, as `join` does for a node. A refused
   * token throws `unauthenticated`, the same for every reason.
   */
  enrolRelay(request: EnrolRelayRecord): Promise<{ relay: RelayRecord; certificate: CertificateRecord }>;
  relay(id: string): Promise<RelayRecord | null>;
  /** What a relay reported of itself. Throws `not-found`. */
  putRelayFacts(relayId: string, facts: RelayFacts, now: number): Promise<void>;
  listRelays(): Promise<RelayRecord[]>;
  removeRelay(relayId: string, now: number, audit: AuditActor): Promise<void>;
}

/** What agents are told of a relay. */
export interface RelayView {
  id: string;
  /** https://HOST:PORT. */
  urls: string[];
  /** The name in its certificate. */
  tlsName: string;
  stunServers: StunServer[];
}

export interface StunServer {
  /** An address or a name. */
  host: string;
  port: number;
  alternatePort: number;
}

export interface RelayRecord extends RelayView {
  name: string;
  createdAt: number;
  lastSeenAt: number;
}

/** What a relay says of itself, untrusted. */
export interface RelayFacts {
  name: string;
  urls: readonly string[];
  stunServers: readonly StunServer[];
}

export interface EnrolRelayRecord {
  secretHash: Uint8Array;
  facts: RelayFacts;
  remoteAddress: string;
  now: number;
  issueCertificate: (relayId: string, tlsName: string) => Promise<CertificateRecord>;
}
