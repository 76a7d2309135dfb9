import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MapPeer } from '../../agent/mesh/network-map.ts';
import type { PeerReach } from '../../agent/paths/path-sink.ts';
import { RouterKeeper } from '../../agent/router-keeper.ts';
import { keyFromBase64 } from '../../shared/key.ts';
import { createLogger } from '../../shared/log.ts';
import { aPeer } from '../support/map.ts';

const ROUTE = '10.1.0.0/16';

describe('the keeper of routers', () => {
  let now: number;
  let changes: number;
  let keeper: RouterKeeper;
  let a: MapPeer;
  let b: MapPeer;

  beforeEach(() => {
    vi.useFakeTimers();
    now = 0;
    changes = 0;
    [a, b] = [aPeer(2, { routes: [ROUTE] }), aPeer(3, { routes: [ROUTE] })];
    keeper = new RouterKeeper(
      () => now,
      () => void changes++,
      createLogger('silent', 'test'),
    );
  });
  afterEach(() => {
    keeper.close();
    vi.useRealTimers();
  });

  const chosen = () => keeper.choose([a, b]).get(ROUTE);
  const reached = (peer: MapPeer, kind: PeerReach['kind'], roundTrip: number | null = null) =>
    keeper.reached(keyFromBase64(peer.publicKey) as Uint8Array, { kind, roundTrip });
  const pass = (milliseconds: number) => {
    now += milliseconds;
    vi.advanceTimersByTime(milliseconds);
  };

  it('SEC-43: has the other used when one is lost, once, and tells why', () => {
    expect(chosen()).toBe(a.nodeId);
    reached(b, 'direct', 10);
    expect(changes).toBe(0);
    reached(a, 'lost');
    expect(changes).toBe(1);
    expect(chosen()).toBe(b.nodeId);
    expect(keeper.status()).toEqual([
      { route: ROUTE, router: b.name, standIns: [a.name], why: 'the one before does not answer' },
    ]);
  });

  it('uses the one that is preferred for that network, and no longer says so when it is not', () => {
    expect(chosen()).toBe(a.nodeId);
    b = { ...b, preferredRoutes: ['10.2.0.0/16'] };
    chosen();
    pass(6_000);
    expect(changes).toBe(0);
    b = { ...b, preferredRoutes: [ROUTE] };
    expect(chosen()).toBe(a.nodeId);
    pass(6_000);
    expect(changes).toBe(1);
    expect(chosen()).toBe(b.nodeId);
    expect(keeper.status()[0]?.why).toBe('preferred by an administrator');
    reached(b, 'lost');
    expect(chosen()).toBe(a.nodeId);
    reached(b, 'direct', 10);
    pass(31_000);
    expect(chosen()).toBe(b.nodeId);
    reached(a, 'relay');
    b = { ...b, preferredRoutes: [] };
    chosen();
    pass(6_000);
    expect(keeper.status()[0]).toMatchObject({ router: b.name, why: null });
  });

  it('one that was lost is not taken for back because nobody asks any more, and is after 30 s of answers', () => {
    chosen();
    reached(b, 'direct', 10);
    reached(a, 'lost');
    reached(a, 'unknown');
    reached(b, 'unknown');
    pass(120_000);
    expect(chosen()).toBe(b.nodeId);
    reached(b, 'direct', 10);
    reached(a, 'direct', 10);
    pass(29_000);
    expect(chosen()).toBe(b.nodeId);
    expect(changes).toBe(1);
    pass(1_100);
    expect(changes).toBe(2);
    expect(chosen()).toBe(a.nodeId);
  });

  it('one that was lost and has been started anew is there again', () => {
    chosen();
    reached(a, 'lost');
    a = { ...a, online: false };
    expect(chosen()).toBe(b.nodeId);
    a = { ...a, online: true };
    expect(chosen()).toBe(b.nodeId);
    pass(31_000);
    expect(chosen()).toBe(a.nodeId);
  });

  it('a coordinator that is started anew, and has not heard of them yet, moves nothing', () => {
    chosen();
    const peers = [a, b];
    [a, b] = peers.map((peer) => ({ ...peer, online: false })) as [MapPeer, MapPeer];
    expect(chosen()).toBe(a.nodeId);
    b = peers[1] as MapPeer;
    expect(chosen()).toBe(a.nodeId);
    pass(2_000);
    a = peers[0] as MapPeer;
    expect(chosen()).toBe(a.nodeId);
    pass(60_000);
    expect(changes).toBe(0);
  });

  it('forgets what carries nothing any more', () => {
    chosen();
    a = { ...a, routes: [] };
    expect(keeper.choose([a, b]).size).toBe(0);
    expect(keeper.status()).toEqual([]);
  });
});
