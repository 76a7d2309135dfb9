import { createSocket } from 'node:dgram';
import dns from 'dns-packet';
import { expect, it } from 'vitest';
import { Forwarder } from '../../../agent/names/forwarder.ts';
import { LastKnown } from '../../../agent/names/last-known.ts';
import { Responder } from '../../../agent/names/responder.ts';
import { Zone } from '../../../agent/names/zone.ts';
import { aMap } from '../../support/map.ts';

const RESOLVER = '127.9.9.3';

it('users of an exit node who ask more than it can do leave the host its own names', async () => {
  const silentFor = 256;
  let asked = 0;
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    if (++asked <= silentFor) return;
    const { id, questions } = dns.decode(query);
    const answers = [{ type: 'A' as const, name: 'host.example', data: '192.0.2.7' }];
    const message = {
      type: 'response' as const,
      id: id as number,
      questions: questions as dns.Question[],
      answers,
    };
    socket.send(dns.encode(message), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, RESOLVER, resolve));
  try {
    const responder = new Responder(new LastKnown({}, () => {}), () => new Forwarder(socket.address().port));
    const map = aMap([]);
    const zone = new Zone(map);
    responder.set({
      zone,
      dns: { resolvers: [], split: [] },
      hostResolvers: [RESOLVER],
      exitResolvers: null,
      needed: new Set(),
      mappedAt: () => [],
    });
    const query = dns.encode({
      type: 'query',
      id: 4711,
      flags: dns.RECURSION_DESIRED,
      questions: [{ type: 'A', name: 'host.example' }],
    });
    const rcode = (message: Uint8Array | null) => (message?.[3] ?? 0) & 0xf;
    const others = Array.from({ length: silentFor }, () => responder.answerOther(query, true, zone));
    expect(rcode(await responder.answerOther(query, true, zone))).toBe(2);
    await expect.poll(() => asked).toBeGreaterThanOrEqual(silentFor);
    const own = await responder.answer(query, true);
    expect(dns.decode(Buffer.from(own as Uint8Array)).answers).toMatchObject([{ data: '192.0.2.7' }]);
    await Promise.all(others);
  } finally {
    socket.close();
  }
});
