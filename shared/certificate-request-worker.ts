/** Entry of the thread that makes one certificate request; certificate-request.ts starts it. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import * as x509 from '@peculiar/x509';
import type { CertificateRequest } from './certificate-request.ts';
import { WarrenError } from './errors.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

async function makeRequest(): Promise<CertificateRequest> {
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

if (parentPort === null) throw new WarrenError('internal', 'this file is the entry of a worker thread');
parentPort.postMessage(await makeRequest());
