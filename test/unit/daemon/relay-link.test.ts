import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RelayLink, type RelayNews } from '../../../agent/daemon/relay-link.ts';
import { RelayKeeper } from '../../../agent/relay-keeper.ts';
import { systemClock } from '../../../shared/clock.ts';
import { createLogger } from '../../../shared/log.ts';
import { aMap } from '../../support/map.ts';

let ending: AbortController;
let link: RelayLink;
/** The last bytes of what was handed to the relays' code. */
let sent: number[];
let maps: number[];

beforeEach(() => {
  [ending, sent, maps] = [new AbortController(), [], []];
  vi.spyOn(RelayKeeper.prototype, 'send').mockImplementation(
    (_, bytes) => void sent.push(bytes.at(-1) ?? -1),
  );
  vi.spyOn(RelayKeeper.prototype, 'mapChanged').mockImplementation(({ version }) => void maps.push(version));
  link = new RelayLink(
    {
      authority: new Uint8Array(),
      certificate: () => ({ certificate: new Uint8Array(), privateKey: '' }),
      clock: systemClock,
      log: createLogger('silent', 'test'),
      onDatagrams: () => {},
      onAbsent: () => {},
      onHome: () => {},
      waysTo: (urls) => [...urls],
    },
    ending.signal,
  );
});

afterEach(() => {
  link.close();
  vi.restoreAllMocks();
});

const news = (n: number): RelayNews => ({
  event: 'relay',
  publicKey: new Uint8Array(32),
  bytes: Uint8Array.of(n),
  segmentSize: 1,
});

it('what is for relays before their code is there goes out after, the latest 32 of it, in its order', async () => {
  for (let n = 1; n <= 40; n++) link.send(news(n));
  await link.start();
  link.send(news(41));
  expect(sent).toEqual(Array.from({ length: 33 }, (_, i) => i + 9));
});

it('the newest map is known before anything is sent, and again when names lead elsewhere', async () => {
  link.waysChanged();
  link.mapChanged({ ...aMap([]), version: 1 });
  link.mapChanged({ ...aMap([]), version: 2 });
  expect([maps, link.status()]).toEqual([[], []]);
  await link.start();
  link.waysChanged();
  expect(maps).toEqual([2, 2]);
});

it('does not begin when the end has come while its code was loaded', async () => {
  link.send(news(1));
  const starting = link.start();
  ending.abort();
  await starting;
  expect(sent).toEqual([]);
});
