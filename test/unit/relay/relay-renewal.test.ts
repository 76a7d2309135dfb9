import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { enrolRelay } from '../../../coordinator/relay/enrol-relay.ts';
import { relayRates } from '../../../coordinator/relay/own-relay.ts';
import type { RelayIdentity } from '../../../coordinator/relay/relay-identity.ts';
import { type RelayServer, serveRelay } from '../../../coordinator/relay/serve-relay.ts';
import { systemClock } from '../../../shared/clock.ts';
import { WarrenError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import { relayTlsName } from '../../../shared/tls-names.ts';
import { newMember, startGrpc, type TestGrpc } from '../../support/grpc-coordinator.ts';
import { TestRelayClient } from '../../support/relay.ts';
import { aToken, CLI } from '../../support/store.ts';
import { waitFor } from '../../support/wait-for.ts';

const DAY = 86_400_000;
const FACTS = { name: 'far away', urls: ['https://relay.example.com:8443'], stunServers: [] };

let folder: string;
let grpc: TestGrpc;
let identity: RelayIdentity;
let renewed: RelayIdentity[];
let renewals: number;
/** The coordinator cannot keep a record of a renewal now, and so does not renew. */
let isReadOnly: boolean;
/** Of the relay's clocks, milliseconds. */
let ahead: { wall: number; monotonic: number };
const open: { close(): unknown }[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'warren-renewal-'));
  isReadOnly = false;
  renewals = 0;
  renewed = [];
  ahead = { wall: 0, monotonic: 0 };
  grpc = await startGrpc(folder, (store) => Object.assign(store, { audit }));
  const secret = new Uint8Array(randomBytes(32));
  const times = { createdAt: Date.now(), expiresAt: Date.now() + 60_000 };
  await grpc.store.createToken(aToken(secret, { ...times, purpose: 'relay' }), CLI);
  identity = await enrolRelay({ urls: [`https://${grpc.url}`], pin: grpc.authority.pin, secret }, FACTS);
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  await grpc.close();
  rmSync(folder, { recursive: true, force: true });
});

async function audit(): Promise<void> {
  renewals++;
  if (isReadOnly) throw new WarrenError('unavailable', 'the database is away');
}

async function start(): Promise<RelayServer> {
  const server = await serveRelay({
    identity,
    listen: { host: '127.0.0.1', port: 0 },
    facts: () => FACTS,
    rates: relayRates(100),
    clock: {
      monotonic: () => systemClock.monotonic() + ahead.monotonic,
      wall: () => systemClock.wall() + ahead.wall,
    },
    log: createLogger('silent', 'test'),
    folder,
    onIdentity: (newer) => renewed.push(newer),
    onRefused: () => {},
  });
  open.push(server);
  return server;
}

/** The certificate that a new connection is shown, base64. */
function shownBy({ port }: RelayServer): Promise<string> {
  return new Promise((resolve, reject) => {
    const servername = relayTlsName(identity.relayId);
    const socket = connect(
      { port, host: '127.0.0.1', servername, rejectUnauthorized: false, ALPNProtocols: ['h2'] },
      () => {
        resolve(socket.getPeerCertificate().raw.toString('base64'));
        socket.destroy();
      },
    );
    socket.once('error', reject);
  });
}

const connected = ({ port }: RelayServer, member: Awaited<ReturnType<typeof newMember>>) => {
  const tlsName = relayTlsName(identity.relayId);
  const client = new TestRelayClient(
    { id: identity.relayId, url: `127.0.0.1:${port}`, tlsName },
    grpc,
    member.shown,
  );
  open.push(client);
  return client.connected();
};

it("after 61 days a relay's certificate is renewed, with a key of its own, and shown to whoever connects from then on", async () => {
  const member = await newMember(grpc);
  ahead.wall = 61 * DAY;
  const relay = await start();
  const newer = await waitFor('the renewal', () => renewed[0]);
  expect(newer.certificate).not.toBe(identity.certificate);
  expect(newer.certificateKey).not.toBe(identity.certificateKey);
  expect({ ...newer, certificate: '', certificateKey: '' }).toEqual({
    ...identity,
    certificate: '',
    certificateKey: '',
  });
  expect(await shownBy(relay)).toBe(newer.certificate);
  await connected(relay, member);
  // What was renewed serves at the coordinator as well.
  identity = newer;
  ahead.wall = 0;
  await connected(await start(), member);
  expect(renewals).toBe(1);
});

it('after 59 days it is not', async () => {
  ahead.wall = 59 * DAY;
  const relay = await start();
  await connected(relay, await newMember(grpc));
  expect(await shownBy(relay)).toBe(identity.certificate);
  expect(renewals).toBe(0);
});

it('a renewal that fails leaves the certificate as it is, and is tried again ten minutes later', async () => {
  isReadOnly = true;
  ahead.wall = 61 * DAY;
  const relay = await start();
  await waitFor('the first try', () => renewals === 1);
  expect(await shownBy(relay)).toBe(identity.certificate);
  isReadOnly = false;
  ahead.monotonic += 10 * 60_000;
  await waitFor('the second', () => renewed.length === 1);
  expect(await shownBy(relay)).toBe(renewed[0]?.certificate);
});
