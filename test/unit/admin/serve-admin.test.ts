import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Hono } from 'hono';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { AdminEnvironment } from '../../../coordinator/admin/actor.ts';
import { type AdminServer, MAX_OF_ONE, serveAdmin } from '../../../coordinator/admin/serve-admin.ts';
import { parsePrefix } from '../../../shared/prefix.ts';

let server: AdminServer;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

const app = new Hono<AdminEnvironment>().get('/', (context) => context.text('here'));

/** A connection from an address of this host; nothing is sent by it. */
async function silent(localAddress: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.url).port), localAddress });
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Whether a request by that connection is answered. */
async function isServed(socket: Socket): Promise<boolean> {
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  let text = '';
  socket.on('data', (part) => {
    text += part;
  });
  if (!socket.destroyed) await once(socket, 'close');
  return text.startsWith('HTTP/1.1 200');
}

describe('SEC-60: many silent connections', () => {
  it('from one address are cut off, and others are served', async () => {
    server = await serveAdmin(app, { host: '127.0.0.1', port: 0 });
    const held = [];
    for (let i = 0; i < MAX_OF_ONE; i++) held.push(await silent('127.0.0.2'));
    expect(await isServed(await silent('127.0.0.2'))).toBe(false);
    expect(await isServed(await silent('127.0.0.3'))).toBe(true);
    expect(await isServed(held[0] as Socket)).toBe(true);
    // That one ended, as soon as the server has seen it.
    await vi.waitFor(async () => expect(await isServed(await silent('127.0.0.2'))).toBe(true));
  });

  it('are the business of a proxy that is trusted', async () => {
    server = await serveAdmin(app, { host: '127.0.0.1', port: 0 }, [parsePrefix('127.0.0.2')!]);
    for (let i = 0; i < MAX_OF_ONE; i++) await silent('127.0.0.2');
    expect(await isServed(await silent('127.0.0.2'))).toBe(true);
  });
});
