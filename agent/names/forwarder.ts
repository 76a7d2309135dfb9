import { RCODES } from './answer.ts';
import type { Question } from './question.ts';
import { askByTcp, askByUdp, type Exchange, isTruncated } from './upstream.ts';

const DNS_PORT = 53;
/** Without an answer for so long the next resolver is asked as well, milliseconds. */
const NEXT_AFTER = 1_200;
/** Resolvers are gone through so many times: a datagram may be lost. */
const ROUNDS = 2;
/** Questions under way; who asks more is told to come again. */
const MOST_OUTSTANDING = 256;

/** An answer, and who gave it. */
export interface Forwarded {
  message: Uint8Array;
  resolver: string;
}

/**
 * Asks resolvers in turn until one has an answer. One that answered last is asked first, so that a dead one before it costs its
 * time once.
 */
export class Forwarder {
  readonly #port: number;
  #outstanding = 0;
  /** Of each list of resolvers, as text: who answered last. */
  readonly #good = new Map<string, string>();

  /** `port`: at which resolvers listen. */
  constructor(port = DNS_PORT) {
    this.#port = port;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  /** Forgets who answered last: another network has other resolvers. */
  reset(): void {
    this.#good.clear();
  }

  /**
   * Null when no resolver has an answer, `busy` when too much is under way. A failure is an answer where there is no better.
   * `pastExit`: not by an exit node, whatever is set.
   */
  async ask(
    question: Question,
    resolvers: readonly string[],
    byUdp: boolean,
    pastExit = false,
  ): Promise<Forwarded | null | 'busy'> {
    if (resolvers.length === 0) return null;
    if (this.#outstanding >= MOST_OUTSTANDING) return 'busy';
    this.#outstanding++;
    try {
      const found = await this.#race(question, this.#ordered(resolvers), pastExit);
      if (found === null) return null;
      if (!isFailure(found.message)) this.#good.set(resolvers.join(), found.resolver);
      if (byUdp || !isTruncated(found.message)) return found;
      const message = await askByTcp(found.resolver, this.#port, question).answer;
      return message === null ? null : { message, resolver: found.resolver };
    } finally {
      this.#outstanding--;
    }
  }

  #ordered(resolvers: readonly string[]): string[] {
    const good = this.#good.get(resolvers.join());
    return good === undefined ? [...resolvers] : [good, ...resolvers.filter((each) => each !== good)];
  }

  #race(question: Question, resolvers: readonly string[], pastExit: boolean): Promise<Forwarded | null> {
    const queue = Array.from({ length: ROUNDS }, () => resolvers).flat();
    const open = new Set<Exchange>();
    const { promise, resolve } = Promise.withResolvers<Forwarded | null>();
    let worst: Forwarded | null = null;
    let timer: NodeJS.Timeout | null = null;
    let done = false;
    const finish = (found: Forwarded | null) => {
      if (done) return;
      done = true;
      if (timer !== null) clearTimeout(timer);
      for (const exchange of open) exchange.cancel();
      resolve(found);
    };
    const next = () => {
      if (timer !== null) clearTimeout(timer);
      const resolver = queue.shift();
      if (resolver === undefined) {
        // The last ones have their time too.
        if (open.size === 0) finish(worst);
        else timer = setTimeout(() => finish(worst), NEXT_AFTER);
        return;
      }
      const exchange = askByUdp(resolver, this.#port, question, pastExit);
      open.add(exchange);
      timer = setTimeout(next, NEXT_AFTER);
      void exchange.answer.then((message) => {
        open.delete(exchange);
        if (done) return;
        if (message !== null && !isFailure(message)) {
          finish({ message, resolver });
          return;
        }
        if (message !== null) {
          worst ??= { message, resolver };
          // It has said what it will say: the second round is for those that are silent.
          for (let at = queue.indexOf(resolver); at >= 0; at = queue.indexOf(resolver)) queue.splice(at, 1);
        }
        next();
      });
    };
    next();
    return promise;
  }
}

/** Another resolver may know better. */
function isFailure(message: Uint8Array): boolean {
  const rcode = (message[3] as number) & 0xf;
  return (
    rcode === RCODES.SERVFAIL ||
    rcode === RCODES.REFUSED ||
    rcode === RCODES.NOTIMP ||
    rcode === RCODES.FORMERR
  );
}
