import type { NodeRecord, Offers } from './nodes.ts';

/** How hosts become nodes, and are known as such afterwards. A part of `Store`. */
export interface JoinStore {
  /**
   * Checks and uses up the token, picks name and addresses, and inserts the node or, when the public key is registered,
   * updates that very node: all in one transaction, so that of many at once with a one-use token exactly one succeeds.
   * A refused token changes nothing but the audit log (reason there) and throws `unauthenticated`, the same for every
   * reason. `exhausted` when no address is left.
   */
  join(request: JoinRecord): Promise<JoinResult>;
  putCertificate(nodeId: string, certificate: CertificateRecord): Promise<void>;
  nodeByCertificate(fingerprint: Uint8Array): Promise<NodeRecord | null>;
}

export interface JoinRecord {
  secretHash: Uint8Array;
  /** Base64. */
  publicKey: string;
  /** Wished for, untrusted. */
  name: string;
  operatingSystem: string;
  agentVersion: string;
  offers: Offers;
  /** Where the request came from, for the audit log. */
  remoteAddress: string;
  now: number;
  /** Issues the certificate for the id; called inside the transaction, so that a node never lacks its certificate. */
  issueCertificate: (nodeId: string) => Promise<CertificateRecord>;
}

export interface JoinResult {
  node: NodeRecord;
  /** True when the key was registered before. */
  rejoined: boolean;
  certificate: CertificateRecord;
}

export interface CertificateRecord {
  /** SHA-256 of the DER, 32 bytes. */
  fingerprint: Uint8Array;
  /** DER. */
  certificate: Uint8Array;
  expiresAt: number;
}
