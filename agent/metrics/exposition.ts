import { VERSION } from '../../shared/version.ts';
import type { NatKind } from '../paths/nat-kind.ts';
import type { Status } from '../status.ts';

/** Counters that tell what was done; all others tell why something was dropped. */
const DONE = new Set([
  'sent-initiations',
  'sent-responses',
  'sent-cookie-replies',
  'completed-handshakes',
  'sent-pings',
  'sent-pongs',
  'sent-invitations',
  'path-changes',
  'sprays',
]);

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/**
 * The state of the agent in the text format of Prometheus (version 0.0.4). Series are as many as there are peers that something was
 * exchanged with.
 */
export function exposition(status: Status, nat: NatKind | null, residentBytes: number): string {
  const { self } = status;
  const peers = status.peers.filter(
    ({ path, lastHandshake, rxBytes, txBytes }) =>
      path !== 'none' || lastHandshake !== null || rxBytes + txBytes > 0,
  );
  const ofPeers = (value: (peer: Status['peers'][number]) => number | null): Sample[] =>
    peers.flatMap((peer) => {
      const number = value(peer);
      return number === null ? [] : [[{ peer: peer.name }, number]];
    });
  const counters = Object.entries(self.counters);
  const relays = self.relays;
  return [
    family('info', 'gauge', 'The agent, its driver and the library that seals packets.', [
      [{ version: VERSION, driver: self.driver, cipher: self.cipher }, 1],
    ]),
    family('coordinator_connected', 'gauge', 'Whether the coordinator is connected.', [
      [{}, Number(self.coordinator === 'connected')],
    ]),
    family('peers', 'gauge', 'Peers of the network map.', [
      [{ state: 'online' }, status.peers.filter(({ online }) => online).length],
      [{ state: 'offline' }, status.peers.filter(({ online }) => !online).length],
    ]),
    family(
      'peer_received_bytes_total',
      'counter',
      'Bytes received from a peer, as WireGuard counts them.',
      ofPeers(({ rxBytes }) => rxBytes),
    ),
    family(
      'peer_sent_bytes_total',
      'counter',
      'Bytes sent to a peer.',
      ofPeers(({ txBytes }) => txBytes),
    ),
    family(
      'peer_last_handshake_timestamp_seconds',
      'gauge',
      'When the last handshake with a peer was completed.',
      ofPeers(({ lastHandshake }) => (lastHandshake === null ? null : Date.parse(lastHandshake) / 1000)),
    ),
    family(
      'peer_path_info',
      'gauge',
      'How a peer is reached: direct, relay or none.',
      peers.map(({ name, path }) => [{ peer: name, path }, 1] as const),
    ),
    family(
      'peer_round_trip_seconds',
      'gauge',
      'Round trip to a peer when it was last measured.',
      ofPeers(({ latencyMs }) => (latencyMs === null ? null : latencyMs / 1000)),
    ),
    family(
      'peer_path_changes_total',
      'counter',
      'Changes of the path to a peer.',
      ofPeers(({ pathDetails }) => pathDetails?.changes ?? null),
    ),
    family(
      'events_total',
      'counter',
      'What was done: handshakes and probes.',
      counters.filter(([name]) => DONE.has(name)).map(([event, count]) => [{ event }, count] as const),
    ),
    family(
      'dropped_total',
      'counter',
      'What was dropped, by the reason.',
      counters.filter(([name]) => !DONE.has(name)).map(([reason, count]) => [{ reason }, count] as const),
    ),
    family(
      'relay_connected',
      'gauge',
      'Whether a relay is connected; the home relay is where others reach this agent.',
      relays.map(
        ({ id, state, home }) => [{ relay: id, home: String(home) }, Number(state === 'connected')] as const,
      ),
    ),
    family(
      'relay_round_trip_seconds',
      'gauge',
      'Round trip to a relay when it was last measured.',
      relays.flatMap(({ id, latencyMs }) =>
        latencyMs === null ? [] : [[{ relay: id }, latencyMs / 1000] as const],
      ),
    ),
    family(
      'nat_info',
      'gauge',
      'The NAT before this host in IPv4, in the words of RFC 4787.',
      nat === null ? [] : [[{ mapping: nat.mapping, filtering: nat.filtering }, 1]],
    ),
    family('resident_memory_bytes', 'gauge', 'Memory that the agent holds.', [[{}, residentBytes]]),
  ].join('');
}

function family(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const full = `warren_agent_${name}`;
  const lines = samples.map(([labels, value]) => `${full}${labelText(labels)} ${value}`);
  return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...lines, ''].join('\n');
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
