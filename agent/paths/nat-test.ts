import type { Random } from '../../shared/random.ts';
import { answers, bindingRequest, parseBindingResponse } from '../../shared/stun.ts';
import { UdpAddress } from '../wireguard/udp-address.ts';
import { STUN_PATIENCE, STUN_TRIES } from './constants.ts';
import { type FurtherTests, type NatKind, natKind, type Observation } from './nat-kind.ts';

const NEVER = Number.POSITIVE_INFINITY;
const PHASES = ['filtering', 'mapping', 'hairpin', 'done'] as const;
/** What is not there by now does not come: the last try's patience, which is twice that of the one before, is over. */
const PHASE_TIME = STUN_PATIENCE * (2 ** STUN_TRIES - 1);

interface Request {
  readonly server: UdpAddress;
  readonly id: Uint8Array;
  readonly changePort: boolean;
  isAnswered: boolean;
}

/**
 * Finds out what kind of NAT there is, for `agent netcheck`, in one address family: RFC 5780, sections 4.3 and 4.4, as far as
 * servers with one address and two ports allow. The order matters, for each datagram that is sent opens the filter a little
 * more: first an answer from a port never sent to is asked for, then every server, then the host's own outer address. Pure.
 */
export class NatTest {
  readonly observations: Observation[] = [];
  readonly tests: FurtherTests = {};
  readonly #servers: readonly UdpAddress[];
  readonly #local: readonly UdpAddress[];
  readonly #random: Random;
  readonly #send: (target: UdpAddress, bytes: Uint8Array) => void;
  #phase = 0;
  #requests: Request[] = [];
  #hairpinWord: Uint8Array | null = null;
  #startedAt = 0;
  #tries = 0;
  #nextAt = NEVER;

  /**
   * `servers`: the first is asked to answer from its other port, so that port should come later in the list. `local`: the
   * addresses that the tested socket has. `send` sends from it; nothing was sent from it before. Begins at once.
   */
  constructor(
    servers: readonly UdpAddress[],
    local: readonly UdpAddress[],
    random: Random,
    send: (target: UdpAddress, bytes: Uint8Array) => void,
    now: number,
  ) {
    this.#servers = servers;
    this.#local = local;
    this.#random = random;
    this.#send = send;
    this.#begin(now);
  }

  get isDone(): boolean {
    return PHASES[this.#phase] === 'done';
  }

  /** What has been found out so far; all of it once `isDone`. */
  get kind(): NatKind {
    return natKind(this.#local, this.observations, this.tests);
  }

  /** Takes a datagram that the socket received. */
  datagram(bytes: Uint8Array, source: UdpAddress, now: number): void {
    const word = this.#hairpinWord;
    if (word !== null && bytes.length === word.length && bytes.every((byte, i) => byte === word[i])) {
      this.tests.hairpin = true;
      this.#next(now);
      return;
    }
    const request = this.#requests.find(({ id }) => answers(bytes, id));
    if (request === undefined || request.isAnswered) return;
    const response = parseBindingResponse(bytes);
    if (response?.kind !== 'success') return;
    const { server, changePort } = request;
    if (changePort) {
      // A server that cannot do it answers from where it was asked, if at all.
      if (source.equals(server)) return;
      this.tests.fromOtherPort = true;
    } else {
      if (!source.equals(server)) return;
      const observed = UdpAddress.from(response.mapped.address, response.mapped.port);
      if (!this.observations.some((known) => known.server.equals(server)))
        this.observations.push({ server, observed });
    }
    request.isAnswered = true;
    if (this.#requests.every(({ isAnswered }) => isAnswered)) this.#next(now);
  }

  advance(now: number): void {
    if (now < this.#nextAt) return;
    if (now - this.#startedAt < PHASE_TIME && this.#tries < STUN_TRIES) this.#ask(now);
    else this.#next(now);
  }

  nextDeadline(): number {
    return this.#nextAt;
  }

  #next(now: number): void {
    const phase = PHASES[this.#phase];
    // Only a server that answers at all tells something by not answering from its other port.
    if (phase === 'filtering' && this.observations.length > 0) this.tests.fromOtherPort ??= false;
    if (phase === 'hairpin') this.tests.hairpin ??= false;
    this.#phase++;
    this.#begin(now);
  }

  #begin(now: number): void {
    this.#startedAt = now;
    this.#tries = 0;
    this.#requests = [];
    const phase = PHASES[this.#phase];
    if (phase === 'filtering')
      for (const server of this.#servers.slice(0, 1))
        for (const changePort of [false, true]) this.#requests.push(this.#request(server, changePort));
    if (phase === 'mapping') this.#requests = this.#servers.map((server) => this.#request(server, false));
    if (phase === 'hairpin' && this.observations.length > 0 && this.kind.mapping !== 'none') {
      this.#hairpinWord = new Uint8Array(24);
      this.#random.fill(this.#hairpinWord);
    }
    if (phase === 'done' || (this.#requests.length === 0 && this.#hairpinWord === null)) {
      if (phase !== 'done') this.#phase = PHASES.indexOf('done');
      this.#hairpinWord = null;
      this.#nextAt = NEVER;
      return;
    }
    this.#ask(now);
  }

  #ask(now: number): void {
    this.#nextAt = now + STUN_PATIENCE * 2 ** this.#tries;
    this.#tries++;
    for (const { server, id, changePort, isAnswered } of this.#requests)
      if (!isAnswered) this.#send(server, bindingRequest(id, { changePort }));
    const outside = this.observations[0]?.observed;
    // To itself, and not from another socket: a NAT that filters by port lets only that in which was sent to.
    if (this.#hairpinWord !== null && outside !== undefined) this.#send(outside, this.#hairpinWord);
  }

  #request(server: UdpAddress, changePort: boolean): Request {
    const id = new Uint8Array(12);
    this.#random.fill(id);
    return { server, id, changePort, isAnswered: false };
  }
}
