import type { Database } from './schema.ts';

/** What differs between SQLite and PostgreSQL; everything above it is one query layer. */
export interface Engine {
  readonly kind: 'sqlite' | 'postgres';
  /** For transactions that change something. On SQLite one connection that begins with the write lock held. */
  readonly writer: Database;
  /** For reading; on SQLite another connection, so that it neither waits for a writer nor sees half of one. */
  readonly reader: Database;
  /** Names of the tables in the database, to tell an empty one, ours and a foreign one apart. */
  tableNames(): Promise<string[]>;
  /** Calls back when another process changed something. Ends with `close`. */
  watch(changed: () => void): void;
  /** Said inside a transaction that changes something, for the other processes' `watch`. */
  announce(tx: Database): Promise<void>;
  /** A copy of the whole database in a new file of 0600. Throws `already-exists`, or `unsupported` where other tools do that. */
  backUp(path: string): Promise<void>;
  /** What the engine threw, as a WarrenError. */
  explain(error: unknown): Error;
  close(): Promise<void>;
}
