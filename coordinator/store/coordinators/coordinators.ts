/** What people at one coordinator look at, so that the agents of the others tell of it more often as well. */
export interface Watch {
  /** Milliseconds. */
  interval: number;
  /** Ids of nodes; null for all. */
  nodes: readonly string[] | null;
}

/** One coordinator of the database. Whether it lives is for others to see by whether its beat moves on: their clocks may differ. */
export interface CoordinatorRecord {
  instance: string;
  /** Another at each start. */
  run: string;
  beat: number;
  watches: readonly Watch[];
}

/** The latest that an agent told of its path to one peer, or of itself. */
export interface ToldPath {
  nodeId: string;
  /** Empty for what the node said of itself. */
  peerId: string;
  /** A PathReport in protobuf's form; null in place of what it said of itself: its stream has ended, and nothing else of it is left. */
  report: Uint8Array | null;
  /** Milliseconds since it was told, by the database's clock. */
  age: number;
}

/**
 * What several coordinators of one database keep of each other in it. It is no part of the network: nothing of it is in the map, no
 * agent hears of it, and but for the end of a dead coordinator it has no rows in the audit log.
 */
export interface CoordinatorStore {
  /**
   * Says that a coordinator is there; whether it was known to be, or has to say anew what else is of it. Throws `incompatible` when
   * a newer release has brought the database up to date meanwhile.
   */
  beat(own: { instance: string; run: string; watches: readonly Watch[] }): Promise<boolean>;
  /** All others, those included that only have nodes marked as online: with an empty run. */
  others(instance: string): Promise<CoordinatorRecord[]>;
  /** Takes back all that a coordinator said of itself but for its nodes' presence. */
  leave(instance: string): Promise<void>;
  /** Ends one that is as it was seen: its nodes are online no longer, unless another has them. False if it moved on, or is ended. */
  end(seen: Pick<CoordinatorRecord, 'instance' | 'run' | 'beat'>, now: number): Promise<boolean>;
  /** Writes down what agents told, under a number that grows with each call of a run. */
  tell(instance: string, round: number, paths: readonly ToldPath[]): Promise<void>;
  /** What was told after a round, and the latest round. */
  toldSince(instance: string, round: number): Promise<{ round: number; paths: ToldPath[] }>;
  /** All that is there of one node. */
  toldOf(instance: string, nodeId: string): Promise<ToldPath[]>;
}
