import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CarriersInUse, NO_CARRIERS } from '../../agent/mesh/carriers-in-use.ts';
import { PathReporter } from '../../agent/path-reporter.ts';
import type { PeerStatus, Status } from '../../agent/status.ts';
import type { PathReport } from '../../proto/gen/warren.ts';

const NOW = Date.UTC(2026, 0, 1);
let peers: PeerStatus[];
let relays: { id: string; latencyMs: number | null }[];
let carriers: CarriersInUse;
let sent: PathReport[];
let canSend: boolean;
let looks: number;
let reporter: PathReporter;

const peer = (name: string, changes: Partial<PeerStatus> = {}): PeerStatus => ({
  name,
  addresses: [],
  publicKey: name,
  online: true,
  device: false,
  via: null,
  path: 'direct',
  endpoint: '192.0.2.7:51820',
  pathDetails: {
    why: 'answered first',
    since: new Date(NOW - 5_000).toISOString(),
    changes: 1,
    probing: false,
    tried: [],
  },
  latencyMs: 1,
  lastHandshake: 'x',
  rxBytes: 0,
  txBytes: 0,
  allowedIps: [],
  dropped: {},
  ...changes,
});

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  peers = [peer('b')];
  relays = [];
  carriers = NO_CARRIERS;
  sent = [];
  canSend = true;
  looks = 0;
  reporter = new PathReporter(
    async () => {
      looks++;
      return {
        status: { self: { nat: null, relays }, peers: structuredClone(peers) } as unknown as Status,
        nat: { mapping: 'endpoint-independent', filtering: 'unknown', keepsPort: null, hairpin: null },
        carriers: structuredClone(carriers),
        nodeIds: new Map(peers.map(({ publicKey }) => [publicKey, `node-${publicKey}`])),
        now: Date.now(),
      };
    },
    (report) => canSend && sent.push(report) > 0,
    () => Date.now() - NOW,
  );
});

afterEach(() => {
  reporter.close();
  vi.useRealTimers();
});

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
const told = () => sent.splice(0).map((report) => report.peers.map(({ nodeId }) => nodeId).join(' '));

describe('what an agent tells of its paths', () => {
  it('is nothing while nobody asked', async () => {
    reporter.changed();
    await pass(120_000);
    expect([sent, looks]).toEqual([[], 0]);
  });

  it('begins with all that was used, and why each path is what it is', async () => {
    peers.push(
      peer('unused', { path: 'none', lastHandshake: null, pathDetails: null }),
      peer('away', { path: 'none', online: false, rxBytes: 7, latencyMs: null }),
    );
    reporter.watch(60_000);
    await pass(0);
    expect(sent).toEqual([
      {
        nat: { mapping: 'endpoint-independent', filtering: 'unknown' },
        relays: { relays: [] },
        carriers: { routeUses: [], exitNodeId: '' },
        peers: [
          {
            nodeId: 'node-b',
            kind: 1,
            endpoint: '192.0.2.7:51820',
            latency: 1,
            receivedBytes: 0n,
            sentBytes: 0n,
            age: 5_000n,
            reason: 'it was the first way to answer',
            advice: '',
          },
          expect.objectContaining({
            nodeId: 'node-away',
            kind: 0,
            endpoint: '',
            receivedBytes: 7n,
            reason: 'the coordinator does not hear from it',
          }),
        ],
      },
    ]);
  });

  it('nothing is told while nothing changes', async () => {
    reporter.watch(2_000);
    await pass(0);
    told();
    await pass(600_000);
    expect(sent).toEqual([]);
  });

  it('a path that changed is told soon, bytes once in the interval asked for', async () => {
    peers.push(peer('c'));
    reporter.watch(60_000);
    await pass(0);
    expect(told()).toEqual(['node-b node-c']);
    peers = [peer('b', { path: 'relay', endpoint: null, pathDetails: null }), peer('c', { rxBytes: 9 })];
    reporter.changed();
    reporter.changed();
    await pass(1_000);
    expect(told()).toEqual(['node-b']);
    await pass(50_000);
    expect(told()).toEqual([]);
    await pass(10_000);
    expect(told()).toEqual(['node-c']);
    reporter.watch(2_000);
    await pass(0);
    peers[1] = peer('c', { rxBytes: 10 });
    await pass(2_000);
    expect(told()).toEqual(['node-c']);
  });

  it('a path that went without an event is seen within 15 s', async () => {
    reporter.watch(60_000);
    await pass(0);
    told();
    peers = [peer('b', { path: 'none', endpoint: null })];
    await pass(15_000);
    expect(told()).toEqual(['node-b']);
  });

  it('many peers go in several messages', async () => {
    peers = Array.from({ length: 250 }, (_, i) => peer(`p${i}`));
    reporter.watch(60_000);
    await pass(0);
    expect(sent.map((report) => report.peers.length)).toEqual([100, 100, 50]);
    expect(sent.map(({ nat }) => nat !== undefined)).toEqual([true, false, false]);
  });

  it('what could not be sent is sent later; a new stream is told everything once it asks', async () => {
    canSend = false;
    reporter.watch(2_000);
    await pass(0);
    canSend = true;
    await pass(2_000);
    expect(told()).toEqual(['node-b']);
    reporter.reset();
    await pass(60_000);
    expect(sent).toEqual([]);
    reporter.watch(2_000);
    await pass(0);
    expect(sent[0]).toMatchObject({ peers: [{ nodeId: 'node-b' }], nat: {} });
  });

  it('who carries what is told soon after it is somebody else, as a whole, and anew to a new stream', async () => {
    carriers = { routeUses: [{ route: '10.1.0.0/16', nodeId: 'node-b' }], exitNodeId: '' };
    reporter.watch(60_000);
    await pass(0);
    expect(sent.splice(0)[0]?.carriers).toEqual(carriers);
    await pass(120_000);
    expect(sent).toEqual([]);
    canSend = false;
    carriers = { ...carriers, exitNodeId: 'node-c' };
    reporter.changed();
    await pass(1_000);
    canSend = true;
    await pass(15_000);
    expect(sent.splice(0)).toEqual([{ peers: [], carriers }]);
    carriers = NO_CARRIERS;
    reporter.changed();
    await pass(1_000);
    expect(sent.splice(0)).toEqual([{ peers: [], carriers: NO_CARRIERS }]);
    reporter.reset();
    reporter.watch(60_000);
    await pass(0);
    expect(sent[0]?.carriers).toEqual(NO_CARRIERS);
  });

  it('of very many networks the first thousand are told', async () => {
    const routeUses = Array.from({ length: 1_500 }, (_, i) => ({
      route: `10.${i >> 8}.${i & 255}.0/24`,
      nodeId: 'node-b',
    }));
    carriers = { routeUses, exitNodeId: '' };
    reporter.watch(60_000);
    await pass(0);
    expect(sent[0]?.carriers?.routeUses).toEqual(routeUses.slice(0, 1_000));
  });

  it('distances to relays are told when they are others, not more often than asked', async () => {
    relays = [{ id: 'r', latencyMs: 3 }];
    reporter.watch(60_000);
    await pass(0);
    expect(sent.splice(0)[0]?.relays).toEqual({ relays: [{ relayId: 'r', latency: 3 }] });
    relays = [{ id: 'r', latencyMs: 4 }];
    await pass(45_000);
    expect(sent).toEqual([]);
    await pass(15_000);
    expect(sent[0]?.relays).toEqual({ relays: [{ relayId: 'r', latency: 4 }] });
  });
});
