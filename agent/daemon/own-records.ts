import { describeError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { checkMap, type NetworkMap } from '../mesh/network-map.ts';
import type { Identity, Settings } from '../state/records.ts';
import type { State } from '../state/state.ts';

/** Who this host is, what its user wants and what it last knew of its network: as held, and on disk. */
export class OwnRecords {
  readonly #state: State;
  readonly #log: Logger;
  #identity: Identity;
  #settings: Settings;

  constructor(state: State, identity: Identity, settings: Settings, log: Logger) {
    this.#state = state;
    this.#log = log;
    this.#identity = identity;
    this.#settings = settings;
  }

  get identity(): Identity {
    return this.#identity;
  }

  get settings(): Settings {
    return this.#settings;
  }

  /** Throws where it cannot be stored: then it is not in use either. */
  saveIdentity(identity: Identity): void {
    this.#state.saveIdentity(identity);
    this.#identity = identity;
  }

  /** They hold from now on, stored or not. */
  saveSettings(settings: Settings): void {
    this.#settings = settings;
    this.#keep('the settings', () => this.#state.saveSettings(settings));
  }

  /** `clockOffset`: the coordinator's clock less this host's, milliseconds. */
  saveMap(map: NetworkMap, clockOffset: number): void {
    this.#keep('the map', () => this.#state.saveMap({ version: 1, map, clockOffset }));
  }

  /** The map of an earlier run with its clock; null where there is none that can be used. */
  savedMap(): { map: NetworkMap; clockOffset: number } | null {
    const saved = this.#state.savedMap((reason) => this.#log.warn({ reason }, 'the saved map is set aside'));
    if (saved === null) return null;
    try {
      const map = checkMap(saved.map);
      // After joining anew under another id, the old map is another node's.
      return map.self.nodeId === this.#identity.nodeId ? { map, clockOffset: saved.clockOffset } : null;
    } catch (error) {
      this.#log.warn({ reason: describeError(error) }, 'the saved map is not used');
      return null;
    }
  }

  /** Writes what a restart will be better for; the mesh works on without, so a full disk ends nothing. */
  #keep(what: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#log.error({ reason: describeError(error) }, `${what} was not stored`);
    }
  }
}
