import { WarrenError } from '../../shared/errors.ts';
import { keyFromBase64, wipe } from '../../shared/key.ts';
import type { Logger } from '../../shared/log.ts';
import { OUTSIDE_MARK } from '../mesh/outside-flows.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import type { OwnRecords } from './own-records.ts';

/** The tunnel's key and UDP port: the one that the user named, or the same as last time where that can be had. */
export class TunnelSocket {
  readonly #tunnel: Pick<Tunnel, 'facts' | 'configure' | 'snapshot'>;
  readonly #records: Pick<OwnRecords, 'identity' | 'settings' | 'saveSettings'>;
  readonly #log: Logger;
  #port = 0;

  constructor(
    tunnel: Pick<Tunnel, 'facts' | 'configure' | 'snapshot'>,
    records: Pick<OwnRecords, 'identity' | 'settings' | 'saveSettings'>,
    log: Logger,
  ) {
    this.#tunnel = tunnel;
    this.#records = records;
    this.#log = log;
  }

  /** 0 before it is open. */
  get port(): number {
    return this.#port;
  }

  /** Throws `in-use` when somebody else has the port that the user named. */
  async open(): Promise<void> {
    const privateKey = keyFromBase64(this.#records.identity.privateKey) as Uint8Array;
    await this.#listen();
    // With the mark that its sockets have where the driver can set one, so that they are never led into the tunnel itself.
    const marked = this.#tunnel.facts.driver === 'linux' ? { fwmark: OUTSIDE_MARK } : {};
    await this.#tunnel.configure({ privateKey, replacePeers: true }, marked);
    wipe(privateKey);
    this.#port = await this.#currentPort();
    const { settings } = this.#records;
    if (settings.listenPort === 0 && settings.lastPort !== this.#port) {
      this.#records.saveSettings({ ...settings, lastPort: this.#port });
    }
  }

  async #listen(): Promise<void> {
    const { listenPort, lastPort = 0 } = this.#records.settings;
    if (listenPort !== 0) return this.#tunnel.configure({}, { listenPort });
    if (lastPort === 0) return;
    await this.#tunnel.configure({}, { listenPort: lastPort }).catch((error: unknown) => {
      if (!(error instanceof WarrenError) || error.code !== 'in-use') throw error;
      this.#log.warn({ port: lastPort }, "last time's UDP port is taken; another one is chosen");
    });
  }

  async #currentPort(): Promise<number> {
    const snapshot = await this.#tunnel.snapshot();
    if (snapshot.device.privateKey !== null) wipe(snapshot.device.privateKey);
    return snapshot.listenPort;
  }
}
