import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type {
  CompiledQuery,
  DatabaseConnection,
  DatabaseIntrospector,
  Dialect,
  Driver,
  Kysely,
  QueryResult,
} from 'kysely';
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from '../kysely.ts';
import { isBusy } from './errors.ts';

const MAX_CACHED_STATEMENTS = 128;

/** Kysely on one node:sqlite connection. */
export class NodeSqliteDialect implements Dialect {
  readonly #database: DatabaseSync;
  readonly #options: { begin: 'BEGIN IMMEDIATE' | 'BEGIN'; waitMs: number };

  /** `begin` starts every transaction; a lock that another process holds is waited for up to `waitMs`. */
  constructor(database: DatabaseSync, options: { begin: 'BEGIN IMMEDIATE' | 'BEGIN'; waitMs: number }) {
    this.#database = database;
    this.#options = options;
  }

  createAdapter() {
    return new TransactionalDdlAdapter();
  }

  createDriver(): Driver {
    return new NodeSqliteDriver(this.#database, this.#options.begin, this.#options.waitMs);
  }

  createQueryCompiler() {
    return new SqliteQueryCompiler();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** SQLite's schema changes are transactional, so a migration happens whole or not at all. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl() {
    return true;
  }
}

class NodeSqliteDriver implements Driver {
  readonly #connection: NodeSqliteConnection;
  readonly #begin: string;
  readonly #waitMs: number;
  /** The connection is one; whoever asks for it waits until those before are done. */
  #last: Promise<void> = Promise.resolve();
  #release: () => void = () => {};

  constructor(database: DatabaseSync, begin: string, waitMs: number) {
    this.#connection = new NodeSqliteConnection(database);
    this.#begin = begin;
    this.#waitMs = waitMs;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    this.#release = resolve;
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  /** Waits for another process's lock without blocking the event loop. */
  async beginTransaction(): Promise<void> {
    const deadline = performance.now() + this.#waitMs;
    for (;;) {
      try {
        this.#connection.run(this.#begin);
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadline) throw error;
      }
      await delay(1 + Math.random() * 10);
    }
  }

  async commitTransaction(): Promise<void> {
    this.#connection.run('COMMIT');
    // node:sqlite answers at once, so a row of transactions would be one turn of the event loop: let others in between.
    await nextTurn();
  }

  async rollbackTransaction(): Promise<void> {
    // SQLite has rolled back by itself after some errors (a full disk, for one); a second time would be an error.
    if (this.#connection.isTransaction) this.#connection.run('ROLLBACK');
  }

  async destroy(): Promise<void> {
    this.#connection.close();
  }
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get isTransaction(): boolean {
    return this.#database.isTransaction;
  }

  run(sql: string): void {
    this.#database.exec(sql);
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const statement = this.#statement(query.sql);
    const parameters = query.parameters as SQLInputValue[];
    if (statement.columns().length > 0) return { rows: statement.all(...parameters) as R[] };
    const { changes, lastInsertRowid } = statement.run(...parameters);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  // biome-ignore lint/correctness/useYield: the store never streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('this connection does not stream');
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #statement(sql: string): StatementSync {
    const cached = this.#statements.get(sql);
    if (cached !== undefined) return cached;
    const statement = this.#database.prepare(sql);
    if (this.#statements.size >= MAX_CACHED_STATEMENTS) {
      this.#statements.delete(this.#statements.keys().next().value as string);
    }
    this.#statements.set(sql, statement);
    return statement;
  }
}
