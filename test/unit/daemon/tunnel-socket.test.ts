import { beforeEach, expect, it } from 'vitest';
import { TunnelSocket } from '../../../agent/daemon/tunnel-socket.ts';
import type { Settings } from '../../../agent/state/records.ts';
import type { SocketChange } from '../../../agent/tunnel/commands.ts';
import type { DeviceChange } from '../../../agent/wireguard/configuration.ts';
import { WarrenError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import { IDENTITY, SETTINGS } from '../../support/records.ts';

const ANY_PORT = 33_333;

let settings: Settings;
let driver: 'linux' | 'portable';
/** Ports that other programs have. */
let taken: number[];
let sockets: SocketChange[];
/** The private key as it was given, and as it is afterwards. */
let given: { before: Buffer; after: Uint8Array } | null;
let port: number;

beforeEach(() => {
  [settings, driver, taken, sockets, given, port] = [SETTINGS, 'linux', [], [], null, ANY_PORT];
});

async function open(): Promise<number> {
  const tunnel = {
    facts: { driver },
    configure: async ({ privateKey }: DeviceChange, socket: SocketChange = {}) => {
      const { listenPort } = socket;
      if (listenPort !== undefined && taken.includes(listenPort)) throw new WarrenError('in-use', 'taken');
      port = listenPort ?? port;
      sockets.push(socket);
      if (privateKey !== undefined) given = { before: Buffer.from(privateKey), after: privateKey };
    },
    snapshot: async () => ({ listenPort: port, device: { privateKey: null } }),
  };
  const records = {
    identity: IDENTITY,
    get settings() {
      return settings;
    },
    saveSettings: (newer: Settings) => {
      settings = newer;
    },
  };
  const socket = new TunnelSocket(tunnel as never, records, createLogger('silent', 'test'));
  expect(socket.port).toBe(0);
  await socket.open();
  return socket.port;
}

it('takes a port that the system chooses, and the same the next time', async () => {
  expect(await open()).toBe(ANY_PORT);
  expect(settings.lastPort).toBe(ANY_PORT);
  port = 44_444;
  expect(await open()).toBe(ANY_PORT);
});

it('takes another one where the last is taken, and that the next time', async () => {
  settings = { ...SETTINGS, lastPort: 22_222 };
  taken = [22_222];
  expect(await open()).toBe(ANY_PORT);
  expect(settings.lastPort).toBe(ANY_PORT);
});

it('takes the one that the user named, and no other', async () => {
  settings = { ...SETTINGS, listenPort: 51_820, lastPort: 22_222 };
  expect(await open()).toBe(51_820);
  expect(settings.lastPort).toBe(22_222);
  taken = [51_820];
  await expect(open()).rejects.toMatchObject({ code: 'in-use' });
});

it('gives the key to the tunnel and keeps no copy', async () => {
  await open();
  expect(given?.before.toString('base64')).toBe(IDENTITY.privateKey);
  expect(given?.after.every((byte) => byte === 0)).toBe(true);
});

it('marks what the tunnel sends, where the driver can', async () => {
  await open();
  expect(sockets.at(-1)?.fwmark).toBeGreaterThan(0);
  driver = 'portable';
  await open();
  expect(sockets.at(-1)).toEqual({});
});
