import { formatIp } from '../../shared/ip.ts';
import { PROTOCOL_NAMES } from '../../shared/protocol-names.ts';
import type { TrackedConnection, Traffic } from './conntrack-message.ts';

/** One end of a flow: whose it is, or null for an address that is nobody's of the mesh. */
export interface FlowEnd {
  name: string | null;
  address: string;
  /** 0 where the protocol has none. */
  port: number;
}

/** Who talks to whom, seen from who began. */
export interface Flow {
  protocol: string;
  from: FlowEnd;
  to: FlowEnd;
  /** Of TCP alone. */
  state: string | null;
  sent: Traffic;
  received: Traffic;
}

/** What the agent answers to `agent flows`. */
export interface FlowsAnswer {
  flows: Flow[];
  /** With those that were left out. */
  total: number;
  /** The kernel has only just begun to track. */
  isFresh: boolean;
  countsBytes: boolean;
}

/**
 * Those connections that go through the mesh: with this host and a peer at their ends, or two peers, or a peer and what lies
 * behind this host. The busiest come first, `most` of them.
 */
export function meshFlows(
  connections: readonly TrackedConnection[],
  own: { name: string; addresses: readonly string[] },
  peerOf: (address: Uint8Array) => string | null,
  most: number,
): { flows: Flow[]; total: number } {
  const ownAddresses = new Set(own.addresses);
  const nameOf = (address: Uint8Array) => (ownAddresses.has(formatIp(address)) ? own.name : peerOf(address));
  const flows = connections.flatMap((connection): Flow[] => {
    const { source, destination, protocol } = connection;
    if (peerOf(source) === null && peerOf(destination) === null) return [];
    const { state, sent, received, sourcePort, destinationPort } = connection;
    return [
      {
        protocol: PROTOCOL_NAMES[protocol] ?? String(protocol),
        from: { name: nameOf(source), address: formatIp(source), port: sourcePort },
        to: { name: nameOf(destination), address: formatIp(destination), port: destinationPort },
        state,
        sent,
        received,
      },
    ];
  });
  flows.sort((a, b) => bytes(b) - bytes(a));
  return { flows: flows.slice(0, most), total: flows.length };
}

function bytes({ sent, received }: Flow): number {
  return sent.bytes + received.bytes;
}
