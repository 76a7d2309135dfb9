import { randomBytes } from 'node:crypto';
import { createServer as createTcpServer, type Server } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enrol } from '../../../agent/control/enrol.ts';
import type { Identity } from '../../../agent/state/records.ts';
import { Authority } from '../../../coordinator/pki/authority.ts';
import { CERTIFICATE_LIFE } from '../../../shared/certificate-life.ts';
import { certificateRequest } from '../../../shared/certificate-request.ts';
import { keyToBase64 } from '../../../shared/key.ts';
import { keyProof, x25519KeyPair } from '../../../shared/key-proof.ts';
import { pem } from '../../../shared/pem.ts';
import { FakeCoordinator } from '../../support/fake-coordinator.ts';
import { foreignCertificate } from '../../support/grpc-coordinator.ts';

/** Enrols with a token for these URLs and this pin. */
async function enrolAt(urls: string[], pin: Uint8Array, known: Identity | null = null): Promise<Identity> {
  return enrol({
    token: { urls, pin, secret: randomBytes(32) },
    name: 'host',
    advertiseRoutes: ['10.0.0.0/24'],
    mappings: [],
    advertiseExitNode: false,
    privateKey: known?.privateKey ?? keyToBase64((await x25519KeyPair()).privateKey),
    progress: () => {},
  });
}

