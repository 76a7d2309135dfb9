import { Counters } from './counters.ts';
import type { Destination } from './data-path.ts';
import type { PeerActivity } from './follower-updates.ts';
import { Keypair } from './keypair.ts';
import type { UdpAddress } from './udp-address.ts';

/** A session as a follower has it. */
export class FollowerKeypair extends Keypair<FollowerPeer> {
  /** The device was told that a message has come under it. */
  isConfirmed = false;
}

/** What a follower knows of a peer, and what it has to report of it. */
export class FollowerPeer implements Destination {
  readonly slot: number;
  endpoint: UdpAddress | null = null;
  /** As in Peer. */
  endpointChosen = false;
  isDiverted = false;
  heardFrom: UdpAddress | null = null;
  current: FollowerKeypair | null = null;

  txBytes = 0;
  rxBytes = 0;
  lastDataSent = 0;
  lastReceived = 0;
  lastDataReceived = 0;
  readonly drops = new Counters();
  /** Whether there is anything to report. */
  isActive = false;

  constructor(slot: number) {
    this.slot = slot;
  }

  /** What there is to report, which then begins anew. */
  takeActivity(): PeerActivity {
    const { slot, txBytes, rxBytes, lastDataSent, lastReceived, lastDataReceived } = this;
    this.txBytes = 0;
    this.rxBytes = 0;
    this.lastDataSent = 0;
    this.lastReceived = 0;
    this.lastDataReceived = 0;
    this.isActive = false;
    const drops = this.drops.takeAll();
    return { slot, txBytes, rxBytes, lastDataSent, lastReceived, lastDataReceived, drops };
  }
}
