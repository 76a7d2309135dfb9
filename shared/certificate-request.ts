import { Worker } from 'node:worker_threads';
import { WarrenError } from './errors.ts';

/** A fresh key for the client certificate, as PEM, and a PKCS #10 request (DER) for it. */
export interface CertificateRequest {
  privateKey: string;
  request: Uint8Array;
}

/**
 * Makes a key and the request for its certificate. In a thread that ends: what knows X.509 takes 6 MiB, and is needed at
 * joining and once in months.
 */
export function certificateRequest(): Promise<CertificateRequest> {
  const worker = new Worker(new URL('certificate-request-worker.ts', import.meta.url), {
    name: 'certificate request',
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => {
      reject(new WarrenError('internal', 'the thread that makes certificate requests made none'));
    });
  });
}
