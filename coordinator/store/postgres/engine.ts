import pg from 'pg';
import { WarrenError } from '../../../shared/errors.ts';
import type { Engine } from '../engine.ts';
import { Kysely, PostgresDialect, sql } from '../kysely.ts';
import type { Database, Schema } from '../schema.ts';
import { explainPostgresError } from './errors.ts';
import { CHANNEL, listenForChanges } from './listen.ts';

const POOL_SIZE = 10;
const CONNECT_MS = 5_000;
/** How long one statement may take, a wait for the network's row included. */
const STATEMENT_MS = 10_000;
/** Gives up on a server that took the question and never answers. */
const ANSWER_MS = 15_000;
const INT8_OID = 20;

/** Settings of one connection for a `postgres://` URL. Throws `usage`. */
export function connectionSettings(url: string): pg.ClientConfig {
  const parsed = URL.parse(url);
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new WarrenError('usage', 'the database is not given as a postgres:// URL', {
      hint: 'write --database postgres://USER:PASSWORD@HOST:PORT/NAME',
    });
  }
  return {
    connectionString: url,
    application_name: 'warren coordinator',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: ANSWER_MS,
    // A coordinator that dies in a transaction must not hold the network's row for ever.
    idle_in_transaction_session_timeout: ANSWER_MS,
    types: {
      // Versions, times and counts are within 2^53.
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        oid === INT8_OID ? Number : pg.types.getTypeParser(oid, format as 'text')) as never,
    },
  };
}

/** Opens a pool; the first query tells whether the server is there. */
export function openPostgresEngine(url: string): Engine {
  const settings = connectionSettings(url);
  const where = placeOf(url);
  const pool = new pg.Pool({ ...settings, max: POOL_SIZE });
  // A connection that dies is replaced at the next query; unheard, the event would end the process. The pool listens to those alone
  // that are idle: one that dies between two queries of a transaction has to be heard itself, and the next query fails.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const database: Database = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  let stopListening: () => Promise<void> = async () => {};
  return {
    kind: 'postgres',
    writer: database,
    reader: database,
    async tableNames() {
      const { rows } = await sql<{ name: string }>`
        select tablename as name from pg_catalog.pg_tables where schemaname = current_schema()`.execute(
        database,
      );
      return rows.map((row) => row.name);
    },
    watch(changed) {
      stopListening = listenForChanges(settings, changed);
    },
    async announce(tx) {
      await sql`select pg_notify(${CHANNEL}, '')`.execute(tx);
    },
    async backUp() {
      throw new WarrenError('unsupported', 'a PostgreSQL database is backed up by its own tools', {
        hint: 'use pg_dump',
      });
    },
    explain: (error) => explainPostgresError(error, where),
    async close() {
      await stopListening();
      await database.destroy();
    },
  };
}

/** HOST:PORT/NAME of a URL: what may be said in a message. */
function placeOf(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? 'the given URL' : `${parsed.host || 'localhost'}${parsed.pathname}`;
}
