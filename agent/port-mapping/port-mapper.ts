import { describeError } from '../../shared/errors.ts';
import { parseIp } from '../../shared/ip.ts';
import type { Logger } from '../../shared/log.ts';
import { systemRandom } from '../../shared/random.ts';
import { defaultGateway, type Gateway } from './default-gateway.ts';
import { natPmpMap, pcpMap } from './gateway-calls.ts';
import type { Mapping, MappingRequest } from './mapping.ts';

/** Seconds asked for; RFC 6887 15 and RFC 6886 3.3 recommend two hours. */
const LIFETIME = 7_200;
/** A gateway that restarts forgets, and few tell of it: mappings are asked for again at least this often, seconds. */
const LONGEST_RENEWAL = 600;
const SHORTEST_RENEWAL = 30;
/** How long a gateway may take to give back a mapping when the agent ends, milliseconds. */
const CLOSE_PATIENCE = 1_000;
/** After a failure, milliseconds: the host may have come to a network with another gateway without our noticing. */
const RETRY = 600_000;

const PROTOCOLS: Record<Mapping['protocol'], (request: MappingRequest) => Promise<Mapping>> = {
  PCP: pcpMap,
  'NAT-PMP': natPmpMap,
  // Rarely needed, and an XML parser comes along.
  UPnP: async (request) => (await import('./upnp.ts')).upnpMap(request),
};
/** In the order of preference. */
const NAMES: readonly Mapping['protocol'][] = ['PCP', 'NAT-PMP', 'UPnP'];

/**
 * Keeps the gateway leading one of its ports to the tunnel's, while it lives: an endpoint that others reach without any
 * punching of holes. Needs nobody to wait for it; what it does not get is logged at `debug`.
 */
export class PortMapper {
  readonly #interfaceName: string;
  readonly #onChange: (mapping: Mapping | null) => void;
  readonly #log: Logger;
  readonly #nonce = new Uint8Array(12);
  #port = 0;
  #mapping: Mapping | null = null;
  #gateway: Gateway | null = null;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  readonly #closed = new AbortController();

  /** `interfaceName` is the tunnel's own. `onChange` is told of every other external endpoint, and of null for none. */
  constructor(interfaceName: string, onChange: (mapping: Mapping | null) => void, log: Logger) {
    this.#interfaceName = interfaceName;
    this.#onChange = onChange;
    this.#log = log;
    systemRandom.fill(this.#nonce);
  }

  get mapping(): Mapping | null {
    return this.#mapping;
  }

  /** `ADDRESS:PORT` of the gateway that leads to the port; null if there is none. */
  get endpoint(): string | null {
    return this.#mapping && `${this.#mapping.externalAddress}:${this.#mapping.externalPort}`;
  }

  /** For status; null if there is no mapping. */
  get summary(): { endpoint: string; protocol: string } | null {
    const { endpoint } = this;
    return endpoint === null ? null : { endpoint, protocol: (this.#mapping as Mapping).protocol };
  }

  /** Maps this port from now on; 0 for none. */
  setPort(port: number): void {
    if (port === this.#port) return;
    this.#port = port;
    this.#schedule(0);
  }

  /** The host's network changed: another gateway is asked at once. */
  async networkChanged(): Promise<void> {
    const gateway = await defaultGateway(this.#interfaceName).catch(() => null);
    const isSame = gateway?.address === this.#gateway?.address && gateway?.own === this.#gateway?.own;
    if (!isSame && !this.#closed.signal.aborted) this.#schedule(0);
  }

  /** Takes the mapping away, as far as the gateway answers at once. */
  async close(): Promise<void> {
    this.#closed.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
    const mapping = this.#mapping;
    if (mapping === null || this.#gateway === null) return;
    const signal = AbortSignal.timeout(CLOSE_PATIENCE);
    await PROTOCOLS[mapping.protocol]({ ...this.#request(this.#gateway), lifetime: 0, signal }).catch(
      (error) =>
        this.#log.debug({ reason: describeError(error) }, 'the port mapping stays until it ends by itself'),
    );
  }

  #schedule(delay: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#running = this.#running.then(() => this.#map());
    }, delay);
    this.#timer.unref();
  }

  async #map(): Promise<void> {
    if (this.#closed.signal.aborted || this.#port === 0) return;
    const port = this.#port;
    const mapping = await this.#ask().catch((error) => {
      this.#log.debug({ reason: describeError(error) }, 'no port mapping');
      return null;
    });
    if (this.#closed.signal.aborted || port !== this.#port) return;
    this.#tell(mapping);
    if (this.#timer !== null) return;
    const renewal =
      mapping === null
        ? RETRY
        : Math.max(SHORTEST_RENEWAL, Math.min(LONGEST_RENEWAL, mapping.lifetime / 2)) * 1000;
    this.#schedule(renewal);
  }

  async #ask(): Promise<Mapping | null> {
    this.#gateway = await defaultGateway(this.#interfaceName);
    if (this.#gateway === null) return null;
    const request = this.#request(this.#gateway);
    const known = this.#mapping?.protocol;
    // The one that worked before comes first, so that peers are not told of another port for nothing.
    const names = NAMES.toSorted((a, b) => Number(b === known) - Number(a === known));
    const reasons: string[] = [];
    for (const name of names) {
      try {
        const mapping = await PROTOCOLS[name](request);
        if (isUsable(mapping)) return mapping;
        reasons.push(`${name}: the external address ${mapping.externalAddress} is of no use`);
      } catch (error) {
        reasons.push(`${name}: ${describeError(error)}`);
      }
      if (this.#closed.signal.aborted) return null;
    }
    throw new Error(reasons.join('; '));
  }

  #request(gateway: Gateway): MappingRequest {
    const { address, own } = gateway;
    const port = this.#port;
    const externalPort = this.#mapping?.externalPort ?? port;
    return {
      gateway: address,
      own,
      port,
      externalPort,
      lifetime: LIFETIME,
      nonce: this.#nonce,
      signal: this.#closed.signal,
    };
  }

  #tell(mapping: Mapping | null): void {
    const before = this.#mapping;
    this.#mapping = mapping;
    const isSame =
      before?.externalAddress === mapping?.externalAddress && before?.externalPort === mapping?.externalPort;
    if (isSame) return;
    this.#log.info(
      { mapping },
      mapping === null ? 'the port mapping is gone' : 'a port of the gateway is mapped',
    );
    this.#onChange(mapping);
  }
}

/** An address that a host of the Internet could have; a gateway behind another one has none. */
function isUsable({ externalAddress, externalPort }: Mapping): boolean {
  const address = parseIp(externalAddress);
  if (address === null || address.length !== 4 || externalPort === 0) return false;
  const first = address[0] as number;
  return first !== 0 && first !== 127 && first < 224;
}
