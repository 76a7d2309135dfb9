import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../shared/atomic-file.ts';
import { formatEndpoint, parseEndpoint } from '../shared/endpoint.ts';
import { describeError } from '../shared/errors.ts';
import { keyFromBase64, keyToBase64, wipe } from '../shared/key.ts';
import type { Logger } from '../shared/log.ts';
import type { NetworkMap } from './mesh/network-map.ts';
import type { Tunnel } from './tunnel/tunnel.ts';

const FILE = 'device-endpoints.json';
/** How often it is looked where devices call from, milliseconds. */
const LOOK_INTERVAL = 15_000;

const schema = z.object({
  version: z.literal(1),
  /** `ADDRESS:PORT` by public key, base64. */
  endpoints: z.record(
    z.string(),
    z.string().refine((text) => parseEndpoint(text) !== null),
  ),
});

/**
 * Where plain WireGuard devices called from last, kept on disk: a restarted agent calls them there. A device notices only after two
 * minutes that its session is gone, and cannot be found by anybody until then.
 */
export class DeviceEndpoints {
  readonly #path: string;
  readonly #tunnel: Tunnel;
  readonly #log: Logger;
  #known: ReadonlyMap<string, string>;
  /** Public keys, base64. */
  #devices: readonly string[] = [];
  readonly #called = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(stateFolder: string, tunnel: Tunnel, log: Logger) {
    this.#path = join(stateFolder, FILE);
    this.#tunnel = tunnel;
    this.#log = log;
    this.#known = this.#load();
  }

  /** To be told when the tunnel has the peers of a map. */
  async mapApplied({ peers }: NetworkMap): Promise<void> {
    this.#devices = peers.filter(({ device }) => device?.direct).map(({ publicKey }) => publicKey);
    if (this.#devices.length > 0) this.#timer ??= setInterval(() => void this.#look(), LOOK_INTERVAL).unref();
    const due = this.#devices.filter((key) => this.#known.has(key) && !this.#called.has(key));
    for (const key of this.#devices) this.#called.add(key);
    await this.#call(due);
  }

  /** Looks a last time. */
  async close(): Promise<void> {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    await this.#look();
  }

  async #call(keys: readonly string[]): Promise<void> {
    const peers = keys.map((key) => ({ publicKey: keyFromBase64(key) as Uint8Array, updateOnly: true }));
    if (peers.length === 0) return;
    const at = (index: number) => parseEndpoint(this.#known.get(keys[index] as string) as string);
    try {
      // A keepalive that is due begins a session; more of them are the device's own affair.
      await this.#tunnel.configure({
        peers: peers.map((peer, index) => {
          const endpoint = at(index);
          return { ...peer, ...(endpoint === null ? {} : { endpoint }), persistentKeepalive: 25 };
        }),
      });
      await this.#tunnel.configure({ peers: peers.map((peer) => ({ ...peer, persistentKeepalive: 0 })) });
    } catch (error) {
      this.#log.debug({ reason: describeError(error) }, 'devices were not called');
    }
  }

  async #look(): Promise<void> {
    try {
      const { device } = await this.#tunnel.snapshot();
      if (device.privateKey !== null) wipe(device.privateKey);
      const wanted = new Set(this.#devices);
      const found = new Map<string, string>();
      for (const { publicKey, endpoint, lastHandshake, presharedKey } of device.peers) {
        if (presharedKey !== null) wipe(presharedKey);
        const key = keyToBase64(publicKey);
        if (wanted.has(key) && endpoint !== null && lastHandshake > 0)
          found.set(key, formatEndpoint(endpoint));
      }
      // What has not called since the start may still be where it was.
      for (const key of wanted) {
        const before = this.#known.get(key);
        if (before !== undefined && !found.has(key)) found.set(key, before);
      }
      this.#keep(new Map([...found].sort()));
    } catch (error) {
      this.#log.debug({ reason: describeError(error) }, 'it was not looked where devices are');
    }
  }

  #keep(known: ReadonlyMap<string, string>): void {
    const endpoints = Object.fromEntries(known);
    if (JSON.stringify(endpoints) === JSON.stringify(Object.fromEntries(this.#known))) return;
    this.#known = known;
    writeFileAtomically(this.#path, `${JSON.stringify({ version: 1, endpoints })}\n`);
  }

  #load(): Map<string, string> {
    try {
      if (!existsSync(this.#path)) return new Map();
      return new Map(Object.entries(schema.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).endpoints));
    } catch (error) {
      // It is made anew by itself.
      this.#log.warn({ reason: describeError(error) }, `${this.#path} is not used`);
      return new Map();
    }
  }
}
