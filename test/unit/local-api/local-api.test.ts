import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askAgent } from '../../../agent/local-api/client.ts';
import { serveLocalApi } from '../../../agent/local-api/server.ts';
import { WarrenError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import { run } from '../../support/process.ts';

let folder: string;
let path: string;
let server: { close(): Promise<void> };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'warren-test-api-'));
  path = join(folder, 'agent.sock');
  // What a killed agent leaves behind.
  writeFileSync(path, '');
  server = await serveLocalApi(
    path,
    {
      echo: async (args) => args,
      fail: async () => {
        throw new WarrenError('not-found', 'no such peer', { hint: 'look again' });
      },
      metrics: async () => 'warren_agent_peers 1\n',
      sleep: () => new Promise(() => {}),
      break: async () => {
        throw new Error('surprise');
      },
    },
    createLogger('silent', 'test'),
  );
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Sends raw bytes and gives what comes back. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    let text = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}

describe('the local API', () => {
  it('answers a request of HTTP for the metrics, and no other', async () => {
    const answer = await raw('GET /metrics HTTP/1.1\r\nHost: agent\r\nAccept: */*\r\n\r\n');
    expect(answer).toMatch(
      /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain; version=0\.0\.4.*\r\n\r\nwarren_agent_peers 1\n$/s,
    );
    expect(await raw('GET /status HTTP/1.1\r\n\r\n')).toContain('"code":"usage"');
    expect(await raw('POST /metrics HTTP/1.1\r\n\r\n')).toContain('"code":"usage"');
  });

  it('answers, and passes errors on whole', async () => {
    await expect(askAgent(path, 'echo', { a: [1] })).resolves.toEqual({ a: [1] });
    await expect(askAgent(path, 'fail')).rejects.toMatchObject({
      code: 'not-found',
      message: 'no such peer',
      hint: 'look again',
    });
    await expect(askAgent(path, 'break')).rejects.toMatchObject({ code: 'internal' });
  });

  it.each([
    ['no JSON', 'hello\n'],
    ['not an object', '[]\n'],
    ['null', 'null\n'],
    ['an unknown verb', '{"verb":"dance"}\n'],
    ['a verb of every object', '{"verb":"constructor"}\n'],
    ['an endless line', 'x'.repeat(100_000)],
  ])('%s is refused, and the next request is served', async (_, bytes) => {
    expect(JSON.parse(await raw(bytes)).error.code).toBe('usage');
    await expect(askAgent(path, 'echo', 1)).resolves.toBe(1);
  });

  it('SEC-61: the socket is 0600', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.skipIf(process.geteuid?.() !== 0)(
    'SEC-62: another local user is refused by his credentials, wherever the socket lies',
    async () => {
      // Everybody may connect now; the kernel still tells who it is.
      chmodSync(folder, 0o755);
      chmodSync(path, 0o666);
      const script =
        'const s=require(\'net\').connect(process.argv[1]);s.on(\'data\',d=>process.stdout.write(d));s.write(\'{"verb":"echo","args":1}\\n\')';
      const asker = (uid: number) => run(process.execPath, ['-e', script, path], { uid, gid: uid, cwd: '/' });
      expect((await asker(0)).stdout).toBe('{"result":1}\n');
      const refused = await asker(65534);
      expect(JSON.parse(refused.stdout).error.code).toBe('permission-denied');
    },
  );

  it('a socket on the longest path there may be serves', async () => {
    const longest = join(folder, 'x'.repeat(107 - folder.length - 1));
    const other = await serveLocalApi(
      longest,
      { echo: async (args) => args },
      createLogger('silent', 'test'),
    );
    await expect(askAgent(longest, 'echo', 2)).resolves.toBe(2);
    await other.close();
  });

  it('an agent that does not answer is not waited for without end', async () => {
    await expect(askAgent(path, 'sleep', null, { patience: 50 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/does not answer/),
    });
  });

  it('says how to start the agent where none runs', async () => {
    await server.close();
    await expect(askAgent(path, 'echo')).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringMatching(/agent up/),
    });
  });
});
