import type { SeededRandom } from '../world.ts';
import type { Clock } from './clock.ts';

/** Where a datagram is from or to. */
export interface Place {
  readonly ip: string;
  readonly port: number;
}

export interface Packet {
  readonly from: Place;
  readonly to: Place;
  readonly bytes: Uint8Array;
}

/** Whatever has an address in a segment. */
export interface Member {
  arrive(packet: Packet): void;
}

/** Why a datagram came to nothing. `loss`: bad luck; all else is that this way does not lead there. */
export type Fate = 'loss' | 'no-such-host' | 'no-route' | 'nat' | 'blocked' | 'closed-port';

export interface Faults {
  /** One-way milliseconds. */
  delay: number;
  jitter: number;
  loss: number;
}

/**
 * Hosts that reach each other without a router. A segment behind a router hands it what is for elsewhere. Several segments
 * make an internet:
 *
 *     segment ── host, host ── router ── segment (the Internet) ── router ── segment ── host
 */
export class Segment {
  readonly #members = new Map<string, Member>();
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  /** Where everything goes that is for nobody here. */
  gateway: { leave(packet: Packet): void } | null = null;
  faults: Faults;
  /** Told of everything that did not arrive. */
  readonly lost: (packet: Packet, fate: Fate) => void;

  constructor(
    clock: Clock,
    random: SeededRandom,
    faults: Faults,
    lost: (packet: Packet, fate: Fate) => void,
  ) {
    this.#clock = clock;
    this.#random = random;
    this.faults = faults;
    this.lost = lost;
  }

  add(ip: string, member: Member): void {
    this.#members.set(ip, member);
  }

  remove(ip: string): void {
    this.#members.delete(ip);
  }

  has(ip: string): boolean {
    return this.#members.has(ip);
  }

  /** Puts a datagram on the segment; it may get lost, and arrives later. */
  send(packet: Packet): void {
    const { delay, jitter, loss } = this.faults;
    if (loss > 0 && this.#random.next() < loss) {
      this.lost(packet, 'loss');
      return;
    }
    this.#clock.after(delay + jitter * this.#random.next(), () => {
      const member = this.#members.get(packet.to.ip);
      if (member !== undefined) member.arrive(packet);
      else if (this.gateway !== null) this.gateway.leave(packet);
      else this.lost(packet, 'no-such-host');
    });
  }
}

type Dependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

/** How a NAT behaves, in the words of RFC 4787. */
export interface NatBehaviour {
  mapping: Dependence;
  filtering: Dependence;
  /** Which outer port a new mapping gets. */
  ports: 'preserved' | 'random' | 'sequential';
  hairpin: boolean;
  /** Milliseconds without a datagram from within after which a mapping is forgotten. */
  timeout: number;
  /** Lets no UDP out at all. */
  blocked: boolean;
}

interface Mapping {
  inner: Place;
  outer: number;
  key: string;
  lastOut: number;
  /** Who was sent to, and when. */
  readonly sentTo: Map<string, number>;
}

/** A router with a NAT between an inner and an outer segment. */
export class Nat implements Member {
  readonly ip: string;
  behaviour: NatBehaviour;
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #inner: Segment;
  readonly #outer: Segment;
  readonly #byInner = new Map<string, Mapping>();
  readonly #byOuter = new Map<number, Mapping>();
  #nextPort = 20_000;
  #preserves = true;

  constructor(
    clock: Clock,
    random: SeededRandom,
    inner: Segment,
    outer: Segment,
    ip: string,
    behaviour: NatBehaviour,
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#inner = inner;
    this.#outer = outer;
    this.ip = ip;
    this.behaviour = behaviour;
    inner.gateway = this;
    outer.add(ip, this);
  }

  /** Forgets everything, and gives out other ports than before. */
  reboot(): void {
    this.#byInner.clear();
    this.#byOuter.clear();
    this.#nextPort += 7_919;
    this.#preserves = false;
  }

