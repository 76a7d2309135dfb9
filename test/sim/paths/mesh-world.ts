import { endpointOf, UdpAddress } from '../../../agent/wireguard/udp-address.ts';
import { bindingAnswer } from '../../../coordinator/stun/binding.ts';
import { formatIp, parseIp } from '../../../shared/ip.ts';
import { SeededRandom } from '../world.ts';
import { Clock } from './clock.ts';
import type { MeshHost } from './mesh-host.ts';
import {
  type Faults,
  Firewall,
  Nat,
  type NatBehaviour,
  type Packet,
  type Place,
  Segment,
} from './network.ts';

/** Two ports and two addresses for IPv4, so that every kind of mapping shows. */
export const STUN_SERVERS: readonly Place[] = [
  { ip: '198.51.100.1', port: 3478 },
  { ip: '198.51.100.1', port: 3479 },
  { ip: '198.51.100.2', port: 3478 },
  { ip: '2001:db8:ffff::1', port: 3478 },
];

/** An inner packet that did not arrive, because of what happened to the datagram that carried it. */
export interface LostData {
  at: number;
  fate: string;
}

/**
 * Hosts with agents on a virtual Internet with NATs, STUN servers, a relay and a coordinator that tells everybody's
 * candidates to everybody. Everything follows from the seed.
 */
export class MeshWorld {
  readonly clock = new Clock();
  readonly random: SeededRandom;
  readonly internet: Segment;
  readonly hosts: MeshHost[] = [];
  /** WireGuard datagrams with an inner packet that the network did not deliver, relay included. */
  readonly lostData: LostData[] = [];
  /** One-way from a host to the relay, and as much again to the other host. */
  relayDelay = 15;
  relayIsUp = true;
  /** With its STUN servers. */
  coordinatorIsUp = true;

  constructor(seed: number, faults: Partial<Faults> = {}) {
    this.random = new SeededRandom(seed);
    this.internet = this.segment({ delay: 5 + this.random.next() * 40, jitter: 3, loss: 0, ...faults });
    this.relayDelay = 5 + this.random.next() * 40;
    for (const ip of new Set(STUN_SERVERS.map((server) => server.ip)))
      this.internet.add(ip, { arrive: (packet) => this.#answerStun(packet) });
  }

  /** A site's network: a millisecond across. */
  segment(faults: Partial<Faults> = {}): Segment {
    return new Segment(
      this.clock,
      this.random,
      { delay: 0.3, jitter: 0.2, loss: 0, ...faults },
      (packet, fate) => this.lose(packet.bytes, fate),
    );
  }

  /** A network behind a NAT with this outer address. */
  natted(ip: string, behaviour: NatBehaviour, outer: Segment = this.internet): { site: Segment; nat: Nat } {
    const site = this.segment();
    return { site, nat: new Nat(this.clock, this.random, site, outer, ip, behaviour) };
  }

  firewalled(ips: readonly string[], site: Segment = this.segment()): Segment {
    new Firewall(this.clock, site, this.internet, ips);
    return site;
  }

  /** Transport data with something in it is what may be missed. */
  lose(bytes: Uint8Array, fate: string): void {
    if (bytes[0] === 4 && bytes.length > 32) this.lostData.push({ at: this.clock.now, fate });
  }

  /** Takes bytes from one host to another through the relay: in order, and without loss while it is up. */
  byRelay(from: MeshHost, to: Uint8Array, bytes: Uint8Array): void {
    const target = this.hosts.find((host) => host.publicKey.every((byte, i) => byte === to[i]));
    if (!this.relayIsUp || target === undefined) {
      this.lose(bytes, 'relay');
      return;
    }
    this.clock.after(2 * this.relayDelay, () => target.fromRelay(from, bytes));
  }

  /** What the coordinator does with a host's candidates: it tells everybody else, who hear of it a moment later. */
  publish(from: MeshHost): void {
    if (!this.coordinatorIsUp) return;
    this.clock.after(2 * this.relayDelay, () => {
      for (const host of this.hosts) if (host !== from) host.peerMoved(from);
    });
  }

  setRelay(isUp: boolean): void {
    this.relayIsUp = isUp;
    for (const host of this.hosts) host.relayChanged(isUp);
  }

  #answerStun({ from, to, bytes }: Packet): void {
    if (!this.coordinatorIsUp) return;
    const { address, port } = endpointOf(addressOf(from));
    const answer = bindingAnswer(bytes, { address, port });
    if (answer !== null) this.internet.send({ from: to, to: from, bytes: answer.bytes });
  }
}

const parsed = new Map<string, Uint8Array>();

export function addressOf({ ip, port }: Place): UdpAddress {
  let bytes = parsed.get(ip);
  if (bytes === undefined) {
    bytes = parseIp(ip) as Uint8Array;
    parsed.set(ip, bytes);
  }
  return UdpAddress.from(bytes, port);
}

export function placeOf(address: UdpAddress): Place {
  return { ip: formatIp(address.addressBytes()), port: address.port };
}
