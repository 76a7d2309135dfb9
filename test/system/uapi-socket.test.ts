/** The socket that wg(8) talks to, at its real place, in front of a tunnel that only keeps what it is told. */
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SocketChange } from '../../agent/tunnel/commands.ts';
import type { Tunnel } from '../../agent/tunnel/tunnel.ts';
import { UapiServer, uapiSocketPath } from '../../agent/uapi/server.ts';
import { EADDRINUSE, EINVAL, EPROTO } from '../../agent/uapi/uapi-error.ts';
import type { DeviceChange } from '../../agent/wireguard/configuration.ts';
import { WarrenError } from '../../shared/errors.ts';
import { createLogger } from '../../shared/log.ts';
import { describeNeeds } from '../support/needs.ts';
import { Child, run } from '../support/process.ts';

const NAME = `wtu${process.pid}`;
const PATH = uapiSocketPath(NAME);
const LOG = createLogger('silent', 'test');
const KEY = '11'.repeat(32);
const OK = 'errno=0\n\n';

/** Takes whatever it is told but the port 7, which it says is taken. */
class RecordingTunnel {
  readonly facts = { interfaceName: NAME };
  readonly changes: Array<{ device: DeviceChange; socket: SocketChange }> = [];

  async configure(device: DeviceChange, socket: SocketChange): Promise<void> {
    if (socket.listenPort === 7) throw new WarrenError('in-use', 'UDP port 7 is taken');
    this.changes.push(structuredClone({ device, socket }));
  }

  async snapshot() {
    const listenPort = this.changes.at(-1)?.socket.listenPort ?? 0;
    return { listenPort, fwmark: 0, device: { privateKey: null, peers: [], counters: {} } };
  }
}

let tunnel: RecordingTunnel;
let server: UapiServer;

const listen = () => UapiServer.listen(tunnel as unknown as Tunnel, LOG);

/** Sends the pieces, ends its side, and returns all that came back until the server ended too. */
async function talk(...pieces: string[]): Promise<string> {
  const socket = connect({ path: PATH, allowHalfOpen: true });
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  // The server may close before it has read everything.
  socket.on('error', () => {});
  await once(socket, 'connect');
  for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
  socket.end();
  if (!socket.closed) await once(socket, 'close');
  return answer;
}

describeNeeds(['root'], 'the UAPI socket', () => {
  beforeEach(async () => {
    tunnel = new RecordingTunnel();
    server = await listen();
  });
  afterEach(() => server.close());

  it('SEC-61: is for its owner alone, and goes when it is closed', async () => {
    expect(statSync(PATH).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(PATH)).mode & 0o022).toBe(0);
    expect(server.isThere()).toBe(true);
    await server.close();
    expect(existsSync(PATH)).toBe(false);
    server = await listen();
  });

  it('what a living program serves is left alone', async () => {
    await expect(listen()).rejects.toMatchObject({ code: 'in-use' });
    expect(await talk('get=1\n\n')).toBe(OK);
  });

  it('a socket that a killed program left is replaced', async () => {
    await server.close();
    const script = `require('node:net').createServer().listen(${JSON.stringify(PATH)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await run(process.execPath, ['-e', script]).catch(() => {});
    expect(existsSync(PATH)).toBe(true);
    server = await listen();
    expect(await talk('get=1\n\n')).toBe(OK);
  });

  it('is there when it answers and no sooner: whoever takes it for a dead one then, as wg does, would remove it', async () => {
    const tidy = `
      const { connect } = require('node:net'), { unlinkSync } = require('node:fs');
      (function look() {
        const socket = connect(${JSON.stringify(PATH)}, () => socket.destroy());
        socket.on('error', ({ code }) => {
          if (code === 'ECONNREFUSED') unlinkSync(${JSON.stringify(PATH)});
        });
        socket.on('close', look);
      })();
      process.stdout.write('looking');`;
    const wg = new Child(process.execPath, ['-e', tidy]);
    try {
      await wg.waitForOutput(/looking/);
      for (let i = 0; i < 300; i++) {
        await server.close();
        server = await listen();
        expect(server.isThere()).toBe(true);
      }
      expect(wg.output).toBe('looking');
    } finally {
      await wg.end('SIGKILL');
    }
  });

  it('answers several requests of one connection, in their order', async () => {
    const answer = await talk('set=1\nlisten_port=51820\n\nget=1\n\nset=1\nlisten_port=51821\n\nget=1\n\n');
    expect(answer).toBe(`${OK}listen_port=51820\n${OK}${OK}listen_port=51821\n${OK}`);
  });

  it('requests that come letter by letter are the same requests', async () => {
    const text = 'get=1\n\nset=1\nlisten_port=51820\n\nget=1\n\n';
    expect(await talk(...text)).toBe(`${OK}${OK}listen_port=51820\n${OK}`);
  });

  it.each([
    ['an unknown operation', 'list=1\n\n', EPROTO],
    ['a line without =', 'set=1\nlisten_port\n\n', EPROTO],
    ['an unknown key', 'set=1\ncolour=red\n\n', EINVAL],
    ['a port that is taken', 'set=1\nlisten_port=7\n\n', EADDRINUSE],
  ])('%s is refused with its errno, and the connection goes on', async (_, request, errno) => {
    expect(await talk(request, 'get=1\n\n')).toBe(`errno=${-errno}\n\n${OK}`);
  });

  it('of a request with a wrong last line nothing is applied', async () => {
    await talk(`set=1\nprivate_key=${KEY}\nlisten_port=51820\npublic_key=${KEY}\nallowed_ip=10.0.0.0/33\n\n`);
    expect(tunnel.changes).toEqual([]);
  });

  it('of half a request nothing is applied, and the connection is closed', async () => {
    expect(await talk(`set=1\nprivate_key=${KEY}\nlisten_port=51820\n`)).toBe('');
    expect(tunnel.changes).toEqual([]);
  });

  it('a request without an end is cut off', async () => {
    const socket = connect(PATH);
    // Not once(): what was still being written fails, as it should.
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.resume().write('set=1\n');
    const line = 'allowed_ip=10.0.0.0/8\n'.repeat(50_000);
    for (let times = 0; times < 20 && !socket.destroyed; times++) socket.write(line);
    // This side never ends: it is the server that has had enough.
    await closed;
    expect(tunnel.changes).toEqual([]);
    expect(await talk('get=1\n\n')).toBe(OK);
  });

  it('keys do not stay in memory when they were handed on', async () => {
    const seen: Uint8Array[] = [];
    tunnel.configure = async (device) => {
      seen.push(device.privateKey as Uint8Array);
    };
    expect(await talk(`set=1\nprivate_key=${KEY}\n\n`)).toBe(OK);
    expect(seen).toEqual([new Uint8Array(32)]);
  });
});
