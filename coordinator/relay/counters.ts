/** What a relay counts, of one client or of all together. Packets are datagrams; bytes are theirs, without frames. */
export interface RelayCounters {
  receivedPackets: number;
  receivedBytes: number;
  /** Handed on towards their destination. */
  relayedPackets: number;
  relayedBytes: number;
  /** Gave way to newer ones, because the destination reads too slowly. */
  droppedQueue: number;
  /** Beyond the sender's rate. */
  droppedRate: number;
  /** To a node that is not connected here. */
  droppedAbsent: number;
  /** To a node that the sender may not meet. */
  droppedForbidden: number;
  /** Frames that are none. */
  malformed: number;
}

export function noCounts(): RelayCounters {
  return {
    receivedPackets: 0,
    receivedBytes: 0,
    relayedPackets: 0,
    relayedBytes: 0,
    droppedQueue: 0,
    droppedRate: 0,
    droppedAbsent: 0,
    droppedForbidden: 0,
    malformed: 0,
  };
}
