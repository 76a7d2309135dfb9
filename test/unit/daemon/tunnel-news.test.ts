import { expect, it } from 'vitest';
import { spreadNews } from '../../../agent/daemon/tunnel-news.ts';
import type { TunnelNews } from '../../../agent/tunnel/commands.ts';
import { createLogger } from '../../../shared/log.ts';

const publicKey = new Uint8Array(32);

/** Who hears of it. */
function heard(news: TunnelNews): string[] {
  const by: string[] = [];
  spreadNews(news, {
    network: { changed: () => by.push('network') },
    relays: { send: () => by.push('relays') },
    routers: { reached: () => by.push('routers') },
    outside: { pathChanged: () => by.push('outside') },
    paths: { news: () => by.push('paths') },
    coordinator: { pathsChanged: () => by.push('coordinator') },
    timestamps: { sent: () => by.push('timestamps') },
    log: createLogger('silent', 'test'),
  });
  return by;
}

it.each<[TunnelNews, string[]]>([
  [{ event: 'network-changed' }, ['network']],
  [{ event: 'relay', publicKey, bytes: new Uint8Array(1), segmentSize: 1 }, ['relays']],
  [{ event: 'router', publicKey, kind: 'lost', roundTrip: null }, ['routers']],
  [
    { event: 'path-changed', publicKey, from: null, to: null, why: 'no answer' },
    ['outside', 'paths', 'coordinator'],
  ],
  [{ event: 'sprayed', publicKey, found: true, probes: 1, sockets: 1 }, ['paths', 'coordinator']],
  [{ event: 'device', device: { kind: 'timestamp-sent', timestamp: new Uint8Array(12) } }, ['timestamps']],
  [{ event: 'device', device: { kind: 'handshake-completed', publicKey } }, ['coordinator']],
])('$event', (news, by) => {
  expect(heard(news)).toEqual(by);
});
