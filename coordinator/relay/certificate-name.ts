import { X509Certificate } from 'node:crypto';

/**
 * The common name in a certificate (DER) that TLS found to be signed by our authority: the id of the node or relay that it was
 * issued to, since the authority alone chooses it. Null where there is none.
 */
export function commonName(certificate: Uint8Array): string | null {
  const { subject } = new X509Certificate(certificate);
  const match = /^CN=([a-z0-9-]{1,64})$/.exec(subject);
  return match?.[1] ?? null;
}
