import { webcrypto } from 'node:crypto';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A fresh key for the client certificate, as PEM, and a PKCS #10 request (DER) for it. */
export async function certificateRequest(): Promise<{ privateKey: string; request: Uint8Array }> {
  // Needed at joining and once in months: a running agent has better uses for the memory.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=warren',
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    privateKey: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    request: new Uint8Array(request.rawData),
  };
}
