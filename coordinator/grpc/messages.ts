import type { Delta, Dns, Filter, Peer, Self, Snapshot } from '../../proto/gen/warren.ts';
import { keyFromBase64 } from '../../shared/key.ts';
import type { DeltaView, PeerView, SelfView, SnapshotView } from '../network/map.ts';

/** What a message carries beside the map: the coordinator's clock, and where the stream came from. */
export interface StreamFacts {
  serverTime: number;
  observedAddress: string;
}

export function snapshotMessage(view: SnapshotView, facts: StreamFacts): Snapshot {
  return {
    epoch: view.epoch,
    version: BigInt(view.version),
    self: selfMessage(view.self, facts),
    peers: view.peers.map(peerMessage),
  };
}

export function deltaMessage(view: DeltaView, facts: StreamFacts): Delta {
  return {
    fromVersion: BigInt(view.fromVersion),
    version: BigInt(view.version),
    self: view.self === undefined ? undefined : selfMessage(view.self, facts),
    peers: view.peers.map(peerMessage),
    removedNodeIds: view.removedNodeIds,
  };
}

function selfMessage(view: SelfView, facts: StreamFacts): Self {
  return {
    ...view,
    keyExpiresAt: BigInt(view.keyExpiresAt),
    filter: filterMessage(view.filter),
    serverTime: BigInt(Math.floor(facts.serverTime)),
    observedAddress: facts.observedAddress,
    dns: dnsMessage(view.dns),
  };
}

function dnsMessage({ zone, resolvers, split }: SelfView['dns']): Dns {
  return {
    zone,
    resolvers: [...resolvers],
    split: split.map((each) => ({ domain: each.domain, resolvers: [...each.resolvers] })),
  };
}

function filterMessage(rules: SelfView['filter']): Filter | undefined {
  if (rules === null) return undefined;
  return {
    rules: rules.map(({ id, sources, destinations, services }) => ({
      id,
      sources: [...sources],
      destinations: [...destinations],
      services: [...services],
    })),
  };
}

function peerMessage(view: PeerView): Peer {
  return {
    ...view,
    publicKey: Buffer.from(keyFromBase64(view.publicKey) as Uint8Array),
    device: view.device ?? undefined,
    keyExpiresAt: BigInt(view.keyExpiresAt),
  };
}
