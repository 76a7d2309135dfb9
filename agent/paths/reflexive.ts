import { type Random, randomUint32 } from '../../shared/random.ts';
import { answers, bindingRequest, parseBindingResponse } from '../../shared/stun.ts';
import { UdpAddress } from '../wireguard/udp-address.ts';
import { isProbeable } from './address-class.ts';
import { addressKey } from './candidate.ts';
import {
  MAX_STUN_SERVERS,
  STUN_PATIENCE,
  STUN_REFRESH,
  STUN_REFRESH_JITTER,
  STUN_TRIES,
  STUN_WANTED_TIME,
} from './constants.ts';
import { isHard, type NatKind, natKind, type Observation } from './nat-kind.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** What is known of this host's side of the Internet. */
export interface ReflexiveResult {
  /** Where the tunnel's socket seems to be, IPv4 and IPv6, without repetition. Not changed after. */
  readonly addresses: readonly UdpAddress[];
  /** The NAT for IPv4. */
  readonly nat: NatKind;
  /** Peers cannot use the IPv4 address as it is, for the NAT is hard. */
  readonly hard: boolean;
}

interface Server {
  readonly address: UdpAddress;
  /** What it saw last; null while it has not answered. */
  observed: UdpAddress | null;
  /** The transaction under way: 12 bytes; null for none. */
  id: Uint8Array | null;
  tries: number;
  /** When to try again, or to give up. */
  nextAt: number;
}

/**
 * What STUN servers (RFC 8489) see of the tunnel's socket. All are asked at once, and again until they answer or were asked
 * STUN_TRIES times: then what they said before is no longer true. While somebody wants it they are asked anew now and then,
 * which keeps a NAT's mapping too; an idle host asks nobody. What one answers is told at once, before others have answered.
 */
export class Reflexive {
  readonly #random: Random;
  readonly #send: (server: UdpAddress, bytes: Uint8Array) => void;
  readonly #changed: (result: ReflexiveResult) => void;
  readonly #servers = new Map<string, Server>();
  #local: readonly UdpAddress[] = [];
  /** What was told last, as text. */
  #told = '';
  #askedAt = Number.NEGATIVE_INFINITY;
  #wantedUntil = Number.NEGATIVE_INFINITY;
  #refreshAt = NEVER;

  /** `send` sends from the tunnel's own socket, whose outer address is what is asked for; `changed` is told all that is new. */
  constructor(
    random: Random,
    send: (server: UdpAddress, bytes: Uint8Array) => void,
    changed: (result: ReflexiveResult) => void,
  ) {
    this.#random = random;
    this.#send = send;
    this.#changed = changed;
  }

  /**
   * The servers to ask, those that are new at once, at most MAX_STUN_SERVERS. Both ports of a server and a second server show
   * what kind of NAT there is.
   */
  setServers(addresses: readonly UdpAddress[], now: number): void {
    const usable = addresses.filter(isProbeable).slice(0, MAX_STUN_SERVERS);
    const wanted = new Map(usable.map((address) => [addressKey(address), address]));
    for (const key of this.#servers.keys()) if (!wanted.has(key)) this.#servers.delete(key);
    for (const [key, address] of wanted) {
      if (this.#servers.has(key)) continue;
      const server = { address: address.clone(), observed: null, id: null, tries: 0, nextAt: NEVER };
      this.#servers.set(key, server);
      this.#askedAt = now;
      this.#begin(server, now);
    }
    this.#tell();
  }

  /** The host's own addresses, with the tunnel's port: seen from outside they mean that there is no NAT. Others: asks anew. */
  setLocal(addresses: readonly UdpAddress[], now: number): void {
    const isSame =
      addresses.length === this.#local.length &&
      addresses.every((address, i) => this.#local[i]?.equals(address));
    if (isSame) return;
    this.#local = addresses.map((address) => address.clone());
    this.refresh(now);
  }

  /** Something may be otherwise than before: an address changed, a path was lost. */
  refresh(now: number): void {
    this.#askedAt = now;
    for (const server of this.#servers.values()) this.#begin(server, now);
    this.#refreshAt = now < this.#wantedUntil ? this.#nextRefresh() : NEVER;
  }

  /** There is traffic, or a peer wants to come: what is known is to be kept true for a while. Cheap: it runs for every batch. */
  want(now: number): void {
    this.#wantedUntil = now + STUN_WANTED_TIME;
    if (this.#refreshAt !== NEVER || this.#servers.size === 0) return;
    if (now - this.#askedAt >= STUN_REFRESH) this.refresh(now);
    else this.#refreshAt = this.#nextRefresh();
  }

  /** Takes a datagram for which `isBindingResponse` holds. Only the answer to a request under way, from where it went, counts. */
  response(bytes: Uint8Array, source: UdpAddress): void {
    const server = this.#servers.get(addressKey(source));
    // Whoever does not know the transaction did not get the request, and has nothing to say (section 6.3.1).
    if (server?.id == null || !answers(bytes, server.id)) return;
    const response = parseBindingResponse(bytes);
    if (response?.kind !== 'success') return;
    const { address, port } = response.mapped;
    if (address.length !== (source.family === 4 ? 4 : 16)) return;
    server.id = null;
    server.nextAt = NEVER;
    server.observed = UdpAddress.from(address, port);
    this.#tell();
  }

  advance(now: number): void {
    if (now >= this.#refreshAt) {
      if (now < this.#wantedUntil) this.refresh(now);
      else this.#refreshAt = NEVER;
    }
    for (const server of this.#servers.values()) {
      if (now < server.nextAt) continue;
      if (server.tries < STUN_TRIES) this.#ask(server, now);
      else {
        server.id = null;
        server.nextAt = NEVER;
        server.observed = null;
        this.#tell();
      }
    }
  }

  /** When `advance` is to be called next; Infinity if never. */
  nextDeadline(): number {
    let next = this.#refreshAt;
    for (const { nextAt } of this.#servers.values()) next = Math.min(next, nextAt);
    return next;
  }

  #begin(server: Server, now: number): void {
    // A request under way goes on with its transaction: an answer to it is as good.
    if (server.id === null) {
      server.id = new Uint8Array(12);
      this.#random.fill(server.id);
    }
    server.tries = 0;
    this.#ask(server, now);
  }

  #ask(server: Server, now: number): void {
    // Section 6.2.1: the same transaction in every retransmission, and twice the pause.
    server.nextAt = now + STUN_PATIENCE * 2 ** server.tries;
    server.tries++;
    this.#send(server.address, bindingRequest(server.id as Uint8Array));
  }

  #nextRefresh(): number {
    return this.#askedAt + STUN_REFRESH + (STUN_REFRESH_JITTER * randomUint32(this.#random)) / 2 ** 32;
  }

  /** Tells what is known, if it is something else than before. */
  #tell(): void {
    const observations = [...this.#servers.values()].flatMap(({ address, observed }): Observation[] =>
      observed === null ? [] : [{ server: address, observed }],
    );
    const byKey = new Map(observations.map(({ observed }) => [addressKey(observed), observed]));
    const nat = natKind(
      this.#local.filter(({ family }) => family === 4),
      observations.filter(({ observed }) => observed.family === 4),
    );
    const text = `${[...byKey.keys()].sort().join()} ${JSON.stringify(nat)}`;
    if (text === this.#told) return;
    this.#told = text;
    this.#changed({ addresses: [...byKey.values()], nat, hard: isHard(nat) });
  }
}
