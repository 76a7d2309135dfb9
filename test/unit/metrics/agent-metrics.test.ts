import { createServer } from 'node:net';
import { expect, it, vi } from 'vitest';
import { exposition } from '../../../agent/metrics/exposition.ts';
import { serveMetrics } from '../../../agent/metrics/serve-metrics.ts';
import type { Status } from '../../../agent/status.ts';
import { createLogger } from '../../../shared/log.ts';
import { waitFor } from '../../support/wait-for.ts';

const peer = (name: string, changes = {}) => ({
  name,
  online: true,
  path: 'direct',
  latencyMs: 1.5,
  lastHandshake: '2026-01-01T00:00:00.000Z',
  pathDetails: { changes: 3 },
  rxBytes: 10,
  txBytes: 20,
  ...changes,
});
const status = {
  self: {
    driver: 'linux',
    cipher: 'OpenSSL',
    coordinator: 'connected',
    relays: [
      { id: 'r1', state: 'connected', latencyMs: 4, home: true },
      { id: 'r2', state: 'unused', latencyMs: null, home: false },
    ],
    counters: { replayed: 2, 'completed-handshakes': 5 },
  },
  peers: [
    peer('a"b\\\n'),
    peer('away', { online: false, path: 'none', latencyMs: null, pathDetails: null }),
    peer('never', { path: 'none', lastHandshake: null, rxBytes: 0, txBytes: 0, latencyMs: null }),
  ],
} as unknown as Status;
const nat = {
  mapping: 'address-dependent',
  filtering: 'unknown',
  keepsPort: null,
  hairpin: null,
} as const;

it('metrics tell peers, drops by reason, relays and the NAT, with names escaped', () => {
  const text = exposition(status, nat, 1_000);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(lines).toEqual([
    expect.stringMatching(/^warren_agent_info\{version="[^"]+",driver="linux",cipher="OpenSSL"\} 1$/),
    'warren_agent_coordinator_connected 1',
    'warren_agent_peers{state="online"} 2',
    'warren_agent_peers{state="offline"} 1',
    'warren_agent_peer_received_bytes_total{peer="a\\"b\\\\\\n"} 10',
    'warren_agent_peer_received_bytes_total{peer="away"} 10',
    'warren_agent_peer_sent_bytes_total{peer="a\\"b\\\\\\n"} 20',
    'warren_agent_peer_sent_bytes_total{peer="away"} 20',
    'warren_agent_peer_last_handshake_timestamp_seconds{peer="a\\"b\\\\\\n"} 1767225600',
    'warren_agent_peer_last_handshake_timestamp_seconds{peer="away"} 1767225600',
    'warren_agent_peer_path_info{peer="a\\"b\\\\\\n",path="direct"} 1',
    'warren_agent_peer_path_info{peer="away",path="none"} 1',
    'warren_agent_peer_round_trip_seconds{peer="a\\"b\\\\\\n"} 0.0015',
    'warren_agent_peer_path_changes_total{peer="a\\"b\\\\\\n"} 3',
    'warren_agent_events_total{event="completed-handshakes"} 5',
    'warren_agent_dropped_total{reason="replayed"} 2',
    'warren_agent_relay_connected{relay="r1",home="true"} 1',
    'warren_agent_relay_connected{relay="r2",home="false"} 0',
    'warren_agent_relay_round_trip_seconds{relay="r1"} 0.004',
    'warren_agent_nat_info{mapping="address-dependent",filtering="unknown"} 1',
    'warren_agent_resident_memory_bytes 1000',
  ]);
  // Each family has its kind, once, before its samples (the text format, 0.0.4).
  expect(text.match(/^# TYPE warren_agent_peer_sent_bytes_total counter$/gm)).toHaveLength(1);
});

it('metrics are served on a port, also when somebody else has it at first', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const errors: unknown[] = [];
  const silent = createLogger('silent', 'test');
  const log = new Proxy(silent, {
    get: (target, name) =>
      name === 'error' ? (facts: unknown) => errors.push(facts) : Reflect.get(target, name),
  });
  const server = serveMetrics({ host: '127.0.0.1', port }, async () => 'warren_agent_peers 1\n', log);
  try {
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    other.close();
    await vi.advanceTimersByTimeAsync(10_000);
    vi.useRealTimers();
    const ask = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method });
    const answer = await waitFor('the metrics', () => ask('/metrics').catch(() => null));
    expect(answer.headers.get('Content-Type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await answer.text()).toBe('warren_agent_peers 1\n');
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/metrics', 'POST')).status).toBe(404);
  } finally {
    vi.useRealTimers();
    server.close();
    other.close();
  }
});
