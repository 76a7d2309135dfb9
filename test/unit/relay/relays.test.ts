import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RelayCallbacks, RelayState, RelayTarget } from '../../../agent/relay/client.ts';
import {
  type Connection,
  GONE_MEMORY,
  HEARD_MEMORY,
  IDLE_LIMIT,
  MEASURE_INTERVAL,
  MEASURE_LIMIT,
  Relays,
} from '../../../agent/relay/relays.ts';

class FakeConnection implements Connection {
  state: RelayState = 'connecting';
  latency: number | null = null;
  readonly sent: string[] = [];
  readonly callbacks: RelayCallbacks;
  constructor(callbacks: RelayCallbacks) {
    this.callbacks = callbacks;
  }
  start(): void {}
  reconnect(): void {}
  send(nodeId: string, datagram: Uint8Array): void {
    this.sent.push(`${nodeId}: ${Buffer.from(datagram)}`);
  }
  answer(latency: number): void {
    this.state = 'connected';
    this.latency = latency;
    this.callbacks.onState(this.state);
  }
  fail(): void {
    this.state = 'waiting';
    this.latency = null;
    this.callbacks.onState(this.state);
  }
  close(): void {
    this.state = 'closed';
  }
}

let now: number;
let homes: (string | null)[];
let heard: string[];
let absent: string[];
let relays: Relays;
/** The latest connection to each relay. */
let connections: Record<string, FakeConnection>;

const target = (id: string, url = `https://${id}.example.com:8443`): RelayTarget => ({
  id,
  urls: [url],
  tlsName: id,
  authority: new Uint8Array(),
});
const to = (id: string) => connections[id] as FakeConnection;

beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  homes = [];
  heard = [];
  absent = [];
  connections = {};
  relays = new Relays(
    { monotonic: () => now, wall: () => 0 },
    ({ id }, callbacks) => {
      connections[id] = new FakeConnection(callbacks);
      return to(id);
    },
    {
      onDatagram: (nodeId, datagram) => heard.push(`${nodeId}: ${Buffer.from(datagram)}`),
      onHome: (id) => homes.push(id),
      onAbsent: (nodeId, isAbsent) => absent.push(`${nodeId} ${isAbsent}`),
    },
  );
});
afterEach(() => {
  relays.close();
  vi.useRealTimers();
});

function pass(milliseconds: number): void {
  for (let left = milliseconds; left > 0; left -= 250) {
    now += 250;
    vi.advanceTimersByTime(250);
  }
}

function measured(latencies: Record<string, number>): void {
  relays.update(Object.keys(latencies).map((id) => target(id)));
  for (const [id, latency] of Object.entries(latencies)) to(id).answer(latency);
  pass(250);
}

