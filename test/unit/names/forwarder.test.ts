import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import dns from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { Forwarder } from '../../../agent/names/forwarder.ts';
import { type Question, readQuestion } from '../../../agent/names/question.ts';
import { framed, MessageReader } from '../../../agent/names/upstream.ts';

const [FIRST, SECOND] = ['127.9.9.1', '127.9.9.2'];
type Behaviour = (query: Buffer, reply: (message: Uint8Array) => void, from: RemoteInfo) => void;

const open: (Socket | Server)[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

/** A resolver; the port it has. */
async function resolver(address: string, behaviour: Behaviour, port = 0): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) =>
    behaviour(query, (message) => socket.send(message, from.port, from.address), from),
  );
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  open.push(socket);
  return socket.address().port;
}

function question(id = 4711): Question {
  return readQuestion(
    dns.encode({
      type: 'query',
      id,
      flags: dns.RECURSION_DESIRED,
      questions: [{ type: 'A', name: 'Host.Example' }],
    }),
  ) as Question;
}

function answer(query: Uint8Array, address: string, flags = 0): Buffer {
  const { id, questions } = dns.decode(Buffer.from(query));
  return dns.encode({
    type: 'response',
    id: id as number,
    flags,
    questions: questions as dns.Question[],
    answers: [{ type: 'A', name: 'host.example', data: address }],
  });
}
const says =
  (address: string, flags = 0): Behaviour =>
  (query, reply) =>
    reply(answer(query, address, flags));
const fails: Behaviour = (query, reply) => {
  const message = answer(query, '192.0.2.99');
  message[3] = 2;
  reply(message);
};

async function ask(forwarder: Forwarder, resolvers: string[], byUdp = true) {
  const found = await forwarder.ask(question(), resolvers, byUdp);
  if (found === null || found === 'busy') return found;
  const packet = dns.decode(Buffer.from(found.message));
  return {
    id: packet.id,
    by: found.resolver,
    data: (packet.answers?.[0] as { data?: string } | undefined)?.data,
  };
}

describe('a question that is forwarded', () => {
  it('comes back under the id it had, and went under another from a port of its own', async () => {
    const seen: string[] = [];
    const port = await resolver(FIRST, (query, reply, from) => {
      seen.push(`${query.readUInt16BE(0)} ${from.port}`);
      reply(answer(query, '192.0.2.7'));
    });
    const forwarder = new Forwarder(port);
    for (let round = 0; round < 8; round++) {
      expect(await ask(forwarder, [FIRST])).toEqual({ id: 4711, by: FIRST, data: '192.0.2.7' });
    }
    expect(new Set(seen.map((each) => each.split(' ')[0])).size).toBeGreaterThan(6);
    expect(new Set(seen.map((each) => each.split(' ')[1])).size).toBeGreaterThan(6);
    expect(forwarder.outstanding).toBe(0);
  });

  it('takes no answer with another id, to another question, from another address, and no query', async () => {
    const spoofer = createSocket('udp4');
    await new Promise<void>((resolve) => spoofer.bind(0, SECOND, resolve));
    open.push(spoofer);
    const port = await resolver(FIRST, (query, reply, from) => {
      const wrongId = answer(query, '192.0.2.66');
      wrongId.writeUInt16BE(query.readUInt16BE(0) ^ 1, 0);
      const wrongName = answer(query, '192.0.2.66');
      wrongName[13] = 0x78;
      const noResponse = answer(query, '192.0.2.66');
      noResponse[2] = 1;
      for (const message of [wrongId, wrongName, noResponse, query.subarray(0, 5)]) reply(message);
      spoofer.send(answer(query, '192.0.2.66'), from.port, from.address, () =>
        reply(answer(query, '192.0.2.7')),
      );
    });
    expect(await ask(new Forwarder(port), [FIRST])).toMatchObject({ data: '192.0.2.7' });
  });

  it.each([
    ['is silent', () => {}],
    ['fails', fails],
  ] as [string, Behaviour][])(
    'goes to the next resolver where the first %s, and there first from then on',
    async (_name, behaviour) => {
      let asked = 0;
      const port = await resolver(FIRST, (...args) => {
        asked++;
        behaviour(...args);
      });
      await resolver(SECOND, says('192.0.2.8'), port);
      const forwarder = new Forwarder(port);
      expect(await ask(forwarder, [FIRST, SECOND])).toMatchObject({ by: SECOND, data: '192.0.2.8' });
      expect(await ask(forwarder, [FIRST, SECOND])).toMatchObject({ by: SECOND });
      expect(asked).toBe(1);
    },
  );

  it('goes on at once where nobody listens', async () => {
    const port = await resolver(SECOND, says('192.0.2.8'));
    expect(await ask(new Forwarder(port), [FIRST, SECOND])).toMatchObject({ by: SECOND });
    expect(await ask(new Forwarder(port), [FIRST])).toBeNull();
    expect(await ask(new Forwarder(port), [])).toBeNull();
  });

  it('has a failure for an answer where nobody knows better', async () => {
    const port = await resolver(FIRST, fails);
    expect(await ask(new Forwarder(port), [FIRST])).toMatchObject({ by: FIRST, id: 4711 });
  });

  it('is asked again by TCP when the answer is truncated and the asker is there by TCP', async () => {
    const port = await resolver(FIRST, says('192.0.2.1', dns.TRUNCATED_RESPONSE));
    const server = createServer((connection) => {
      const reader = new MessageReader();
      connection.on('data', (chunk) => {
        for (const query of reader.take(chunk)) {
          // In pieces, as TCP may bring it.
          const bytes = framed(answer(query, '192.0.2.2'));
          connection.write(bytes.subarray(0, 1));
          setImmediate(() => connection.write(bytes.subarray(1)));
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(port, FIRST, resolve));
    open.push(server);
    expect(await ask(new Forwarder(port), [FIRST], false)).toMatchObject({ data: '192.0.2.2', id: 4711 });
    expect(await ask(new Forwarder(port), [FIRST], true)).toMatchObject({ data: '192.0.2.1' });
  });

  it('is turned away when 256 others are under way', async () => {
    const held: (() => void)[] = [];
    const port = await resolver(FIRST, (query, reply) => held.push(() => reply(answer(query, '192.0.2.7'))));
    const forwarder = new Forwarder(port);
    const others = Array.from({ length: 256 }, () => ask(forwarder, [FIRST]));
    expect(await ask(forwarder, [FIRST])).toBe('busy');
    await expect.poll(() => held.length).toBeGreaterThanOrEqual(256);
    for (const reply of held) reply();
    await Promise.all(others);
    expect(forwarder.outstanding).toBe(0);
  });
});
