import { DatabaseSync } from 'node:sqlite';
import type { Engine } from '../engine.ts';
import { Kysely, sql } from '../kysely.ts';
import type { Schema } from '../schema.ts';
import { backUp } from './backup.ts';
import { NodeSqliteDialect } from './dialect.ts';
import { explainSqliteError } from './errors.ts';

/** How soon changes of another process are noticed. */
const POLL_MS = 250;
/** How long a write waits for another process's. */
const WAIT_MS = 5_000;
/** How long a single statement may block the thread for a lock; transactions wait without blocking. */
const BUSY_MS = 50;

/** Opens the file, which must exist and be ours or empty: nothing in it is looked at, but its journal mode becomes WAL. */
export function openSqliteEngine(path: string): Engine {
  const write = connect(path);
  let read: DatabaseSync;
  try {
    // WAL: readers and the writer do not wait for each other. FULL: a commit is on the disk when it returns.
    write.exec('PRAGMA journal_mode = WAL');
    write.exec('PRAGMA synchronous = FULL');
    read = connect(path);
    read.exec('PRAGMA query_only = ON');
  } catch (error) {
    write.close();
    throw explainSqliteError(error, path);
  }
  const writer = new Kysely<Schema>({
    dialect: new NodeSqliteDialect(write, { begin: 'BEGIN IMMEDIATE', waitMs: WAIT_MS }),
  });
  const reader = new Kysely<Schema>({
    dialect: new NodeSqliteDialect(read, { begin: 'BEGIN', waitMs: WAIT_MS }),
  });
  let timer: NodeJS.Timeout | undefined;
  return {
    kind: 'sqlite',
    writer,
    reader,
    async tableNames() {
      const { rows } = await sql<{ name: string }>`
        select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'`.execute(reader);
      return rows.map((row) => row.name);
    },
    watch(changed) {
      // data_version moves when another connection committed, be it of this process or of another.
      const statement = read.prepare('PRAGMA data_version');
      let last: unknown;
      const poll = () => {
        try {
          const version = statement.get()?.data_version;
          if (last !== undefined && version !== last) changed();
          last = version;
        } catch {
          // Away for the moment: the next poll finds what was missed.
        }
      };
      poll();
      timer = setInterval(poll, POLL_MS);
      timer.unref();
    },
    async announce() {},
    backUp: (to) => backUp(path, to),
    explain: (error) => explainSqliteError(error, path),
    async close() {
      clearInterval(timer);
      await reader.destroy();
      await writer.destroy();
      // Kysely knows nothing of a connection that it never used. The last one to close folds the WAL into the file.
      for (const connection of [read, write]) if (connection.isOpen) connection.close();
    },
  };
}

function connect(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: BUSY_MS, enableForeignKeyConstraints: true });
  } catch (error) {
    throw explainSqliteError(error, path);
  }
}
