import type { Random } from '../../shared/random.ts';
import { answers, bindingRequest, parseBindingResponse } from '../../shared/stun.ts';
import { UdpAddress } from '../wireguard/udp-address.ts';
import { addressKey } from './candidate.ts';
import { isHard, type NatKind, natKind, type Observation } from './nat-kind.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** RFC 8489 6.2.1, with fewer tries: what is not there after two seconds is of no use to a path. */
const RETRANSMITS: readonly number[] = [0, 250, 750];
const ROUND_TIME = 2_000;
/** Between two rounds while somebody wants them: inside the 30 s that a NAT keeps a mapping at least. */
const INTERVAL = 23_000;
/** Wanted by traffic or an invitation so long ago, they are asked for no more. */
const WANTED_TIME = 60_000;
/** Server addresses asked at once. */
export const MAX_STUN_SERVERS = 8;

export interface ReflexiveResult {
  /** This host's addresses as servers saw them, IPv4 and IPv6, without repetition. */
  readonly addresses: readonly UdpAddress[];
  /** Of IPv4. */
  readonly nat: NatKind;
  /** Whether peers find none of the IPv4 addresses useful. */
  readonly hard: boolean;
}

interface Transaction {
  server: UdpAddress;
  id: Uint8Array;
  sent: number;
}

/**
 * Asks STUN servers what the tunnel's socket looks like from outside (RFC 8489), in rounds: at once when the surroundings
 * change, and now and then while there is use for it, so that what peers are told is true. Pure like all of this folder.
 */
export class Reflexive {
  readonly #random: Random;
  readonly #send: (target: UdpAddress, bytes: Uint8Array) => void;
  readonly #changed: (result: ReflexiveResult) => void;
  #servers: readonly UdpAddress[] = [];
  #local: readonly UdpAddress[] = [];
  #transactions: Transaction[] = [];
  #observations: Observation[] = [];
  #startedAt = Number.NEGATIVE_INFINITY;
  #isRunning = false;
  #wantedUntil = Number.NEGATIVE_INFINITY;
  #reported = '';
  #nextAt = NEVER;

  /** `send` sends from the tunnel's own socket; `changed` is told of every other result. */
  constructor(
    random: Random,
    send: (target: UdpAddress, bytes: Uint8Array) => void,
    changed: (result: ReflexiveResult) => void,
  ) {
    this.#random = random;
    this.#send = send;
    this.#changed = changed;
  }

  /** Where to ask: each server's address twice, with both of its ports, so that a mapping that depends on the port shows. */
  setServers(servers: readonly UdpAddress[], now: number): void {
    const wanted = servers.slice(0, MAX_STUN_SERVERS);
    if (keysOf(wanted) === keysOf(this.#servers)) return;
    this.#servers = wanted;
    this.refresh(now);
  }

  /** This host's own addresses with the tunnel's port: whether they are seen from outside tells whether there is a NAT. */
  setLocal(local: readonly UdpAddress[], now: number): void {
    if (keysOf(local) === keysOf(this.#local)) return;
    this.#local = local;
    this.refresh(now);
  }

  /** Begins a round at once. */
  refresh(now: number): void {
    if (this.#servers.length === 0) {
      this.#isRunning = false;
      this.#nextAt = NEVER;
      return;
    }
    this.#startedAt = now;
    this.#isRunning = true;
    this.#observations = [];
    this.#transactions = this.#servers.map((server) => {
      const id = new Uint8Array(12);
      this.#random.fill(id);
      return { server, id, sent: 0 };
    });
    this.#serve(now);
  }

  /** There is traffic, or a peer wants to come: what is known is to be kept true. Cheap. */
  want(now: number): void {
    this.#wantedUntil = now + WANTED_TIME;
    if (this.#isRunning || this.#nextAt !== NEVER || this.#servers.length === 0) return;
    if (now - this.#startedAt >= INTERVAL) this.refresh(now);
    else this.#nextAt = this.#startedAt + INTERVAL;
  }

  /** Takes a datagram for which `isBindingResponse` holds. Only an answer to a request under way, from where it went, counts. */
  response(bytes: Uint8Array, source: UdpAddress, now: number): void {
    const index = this.#transactions.findIndex(
      ({ id, server }) => server.equals(source) && answers(bytes, id),
    );
    const transaction = this.#transactions[index];
    if (transaction === undefined) return;
    const response = parseBindingResponse(bytes);
    if (response === null) return;
    this.#transactions.splice(index, 1);
    if (response.kind === 'success' && response.mapped.address.length === source.addressBytes().length) {
      const { address, port } = response.mapped;
      this.#observations.push({ server: source.clone(), observed: UdpAddress.from(address, port) });
    }
    this.#serve(now);
  }

  nextDeadline(): number {
    return this.#nextAt;
  }

  advance(now: number): void {
    if (now >= this.#nextAt) this.#serve(now);
  }

  #serve(now: number): void {
    if (!this.#isRunning) {
      this.#nextAt = NEVER;
      if (now < this.#wantedUntil) this.refresh(now);
      return;
    }
    const elapsed = now - this.#startedAt;
    if (this.#transactions.length === 0 || elapsed >= ROUND_TIME) {
      this.#finish(now);
      return;
    }
    let next = this.#startedAt + ROUND_TIME;
    for (const transaction of this.#transactions) {
      while (elapsed >= (RETRANSMITS[transaction.sent] ?? NEVER)) {
        transaction.sent++;
        this.#send(transaction.server, bindingRequest(transaction.id));
      }
      next = Math.min(next, this.#startedAt + (RETRANSMITS[transaction.sent] ?? NEVER));
    }
    this.#nextAt = next;
  }

  #finish(now: number): void {
    this.#isRunning = false;
    this.#transactions = [];
    this.#nextAt = now < this.#wantedUntil ? this.#startedAt + INTERVAL : NEVER;
    const byKey = new Map(this.#observations.map(({ observed }) => [addressKey(observed), observed]));
    const addresses = [...byKey.values()];
    const four = this.#observations.filter(({ observed }) => observed.family === 4);
    const nat = natKind(
      this.#local.filter(({ family }) => family === 4),
      four,
    );
    const result = { addresses, nat, hard: isHard(nat) };
    const text = `${[...byKey.keys()].sort().join()} ${JSON.stringify(nat)}`;
    if (text === this.#reported) return;
    this.#reported = text;
    this.#changed(result);
  }
}

function keysOf(addresses: readonly UdpAddress[]): string {
  return addresses.map(addressKey).join();
}
