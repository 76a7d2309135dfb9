import { WarrenError } from '../shared/errors.ts';
import { chosenPeer, type ExitChoice, type ExitState, exitState } from './mesh/exit-node.ts';
import type { NetworkMap } from './mesh/network-map.ts';
import type { Settings } from './state/records.ts';

/** What `agent exit-node list` shows, and `agent status` of it. */
export interface ExitStatus {
  /** The one that was chosen; null if none. */
  chosen: { name: string; state: ExitState; allowsLan: boolean } | null;
  /** Those that this node may use. */
  offered: { name: string; addresses: string[]; online: boolean }[];
}

export interface ExitKeeperOptions {
  settings: () => Settings;
  map: () => NetworkMap | null;
  /** The coordinator's clock. */
  now: () => number;
  /** Keeps other settings, on disk too. */
  save: (settings: Settings) => void;
  /** Brings the host to another choice; resolves when it is in force, throws when the host refuses. */
  changed: () => Promise<void>;
}

/** Which exit node the user wants, and the verbs that change it while the agent runs. */
export class ExitKeeper {
  readonly #options: ExitKeeperOptions;

  constructor(options: ExitKeeperOptions) {
    this.#options = options;
  }

  get choice(): ExitChoice | null {
    return this.#options.settings().exitNode;
  }

  get allowsLan(): boolean {
    return this.#options.settings().exitAllowLan;
  }

  /** A map came: whom the name means is settled the first time that it means an exit node. */
  settle(map: NetworkMap): void {
    const { choice } = this;
    if (choice === null || choice.nodeId !== null) return;
    const peer = chosenPeer(map, choice);
    if (peer?.exitNode) this.#save({ exitNode: { ...choice, nodeId: peer.nodeId } });
  }

  status(): ExitStatus {
    const map = this.#options.map();
    const { choice } = this;
    const peer = map === null || choice === null ? null : chosenPeer(map, choice);
    return {
      chosen:
        choice === null
          ? null
          : {
              name: peer?.name ?? choice.name,
              state: map === null ? 'unknown' : exitState(map, choice, this.#options.now()),
              allowsLan: this.allowsLan,
            },
      offered: (map?.peers ?? [])
        .filter(({ exitNode }) => exitNode)
        .map(({ name, addresses, online }) => ({ name, addresses, online })),
    };
  }

  /**
   * Uses another one, by name or address, from now on. Throws `not-found` for what is no exit node of this network, and what the host
   * refuses: all is as before then.
   */
  async use(args: unknown): Promise<ExitStatus> {
    const { name, allowLan } = (args ?? {}) as { name?: unknown; allowLan?: unknown };
    const map = this.#options.map();
    const peer = map === null ? null : chosenPeer(map, { name: String(name), nodeId: null });
    if (peer === null || !peer.exitNode) {
      const offered = this.status().offered.map((each) => each.name);
      throw new WarrenError('not-found', `${JSON.stringify(name)} is no exit node that this host may use`, {
        hint:
          offered.length === 0
            ? 'start one with --advertise-exit-node, and approve it: coordinator exit-nodes approve NODE'
            : `there are: ${offered.join(', ')}`,
      });
    }
    if (this.#options.settings().advertiseExitNode) throw isExitItself();
    const exitAllowLan = typeof allowLan === 'boolean' ? allowLan : this.allowsLan;
    const { exitNode, exitAllowLan: allowedLan } = this.#options.settings();
    try {
      return await this.#change({ exitNode: { name: peer.name, nodeId: peer.nodeId }, exitAllowLan });
    } catch (error) {
      // What this host cannot do is not left as its wish: it would keep it from everything else that the map brings.
      await this.#change({ exitNode, exitAllowLan: allowedLan }).catch(() => {});
      throw error;
    }
  }

  /** The Internet by this host's own networks again. */
  off(): Promise<ExitStatus> {
    return this.#change({ exitNode: null });
  }

  async #change(change: Partial<Settings>): Promise<ExitStatus> {
    this.#save(change);
    await this.#options.changed();
    return this.status();
  }

  #save(change: Partial<Settings>): void {
    this.#options.save({ ...this.#options.settings(), ...change });
  }
}

/** As `--exit-node` has it: a name or address, or `none`. */
export function exitChoice(text: string | undefined): ExitChoice | null {
  return text === undefined || text === 'none' ? null : { name: text, nodeId: null };
}

/** What it carries for others would go to the next exit, and from there perhaps come back. */
export function isExitItself(): WarrenError {
  return new WarrenError('usage', 'a host that offers to be an exit node cannot use another one');
}
