import type { Selectable } from 'kysely';
import { type Prefix, parsePrefix } from '../../shared/prefix.ts';
import { chooseSlot, slotCapacity } from '../network/address-pool.ts';
import type { NetworkSettings } from '../network/settings.ts';
import { insertAudit } from './audit.ts';
import type { AuditRow } from './contract/audit.ts';
import type { Engine } from './engine.ts';
import type { NetworkTable, Tx } from './schema.ts';
import { settingsFromText } from './settings.ts';

/**
 * One transaction that changes something. It holds the network's row, so there is one at a time across all processes,
 * and gets at most one new version, which readers see together with everything that carries it.
 */
export class Change {
  readonly tx: Tx;
  readonly #network: Selectable<NetworkTable>;
  #touched = false;

  constructor(tx: Tx, network: Selectable<NetworkTable>) {
    this.tx = tx;
    this.#network = network;
  }

  /** The version that this change makes; asking for it says that others can see something of the change. */
  version(): number {
    this.#touched = true;
    return this.#network.version + 1;
  }

  /** The overlay's own ranges, IPv4 first. */
  overlay(): [Prefix, Prefix] {
    return [parsePrefix(this.#network.prefix4) as Prefix, parsePrefix(this.#network.prefix6) as Prefix];
  }

  /** The same as the database has them. */
  ranges(): { prefix4: string; prefix6: string } {
    return { prefix4: this.#network.prefix4, prefix6: this.#network.prefix6 };
  }

  /** Takes a slot that no node has, or null when all are in use. */
  async takeSlot(): Promise<number | null> {
    const freed = await this.tx
      .selectFrom('free_slots')
      .select('slot')
      .orderBy('freed_at_version')
      .orderBy('slot')
      .limit(1)
      .executeTakeFirst();
    const slot = chooseSlot({
      nextSlot: this.#network.next_slot,
      oldestFreed: freed?.slot ?? null,
      capacity: slotCapacity(this.overlay()[0]),
    });
    if (slot === null) return null;
    if (slot === this.#network.next_slot) this.#network.next_slot++;
    else await this.tx.deleteFrom('free_slots').where('slot', '=', slot).execute();
    return slot;
  }

  /** Says that agents have to hear of relays anew. */
  relaysChanged(): void {
    this.#network.relays_version = this.version();
  }

  /** Says that the policy is another. */
  policyChanged(): void {
    this.#network.policy_version = this.version();
  }

  settings(): NetworkSettings {
    return settingsFromText(this.#network.settings);
  }

  setSettings(settings: NetworkSettings): void {
    this.#network.settings = JSON.stringify(settings);
    this.#network.settings_version = this.version();
  }

  /** Says that removals up to a version are no longer known. */
  forgetHistory(upTo: number): void {
    this.#network.history_from = Math.max(this.#network.history_from, upTo);
  }

  audit(row: AuditRow): Promise<void> {
    return insertAudit(this.tx, row);
  }

  /** Writes the network's row back; the last thing of the transaction. */
  async finish(): Promise<void> {
    const { id: _id, version, ...rest } = this.#network;
    await this.tx
      .updateTable('network')
      .set({ ...rest, version: this.#touched ? version + 1 : version })
      .where('id', '=', 1)
      .execute();
  }
}

/** Runs `body` in one transaction, and returns when it is durable. What it throws undoes all of it. */
export async function runChange<T>(engine: Engine, body: (change: Change) => Promise<T>): Promise<T> {
  return engine.writer.transaction().execute(async (tx) => {
    // SQLite holds the write lock already (BEGIN IMMEDIATE); PostgreSQL takes the row's here.
    const query = tx.selectFrom('network').selectAll().where('id', '=', 1);
    const network = await (engine.kind === 'postgres' ? query.forUpdate() : query).executeTakeFirstOrThrow();
    const change = new Change(tx, network);
    const result = await body(change);
    await change.finish();
    await engine.announce(tx);
    return result;
  });
}
