/** A port of the gateway that leads to one of this host. */
export interface Mapping {
  protocol: 'PCP' | 'NAT-PMP' | 'UPnP';
  /** The gateway's IPv4 address on its other side, dotted. */
  externalAddress: string;
  externalPort: number;
  /** Seconds that the gateway keeps it without being asked again. */
  lifetime: number;
}

/** What is asked of a gateway. */
export interface MappingRequest {
  /** IPv4 addresses, dotted: the gateway's, and this host's in the gateway's network. */
  gateway: string;
  own: string;
  port: number;
  /** The gateway's port that is wished for, or that the mapping has which is to be renewed or taken away. */
  externalPort: number;
  /** Seconds; 0 takes the mapping away. */
  lifetime: number;
  /** 12 bytes, the same in every request for one mapping (RFC 6887 11.2): what other hosts cannot guess. */
  nonce: Uint8Array;
  /** Ends the call early, which then rejects. */
  signal?: AbortSignal;
}
