import { systemClock } from '../../shared/clock.ts';
import { WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { checkPrivileges } from '../host/privileges.ts';
import { releaseStartupPages, releasingStartupPages } from '../host/startup-pages.ts';
import { serveLocalApi } from '../local-api/server.ts';
import { openTunnel } from '../open-tunnel.ts';
import type { Identity, Settings } from '../state/records.ts';
import type { State } from '../state/state.ts';
import { TimestampKeeper } from '../timestamp-keeper.ts';
import type { TunnelFacts } from '../tunnel/commands.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import { AgentParts } from './agent-parts.ts';
import { type DaemonEnd, Life } from './life.ts';
import { localVerbs } from './local-verbs.ts';
import { OwnRecords } from './own-records.ts';

export interface DaemonOptions {
  /** Whose lock the caller holds. */
  state: State;
  identity: Identity;
  settings: Settings;
  log: Logger;
  /** Called once, when the interface stands and the first map is applied. */
  onUp: (facts: TunnelFacts, listenPort: number) => void;
  /** What the coordinator has to say to whoever administers this host is something else than it was. */
  onNotices: (before: readonly string[], now: readonly string[]) => void;
}

/** A member of the mesh at work, from start to end. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #records: OwnRecords;
  readonly #life: Life;
  #parts: AgentParts | null = null;

  constructor(options: DaemonOptions) {
    const { state, identity, settings, log } = options;
    this.#options = options;
    this.#records = new OwnRecords(state, identity, settings, log);
    this.#life = new Life(log);
  }

  /** Settles when the agent has ended and nothing of it is left on the host. */
  get ended(): Promise<DaemonEnd> {
    return this.#life.ended;
  }

  /** Starts everything; throws what keeps it from starting, with nothing left behind. */
  start(): Promise<void> {
    return this.#life.start(() => this.#start());
  }

  /** Asks it to end; `ended` tells when it has. An ephemeral node leaves the network, if the coordinator is there to be told. */
  stop(): void {
    this.#life.stop();
  }

  async #start(): Promise<void> {
    const { state, log } = this.#options;
    const life = this.#life;
    checkPrivileges();
    // After each part of the code is loaded, before the next needs memory.
    releaseStartupPages();
    const parts = await releasingStartupPages(this.#openParts());
    const leave = (force: boolean) => life.leave(force);
    const verbs = localVerbs({
      answers: parts.answers,
      exit: parts.exit,
      firewall: parts.host.firewall,
      leave,
    });
    life.closing.add(await serveLocalApi(state.socketPath, verbs, log));
    await parts.map.begin();
    if (life.ending.aborted) return;
    releaseStartupPages();
    parts.tellEndpoints();
    for (const part of parts.late) {
      await life.closing.add(part).start();
      releaseStartupPages();
    }
    parts.watchHost();
  }

  /** The tunnel, with its socket open, and all that works with it. */
  async #openParts(): Promise<AgentParts> {
    const { state, log, onUp, onNotices } = this.#options;
    const life = this.#life;
    const timestamps = new TimestampKeeper(state, log);
    const tunnel = life.closing.add(await this.#openTunnel(timestamps.last));
    const parts = new AgentParts({
      tunnel,
      records: this.#records,
      stateFolder: state.folder,
      timestamps,
      closing: life.closing,
      ending: life.ending,
      clock: systemClock,
      log,
      onUp: (listenPort) => onUp(tunnel.facts, listenPort),
      onNotices,
      onRefused: (error) => life.refused(error),
      onFailure: (error) => life.fail(error),
    });
    life.has(parts);
    this.#parts = parts;
    await parts.socket.open();
    return parts;
  }

  async #openTunnel(lastTimestamp: Uint8Array | undefined): Promise<Tunnel> {
    const { interfaceName, mtu, driver, workers } = this.#records.settings;
    const tunnel = await openTunnel(
      {
        interfaceName,
        mtu,
        watchNetwork: true,
        findsPaths: true,
        ...(workers === null ? {} : { workers }),
        ...(lastTimestamp === undefined ? {} : { lastTimestamp }),
      },
      driver,
      (news) => this.#parts?.news(news),
      this.#options.log,
    );
    tunnel.closed.then(
      (reason) => {
        if (reason === 'removed') {
          this.#life.fail(
            new WarrenError('conflict', `the interface ${interfaceName} was removed by somebody else`, {
              hint: 'start the agent again: bin/agent up',
            }),
          );
        }
      },
      (error: unknown) => this.#life.fail(error),
    );
    return tunnel;
  }
}
