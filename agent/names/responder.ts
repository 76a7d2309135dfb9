import { addressAnswer, failure, headerFailure, RCODES, zoneAnswer } from './answer.ts';
import { Forwarder } from './forwarder.ts';
import { addressesIn, type LastKnown } from './last-known.ts';
import { type MappedNetwork, mapAnswer } from './mapped-answer.ts';
import { CLASS_ANY, CLASS_IN, type Question, readQuestion, TYPES } from './question.ts';
import { type Routing, wayOf } from './routing.ts';
import type { Zone } from './zone.ts';

/** What the answers depend on; replaced as a whole. */
export interface ResponderState extends Routing {
  /** The networks of the site that a resolver is at. */
  mappedAt(resolver: string): MappedNetwork[];
}

/** One query in, one answer out. What is no query costs a counter. */
export class Responder {
  readonly counters: Record<string, number> = {};
  /** For this host, and for others: however much those ask, this host's names and the agent's own are found. */
  readonly #forwarders: readonly [own: Forwarder, others: Forwarder];
  readonly #lastKnown: LastKnown;
  #state: ResponderState | null = null;

  constructor(lastKnown: LastKnown, forwarder: () => Forwarder = () => new Forwarder()) {
    this.#lastKnown = lastKnown;
    this.#forwarders = [forwarder(), forwarder()];
  }

  set(state: ResponderState): void {
    if (state.hostResolvers.join() !== this.#state?.hostResolvers.join())
      for (const forwarder of this.#forwarders) forwarder.reset();
    this.#state = state;
  }

  /** To a program of this host. Null for what gets no answer. Throws nothing. */
  answer(query: Uint8Array, byUdp: boolean): Promise<Uint8Array | null> {
    return this.#answer(query, byUdp, this.#forwarders[0]);
  }

  /** The same to another host. `zone`: of the network's names those that it may know, if not all. */
  answerOther(query: Uint8Array, byUdp: boolean, zone?: Zone): Promise<Uint8Array | null> {
    return this.#answer(query, byUdp, this.#forwarders[1], zone);
  }

  async #answer(
    query: Uint8Array,
    byUdp: boolean,
    forwarder: Forwarder,
    zone?: Zone,
  ): Promise<Uint8Array | null> {
    const question = readQuestion(query);
    if (typeof question === 'string') return this.#drop(question);
    if ('notImplemented' in question) return headerFailure(query, question.notImplemented);
    if ((question.edns?.version ?? 0) > 0) return failure(question, RCODES.BADVERS);
    const isKnownClass = question.class === CLASS_IN || question.class === CLASS_ANY;
    if (!isKnownClass || question.type === TYPES.AXFR || question.type === TYPES.IXFR) {
      return failure(question, RCODES.REFUSED);
    }
    if (this.#state === null) return failure(question, RCODES.SERVFAIL);
    try {
      const state = zone === undefined ? this.#state : { ...this.#state, zone };
      return await this.#answerBy(question, state, byUdp, forwarder);
    } catch {
      // A way that no test has gone: it is this question's, not the agent's, end.
      this.#drop('failed');
      return failure(question, RCODES.SERVFAIL);
    }
  }

  /** Asks for a name that the agent needs, so that its addresses are known when nobody can be asked any more. */
  async remember(name: string): Promise<void> {
    const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
    const header = [0, 0, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    await Promise.all(
      [TYPES.A, TYPES.AAAA].map((type) =>
        this.answer(Uint8Array.from([...header, ...labels, 0, 0, type, 0, CLASS_IN]), false),
      ),
    );
  }

  async #answerBy(
    question: Question,
    state: ResponderState,
    byUdp: boolean,
    forwarder: Forwarder,
  ): Promise<Uint8Array> {
    const way = wayOf(question.name, state);
    if (way.kind === 'zone') return zoneAnswer(question, way.entry, byUdp);
    const found = await forwarder.ask(question, way.resolvers, byUdp, way.kind === 'needed');
    if (found === 'busy') {
      this.#drop('busy');
      return failure(question, RCODES.SERVFAIL);
    }
    if (way.kind === 'needed') {
      const addresses = found === null ? [] : addressesIn(found.message);
      if (addresses.length > 0) this.#lastKnown.keep(question.name, question.type, addresses);
      const isSuccess = found !== null && ((found.message[3] as number) & 0xf) === RCODES.NOERROR;
      if (!isSuccess) {
        const known = this.#lastKnown.addresses(question.name);
        if (known.length > 0) return addressAnswer(question, known, byUdp);
      }
    }
    if (found === null) {
      this.#drop('unanswered');
      return failure(question, RCODES.SERVFAIL);
    }
    const networks =
      way.kind === 'needed' || way.by === 'host' || way.by === 'exit' ? [] : state.mappedAt(found.resolver);
    if (networks.length === 0) return found.message;
    return mapAnswer(found.message, networks) ?? failure(question, RCODES.SERVFAIL);
  }

  count(reason: string): void {
    this.counters[reason] = (this.counters[reason] ?? 0) + 1;
  }

  #drop(reason: string): null {
    this.count(reason);
    return null;
  }
}