describe('enrolment', () => {
  let fake: FakeCoordinator;
  const servers: Server[] = [];

  beforeEach(async () => {
    fake = await FakeCoordinator.start();
  });

  afterEach(() => {
    fake.close();
    for (const server of servers.splice(0)) server.close();
  });

  async function listening(server: Server): Promise<string> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  it('proves the private key, and sends public ones only', async () => {
    const identity = await enrolAt([fake.url], fake.authority.pin);
    const [request] = fake.joins;
    const privateKey = Buffer.from(identity.privateKey, 'base64');
    expect(request?.publicKey.toString('base64')).toBe(identity.publicKey);
    expect(request?.offers?.routes).toEqual(['10.0.0.0/24']);
    expect(request?.keyProof).toHaveLength(32);
    for (const value of Object.values(request ?? {}))
      if (Buffer.isBuffer(value)) expect(value.includes(privateKey)).toBe(false);
    expect(identity).toMatchObject({ nodeId: 'node', name: 'joined', urls: [fake.url] });
    expect(identity.pin).toBe(Buffer.from(fake.authority.pin).toString('base64'));
  });

  it('the proof is bound to the certificate request', async () => {
    await enrolAt([fake.url], fake.authority.pin);
    const request = fake.joins[0]!;
    const other = (await certificateRequest()).request;
    const key = randomBytes(32);
    const one = await keyProof(key, request.publicKey, request.publicKey, request.certificateRequest);
    const two = await keyProof(key, request.publicKey, request.publicKey, other);
    expect(one).not.toEqual(two);
  });

  it('joining again keeps the WireGuard key', async () => {
    const known = await fake.identity();
    const identity = await enrolAt([fake.url], fake.authority.pin, known);
    expect(identity.publicKey).toBe(known.publicKey);
    expect(identity.certificate).not.toBe(known.certificate);
  });

  it.each([
    [{ oldestProtocolVersion: 7, newestProtocolVersion: 9 }, 'update this agent'],
    [{ oldestProtocolVersion: 0, newestProtocolVersion: 0 }, 'update the coordinator'],
  ])('a coordinator that speaks versions %j gets no token: %s', async (description, hint) => {
    fake.description = description;
    await expect(enrolAt([fake.url], fake.authority.pin)).rejects.toMatchObject({
      code: 'incompatible',
      hint,
    });
    expect(fake.joins).toEqual([]);
  });

  it('a coordinator whose proof key is of low order gets no token', async () => {
    fake.description = { proofKey: Buffer.alloc(32) };
    await expect(enrolAt([fake.url], fake.authority.pin)).rejects.toMatchObject({ code: 'untrusted' });
    expect(fake.joins).toEqual([]);
  });

  describe('SEC-9: before the token is sent', () => {
    /** A TLS server that keeps what it is sent. */
    async function tlsServer(options: TlsOptions): Promise<{ url: string; sent: Buffer[] }> {
      const sent: Buffer[] = [];
      const server = createTlsServer({ ALPNProtocols: ['h2'], ...options }, (socket) => {
        socket.on('data', (data: Buffer) => sent.push(data));
        socket.on('error', () => {});
      });
      return { url: await listening(server), sent };
    }

    it('a chain without the pinned authority is refused', async () => {
      const other = await Authority.load(await Authority.create());
      const leaf = await other.issueServer(Date.now());
      const { url, sent } = await tlsServer({ cert: leaf.chain, key: leaf.privateKey });
      await expect(enrolAt([url], fake.authority.pin)).rejects.toMatchObject({
        code: 'untrusted',
        message: expect.stringContaining("does not match the token's pin"),
      });
      expect(sent).toEqual([]);
    });

    it('an expired certificate of the right authority is refused', async () => {
      const leaf = await fake.authority.issueServer(Date.now() - CERTIFICATE_LIFE);
      const { url, sent } = await tlsServer({ cert: leaf.chain, key: leaf.privateKey });
      await expect(enrolAt([url], fake.authority.pin)).rejects.toMatchObject({
        code: 'untrusted',
        message: expect.stringContaining('certificate has expired'),
      });
      expect(sent).toEqual([]);
    });

    it('a self-signed certificate is refused, also with the authority’s own put behind it', async () => {
      const own = await foreignCertificate('coordinator.warren.internal');
      const chain = `${own.certificate}\n${pem(fake.authority.certificate, 'CERTIFICATE')}`;
      for (const cert of [own.certificate, chain]) {
        const { url, sent } = await tlsServer({ cert, key: own.privateKey });
        await expect(enrolAt([url], fake.authority.pin)).rejects.toMatchObject({ code: 'untrusted' });
        expect(sent).toEqual([]);
      }
    });

    it("a member's client certificate is no coordinator's", async () => {
      const { privateKey, request } = await certificateRequest();
      const { certificate } = await fake.authority.issueClient('node', request, Date.now());
      const ca = pem(fake.authority.certificate, 'CERTIFICATE');
      const { url, sent } = await tlsServer({ cert: pem(certificate, 'CERTIFICATE') + ca, key: privateKey });
      await expect(enrolAt([url], fake.authority.pin)).rejects.toMatchObject({ code: 'untrusted' });
      expect(sent).toEqual([]);
    });

    it('what speaks no TLS gets nothing but a handshake', async () => {
      const url = await listening(
        createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      );
      await expect(enrolAt([url], fake.authority.pin)).rejects.toMatchObject({ code: 'untrusted' });
    });

    it('what closes at once is unreachable', async () => {
      const url = await listening(createTcpServer((socket) => socket.destroy()));
      await expect(enrolAt([url], fake.authority.pin)).rejects.toMatchObject({ code: 'unavailable' });
    });
  });

  it('of several addresses the first that is the coordinator’s is taken, and kept as the first', async () => {
    const dead = await listening(createTcpServer());
    servers.pop()?.close();
    const identity = await enrolAt([dead, fake.url], fake.authority.pin);
    expect(identity.urls).toEqual([fake.url, dead]);
  });

  it('a wrong certificate at one address says more than silence at another', async () => {
    const leaf = await (await Authority.load(await Authority.create())).issueServer(Date.now());
    const wrong = await listening(createTlsServer({ cert: leaf.chain, key: leaf.privateKey }));
    const dead = await listening(createTcpServer());
    servers.pop()?.close();
    for (const urls of [
      [wrong, dead],
      [dead, wrong],
    ])
      await expect(enrolAt(urls, fake.authority.pin)).rejects.toMatchObject({ code: 'untrusted' });
  });
});