describe('the relays of an agent', () => {
  it('are all measured, and the nearest is the home', () => {
    relays.update([target('a'), target('b')]);
    to('a').answer(30);
    pass(1_000);
    expect(homes).toEqual([]);
    to('b').answer(10);
    pass(250);
    expect(homes).toEqual(['b']);
    expect(relays.status()).toEqual([
      { id: 'a', state: 'connected', latency: 30, isHome: false },
      { id: 'b', state: 'connected', latency: 10, isHome: true },
    ]);
  });

  it('that all say that a node is gone make it absent, once, until it is heard or may be there again', () => {
    measured({ a: 10, b: 20 });
    to('a').callbacks.onPeerGone('n');
    expect(absent).toEqual([]);
    to('b').callbacks.onPeerGone('n');
    to('b').callbacks.onPeerGone('n');
    expect(absent).toEqual(['n true']);
    to('b').callbacks.onDatagram('n', Buffer.from('here'));
    expect(absent).toEqual(['n true', 'n false']);
    to('b').callbacks.onPeerGone('n');
    pass(GONE_MEMORY + 1_000);
    expect(absent).toEqual(['n true', 'n false', 'n true', 'n false']);
  });

  it('that do not answer are not waited for', () => {
    relays.update([target('a'), target('b')]);
    to('a').answer(30);
    pass(MEASURE_LIMIT);
    expect(homes).toEqual(['a']);
  });

  it('that fail at once are not waited for either', () => {
    relays.update([target('a'), target('b')]);
    to('a').answer(30);
    to('b').fail();
    pass(250);
    expect(homes).toEqual(['a']);
  });

  it('a home that fails is replaced at once, and the one that comes back is no home for that alone', () => {
    measured({ a: 30, b: 25 });
    to('b').fail();
    pass(250);
    expect(homes).toEqual(['b', 'a']);
    to('b').answer(25);
    pass(MEASURE_LIMIT);
    expect(relays.home).toBe('a');
  });

  it('with none left there is no home, and again one when one answers', () => {
    measured({ a: 30 });
    to('a').fail();
    pass(250);
    to('a').answer(40);
    pass(250);
    expect(homes).toEqual(['a', null, 'a']);
  });

  it('those not needed are left after a minute; the home never', () => {
    measured({ a: 30, b: 10 });
    const left = to('a');
    pass(IDLE_LIMIT + 250);
    expect(left.state).toBe('closed');
    expect(to('b').state).toBe('connected');
    expect(relays.status()[0]).toEqual({ id: 'a', state: 'unused', latency: 30, isHome: false });
  });

  it('a datagram goes to the home of its node, which is connected to for it, and kept while it is used', () => {
    measured({ a: 30, b: 10 });
    pass(IDLE_LIMIT + 250);
    const left = to('a');
    relays.send('n', 'a', Buffer.from('1'));
    expect(to('a')).not.toBe(left);
    expect(to('a').sent).toEqual(['n: 1']);
    for (let i = 0; i < 4; i++) {
      pass(IDLE_LIMIT / 2);
      to('a').callbacks.onDatagram('n', Buffer.from(`${i}`));
    }
    expect(to('a').state).not.toBe('closed');
    expect(heard).toHaveLength(4);
    pass(IDLE_LIMIT + 250);
    expect(to('a').state).toBe('closed');
  });

  it.each(['', 'gone'])('a datagram for a node whose home is %j goes by the own home', (home) => {
    measured({ a: 30, b: 10 });
    relays.send('n', home, Buffer.from('1'));
    expect(to('b').sent).toEqual(['n: 1']);
  });

  describe('when the home of a node is not where the map says, for the coordinator is away', () => {
    const send = (home: string) => relays.send('n', home, Buffer.from('1'));
    const went = () => Object.keys(connections).filter((id) => to(id).sent.splice(0).length > 0);

    it('that is down: by the own home, and when the node is not there either, by another', () => {
      measured({ a: 30, b: 10, c: 50 });
      to('a').fail();
      send('a');
      expect(went()).toEqual(['b']);
      to('b').callbacks.onPeerGone('n');
      send('a');
      expect(went()).toEqual(['c']);
      to('a').answer(30);
      send('a');
      expect(went()).toEqual(['a']);
    });

    it('where it was heard a moment ago, for as long as that is up, and until the map tells of another home', () => {
      measured({ a: 30, b: 10, c: 50, d: 70 });
      to('c').callbacks.onDatagram('n', Buffer.from('2'));
      send('a');
      expect(went()).toEqual(['c']);
      send('d');
      expect(went()).toEqual(['d']);
      to('c').callbacks.onDatagram('n', Buffer.from('3'));
      send('d');
      expect(went()).toEqual(['c']);
      to('c').fail();
      send('d');
      expect(went()).toEqual(['d']);
    });

    it('where it was heard long ago only if its home has not got it', () => {
      measured({ a: 30, b: 10, c: 50 });
      to('c').callbacks.onDatagram('n', Buffer.from('2'));
      pass(HEARD_MEMORY);
      send('a');
      expect(went()).toEqual(['a']);
      to('a').callbacks.onPeerGone('n');
      send('a');
      expect(went()).toEqual(['c']);
    });

    it('a relay that did not have the node has it when it brings something of it', () => {
      measured({ a: 30, b: 10 });
      to('a').fail();
      to('b').callbacks.onPeerGone('n');
      send('a');
      expect(went()).toEqual(['a']);
      to('b').callbacks.onDatagram('n', Buffer.from('2'));
      send('a');
      expect(went()).toEqual(['b']);
    });

    it('a relay that did not have the node is asked again after a while; another node is not concerned', () => {
      measured({ a: 30, b: 10 });
      to('a').callbacks.onPeerGone('n');
      relays.send('m', 'a', Buffer.from('1'));
      expect(went()).toEqual(['a']);
      send('a');
      expect(went()).toEqual(['b']);
      pass(GONE_MEMORY);
      send('a');
      expect(went()).toEqual(['a']);
    });

    it('what waited in vain for a connection to it goes by another', () => {
      measured({ a: 30, b: 10 });
      send('a');
      expect(went()).toEqual(['a']);
      to('a').fail();
      to('a').callbacks.onUnsent('n', Buffer.from('1'));
      expect(went()).toEqual(['b']);
    });

    it('with nowhere better to go it goes to the home of the map', () => {
      measured({ a: 30 });
      to('a').fail();
      send('a');
      expect(went()).toEqual(['a']);
    });
  });

  it('are measured again now and then, and on demand; a home far better is taken', () => {
    measured({ a: 30, b: 100 });
    pass(IDLE_LIMIT + 250);
    pass(MEASURE_INTERVAL - IDLE_LIMIT);
    expect(to('b').state).toBe('connecting');
    to('b').answer(5);
    pass(250);
    expect(homes).toEqual(['a', 'b']);
    pass(IDLE_LIMIT + 250);
    relays.measure();
    expect(to('a').state).toBe('connecting');
  });

  it('that the map no longer has are left, those that are as before are not touched, moved ones are new', () => {
    measured({ a: 30, b: 10 });
    const [a, b] = [to('a'), to('b')];
    relays.update([target('a'), target('b', 'https://other.example.com:1')]);
    expect(b.state).toBe('closed');
    expect(to('b')).not.toBe(b);
    expect(to('a')).toBe(a);
    relays.update([target('a')]);
    pass(MEASURE_LIMIT);
    expect(relays.home).toBe('a');
    expect(relays.status().map(({ id }) => id)).toEqual(['a']);
  });
});
