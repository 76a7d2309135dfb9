import type { Prefix } from '../../shared/prefix.ts';
import type { Random } from '../../shared/random.ts';
import type { Deadlines } from '../wireguard/deadlines.ts';
import type { Candidate } from './candidate.ts';
import type { PathSink } from './path-sink.ts';
import type { PeerPaths } from './peer-paths.ts';
import type { ProbeCounters } from './probe-counters.ts';

/** What the peers of one host share. */
export interface PathContext {
  readonly sink: PathSink;
  readonly random: Random;
  readonly counters: ProbeCounters;
  readonly deadlines: Deadlines<PeerPaths>;
  /** 32 bytes each. */
  privateKey: Uint8Array;
  publicKey: Uint8Array;
  /** Where this host can perhaps be reached, at most MAX_CANDIDATES. */
  candidates: readonly Candidate[];
  /** This host's NAT gives each destination another port. */
  hard: boolean;
  /** Whether the relay can be reached. */
  relayIsUp: boolean;
  /** The mesh's own prefixes: nothing in them is a way to it. */
  overlay: readonly Prefix[];
  /** Sprays under way. */
  sprays: number;
}
