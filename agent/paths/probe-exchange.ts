import { wipe } from '../../shared/key.ts';
import type { UdpAddress } from '../wireguard/udp-address.ts';
import { PROBE_INTERVAL, SEEN_MEMORY } from './constants.ts';
import { type Message, type Ping, type Pong, randomId, sealMessage } from './messages.ts';
import type { Path } from './path.ts';
import type { PathContext } from './path-context.ts';
import { type ProbeKeys, probeKeys, probeTag } from './probe-keys.ts';
import { Seen } from './seen.ts';
import { SentProbes } from './sent-probes.ts';

/** What this host and one peer say to each other about paths: sealed, each message taken once, each answer to a question. */
export class ProbeExchange {
  readonly slot: number;
  readonly publicKey: Uint8Array;
  /** The tag of what this peer sends. */
  receivingTag = 0;
  readonly #context: PathContext;
  readonly #seen = new Seen(SEEN_MEMORY);
  readonly #sent = new SentProbes();
  /** Made when first needed: a peer without traffic costs no Diffie-Hellman. Null where it is impossible. */
  #keys: ProbeKeys | null | undefined;
  #sendingTag = 0;

  /** The key is copied. */
  constructor(slot: number, publicKey: Uint8Array, context: PathContext) {
    this.slot = slot;
    this.publicKey = publicKey.slice();
    this.#context = context;
    this.identityChanged();
  }

  /** The host has another key. */
  identityChanged(): void {
    this.forgetKeys();
    this.#sendingTag = probeTag(this.#context.publicKey, this.publicKey);
    this.receivingTag = probeTag(this.publicKey, this.#context.publicKey);
  }

  /** The keys of both directions; null for a peer whose key allows none. */
  get keys(): ProbeKeys | null {
    const { privateKey, publicKey } = this.#context;
    if (this.#keys === undefined) this.#keys = probeKeys(privateKey, publicKey, this.publicKey);
    return this.#keys;
  }

  /** Whether an authentic message, by its number, did not come before; a repeated one is counted. */
  isNew(id: number): boolean {
    if (this.#seen.isNew(id)) return true;
    this.#context.counters.add('replayed-probe');
    return false;
  }

  /** Asks whether a path works, unless it was asked a moment ago. `wanted`: this host has packets for the peer. */
  probe(path: Path, wanted: boolean, now: number): void {
    if (now - path.lastProbe < PROBE_INTERVAL) return;
    const { random, counters, sink } = this.#context;
    const transaction = randomId(random);
    const bytes = this.#seal({ kind: 'ping', transaction, wanted });
    if (bytes === null) return;
    path.lastProbe = now;
    this.#sent.add(transaction, path, now);
    counters.add('sent-pings');
    sink.probe(path.socket, path.address, bytes);
  }

  /** Answers a probe that came from `source`, the way that it came. False where that cannot be. */
  answer(ping: Ping, path: Path, source: UdpAddress): boolean {
    const { counters, sink } = this.#context;
    const bytes = this.#seal({ kind: 'pong', transaction: ping.transaction, observed: source });
    if (bytes === null) return false;
    counters.add('sent-pongs');
    sink.probe(path.socket, path.address, bytes);
    return true;
  }

  /** The probe that this is the answer to; null, counted, where there is none. */
  answered(
    pong: Pong,
    socket: number,
    source: UdpAddress,
    now: number,
  ): { path: Path; sentAt: number } | null {
    const probe = this.#sent.answered(pong.transaction, socket, source, now);
    if (probe === null) this.#context.counters.add('unexpected-pong');
    return probe;
  }

  /** Asks the peer by relay to probe this host, at all that is known of it. `reply`: it asked first. */
  invite(wanted: boolean, reply: boolean): void {
    const { candidates, hard, random, counters, sink } = this.#context;
    const bytes = this.#seal({ kind: 'invitation', id: randomId(random), wanted, reply, hard, candidates });
    if (bytes === null) return;
    counters.add('sent-invitations');
    sink.relay(this.slot, bytes);
  }

  /** No answer is waited for any more where it was for long enough. */
  forgetOld(now: number): void {
    this.#sent.forgetOld(now);
  }

  /** Wipes them; they are made again when they are needed. */
  forgetKeys(): void {
    if (this.#keys) {
      wipe(this.#keys.sending);
      wipe(this.#keys.receiving);
    }
    this.#keys = undefined;
  }

  #seal(message: Message): Uint8Array | null {
    const { keys } = this;
    return keys === null ? null : sealMessage(message, this.#sendingTag, keys, this.#context.random);
  }
}