  leave(packet: Packet): void {
    const { behaviour } = this;
    if (behaviour.blocked) {
      this.#inner.lost(packet, 'blocked');
      return;
    }
    const mapping = this.#map(packet.from, packet.to);
    mapping.lastOut = this.#clock.now;
    mapping.sentTo.set(textOf(packet.to, 'address-and-port-dependent'), this.#clock.now);
    mapping.sentTo.set(packet.to.ip, this.#clock.now);
    const translated = { ...packet, from: { ip: this.ip, port: mapping.outer } };
    if (packet.to.ip !== this.ip) this.#outer.send(translated);
    else if (behaviour.hairpin) this.arrive(translated);
    else this.#inner.lost(packet, 'nat');
  }

  arrive(packet: Packet): void {
    const mapping = this.#byOuter.get(packet.to.port);
    if (mapping === undefined || this.#isOld(mapping.lastOut) || !this.#lets(mapping, packet.from)) {
      this.#outer.lost(packet, 'nat');
      return;
    }
    this.#inner.send({ ...packet, to: mapping.inner });
  }

  #lets(mapping: Mapping, from: Place): boolean {
    const { filtering } = this.behaviour;
    if (filtering === 'endpoint-independent') return true;
    const sent = mapping.sentTo.get(textOf(from, filtering));
    return sent !== undefined && !this.#isOld(sent);
  }

  #isOld(time: number): boolean {
    return this.#clock.now - time > this.behaviour.timeout;
  }

  #map(from: Place, to: Place): Mapping {
    const key = `${from.ip}:${from.port}>${textOf(to, this.behaviour.mapping)}`;
    const known = this.#byInner.get(key);
    if (known !== undefined) {
      if (!this.#isOld(known.lastOut)) return known;
      this.#byInner.delete(key);
      this.#byOuter.delete(known.outer);
    }
    const outer = this.#freePort(from.port);
    const mapping = { inner: from, outer, key, lastOut: 0, sentTo: new Map<string, number>() };
    this.#byInner.set(key, mapping);
    this.#byOuter.set(outer, mapping);
    return mapping;
  }

  #freePort(wanted: number): number {
    const { ports } = this.behaviour;
    if (ports === 'preserved' && this.#preserves && !this.#byOuter.has(wanted)) return wanted;
    for (;;) {
      this.#nextPort = 1024 + ((this.#nextPort - 1023) % 64_512);
      const port = ports === 'sequential' ? this.#nextPort : 1024 + Math.floor(this.#random.next() * 64_512);
      if (!this.#byOuter.has(port)) return port;
    }
  }
}

/** A router that translates nothing, but lets in only answers: what an IPv6 host at home is behind. */
export class Firewall implements Member {
  readonly #clock: Clock;
  readonly #inner: Segment;
  readonly #outer: Segment;
  readonly #sent = new Map<string, number>();

  constructor(clock: Clock, inner: Segment, outer: Segment, ips: readonly string[]) {
    this.#clock = clock;
    this.#inner = inner;
    this.#outer = outer;
    inner.gateway = this;
    for (const ip of ips) outer.add(ip, this);
  }

  leave(packet: Packet): void {
    this.#sent.set(flow(packet.from, packet.to), this.#clock.now);
    this.#outer.send(packet);
  }

  arrive(packet: Packet): void {
    const sent = this.#sent.get(flow(packet.to, packet.from));
    if (sent === undefined || this.#clock.now - sent > 60_000) this.#outer.lost(packet, 'nat');
    else this.#inner.send(packet);
  }
}

function flow(a: Place, b: Place): string {
  return `${a.ip}:${a.port}>${b.ip}:${b.port}`;
}

function textOf({ ip, port }: Place, dependence: Dependence): string {
  return dependence === 'endpoint-independent'
    ? ''
    : dependence === 'address-dependent'
      ? ip
      : `${ip}:${port}`;
}
