import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { CERTIFICATE_BEGIN, CERTIFICATE_LIFE, NO_END, REFUSE_AFTER } from '../../shared/certificate-life.ts';
import { WarrenError } from '../../shared/errors.ts';
import { COORDINATOR_TLS_NAME } from '../../shared/tls-names.ts';
import type { CertificateRecord } from '../store/contract/joining.ts';
import { sha256 } from './sha256.ts';
import { formatAuthority, parseAuthority, unreadable } from './stored-authority.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 24 * 60 * 60 * 1000;
/** The server's key is made at each start and lives in memory only; after this long it is made anew. */
const SERVER_LIFETIME = 365 * DAY;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** A server certificate with its key, as PEM, the chain ending in the CA. */
export interface ServerCertificate {
  chain: string;
  /** The CA alone: what client certificates are checked against. */
  authority: string;
  privateKey: string;
  /** When another is to be in its place. */
  expiresAt: number;
}

/** The coordinator's own certificate authority. It signs the server's certificate, which tokens pin by it, and the agents'. */
export class Authority {
  /** DER. */
  readonly certificate: Uint8Array;
  /** SHA-256 of the DER: what tokens carry. */
  readonly pin: Uint8Array;
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;

  private constructor(certificate: x509.X509Certificate, key: webcrypto.CryptoKey) {
    this.#certificate = certificate;
    this.#key = key;
    this.certificate = new Uint8Array(certificate.rawData);
    this.pin = sha256(this.certificate);
  }

  /** A new authority, as bytes for `load`; they hold its private key. */
  static async create(): Promise<Uint8Array> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: `CN=Warren coordinator ${randomBytes(4).toString('hex')}`,
      notBefore: new Date(CERTIFICATE_BEGIN),
      notAfter: new Date(NO_END),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return formatAuthority({ certificate: new Uint8Array(certificate.rawData), key: new Uint8Array(key) });
  }

  /** Reads what `create` made. Throws `corrupt` for anything else. */
  static async load(bytes: Uint8Array): Promise<Authority> {
    const stored = parseAuthority(bytes);
    try {
      const certificate = new x509.X509Certificate(stored.certificate);
      const key = await webcrypto.subtle.importKey('pkcs8', stored.key, ALGORITHM, false, ['sign']);
      stored.key.fill(0);
      return new Authority(certificate, key);
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  /** A certificate for the server with a key of its own, which is never stored. */
  async issueServer(now: number): Promise<ServerCertificate> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const expiresAt = now + SERVER_LIFETIME;
    const leaf = await this.#sign(COORDINATOR_TLS_NAME, keys.publicKey, now, [
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH], true),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: COORDINATOR_TLS_NAME }]),
    ]);
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
    const privateKey = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY');
    pkcs8.fill(0);
    const authority = `${this.#certificate.toString('pem')}\n`;
    return { chain: `${leaf.toString('pem')}\n${authority}`, authority, privateKey, expiresAt };
  }

  /**
   * A client certificate for a node from its PKCS #10 request (DER), whose subject does not count. Throws `usage` when the
   * request is broken or not of a P-256 key.
   */
  async issueClient(nodeId: string, request: Uint8Array, now: number): Promise<CertificateRecord> {
    const publicKey = await checkedPublicKey(request);
    const expiresAt = now + REFUSE_AFTER;
    const leaf = await this.#sign(nodeId, publicKey, now, [
      new x509.ExtendedKeyUsageExtension([CLIENT_AUTH], true),
    ]);
    const certificate = new Uint8Array(leaf.rawData);
    return { fingerprint: sha256(certificate), certificate, expiresAt };
  }

  /**
   * A certificate for a relay on a host of its own, under the name that agents look for: for its server and for its calls to
   * the coordinator. Throws as `issueClient` does.
   */
  async issueRelay(
    relayId: string,
    tlsName: string,
    request: Uint8Array,
    now: number,
  ): Promise<CertificateRecord> {
    const publicKey = await checkedPublicKey(request);
    const expiresAt = now + REFUSE_AFTER;
    const leaf = await this.#sign(relayId, publicKey, now, [
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH, CLIENT_AUTH], true),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: tlsName }]),
    ]);
    const certificate = new Uint8Array(leaf.rawData);
    return { fingerprint: sha256(certificate), certificate, expiresAt };
  }

  async #sign(
    commonName: string,
    publicKey: x509.PublicKeyType,
    now: number,
    extensions: x509.Extension[],
  ): Promise<x509.X509Certificate> {
    return x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ CN: [commonName] }],
      issuer: this.#certificate.subject,
      notBefore: new Date(CERTIFICATE_BEGIN),
      notAfter: new Date(now + CERTIFICATE_LIFE),
      signingAlgorithm: ALGORITHM,
      publicKey,
      signingKey: this.#key,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        ...extensions,
      ],
    });
  }
}

async function checkedPublicKey(request: Uint8Array): Promise<x509.PublicKey> {
  try {
    const parsed = new x509.Pkcs10CertificateRequest(request as Uint8Array<ArrayBuffer>);
    const { algorithm } = parsed.publicKey;
    const isP256 = algorithm.name === 'ECDSA' && (algorithm as EcKeyAlgorithm).namedCurve === 'P-256';
    if (isP256 && (await parsed.verify())) return parsed.publicKey;
  } catch {
    // Told below: whatever is wrong with it, it is not usable.
  }
  throw new WarrenError('usage', 'the certificate request is not a valid one of an ECDSA P-256 key');
}

interface EcKeyAlgorithm {
  namedCurve: string;
}

/** RFC 5280 4.1.2.2: positive, at most 20 octets. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] as number) & 0x7f;
  return bytes.toString('hex');
}
