import { ServerCredentials } from '@grpc/grpc-js';
import type { ServerCertificate } from '../pki/authority.ts';

/**
 * TLS for the one port: every client is asked for a certificate of our authority and none is turned away for lacking a good
 * one, since joining needs none. TLS checks what is shown (chain, dates, purpose); a call that came with a bad one looks like
 * one without. What a good one is worth is decided per call, in caller.ts.
 */
export class OptionalClientCertificate extends ServerCredentials {
  constructor(certificate: ServerCertificate) {
    super({ requestCert: true, rejectUnauthorized: false }, secureContext(certificate));
  }

  /** New connections get this certificate from now on. */
  replace(certificate: ServerCertificate): void {
    this.updateSecureContextOptions(secureContext(certificate));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function secureContext(certificate: ServerCertificate) {
  return {
    cert: certificate.chain,
    key: certificate.privateKey,
    ca: certificate.authority,
    minVersion: 'TLSv1.3' as const,
  };
}
