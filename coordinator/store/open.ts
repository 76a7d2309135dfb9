import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { WarrenError } from '../../shared/errors.ts';
import { type Random, systemRandom } from '../../shared/random.ts';
import type { Engine } from './engine.ts';
import { migrate } from './migrations/migrate.ts';
import { checkNewNetwork, ensureNetwork, type NewNetwork } from './network-row.ts';
import { ensurePrivateFolder } from './private-folder.ts';
import { sqlStore } from './sql-store.ts';
import { openSqliteEngine } from './sqlite/engine.ts';
import { checkDatabaseFile, createDatabaseFile } from './sqlite/file.ts';
import { applyRestore } from './sqlite/restore.ts';
import type { Store } from './store.ts';

export interface StoreOptions {
  /** The coordinator's folder. SQLite lies in it as `warren.db`. */
  dataDir: string;
  /** `postgres://…` instead of SQLite. */
  database?: string;
  /** `serve` gives it, and a network is made where there is none; without it (the other verbs) that is `not-found`. */
  initialise?: NewNetwork;
  clock?: Clock;
  random?: Random;
}

/**
 * Opens the coordinator's store and brings its schema up to date.
 *
 * Errors: `usage` for a range or a URL that cannot be, `not-found` without a network, `conflict` with another range,
 * `corrupt` for what is not Warren's, `incompatible` for a newer schema, `permission-denied` for a folder or file that
 * others can read, `unavailable` when the database is away.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { initialise, clock = systemClock, random = systemRandom } = options;
  if (initialise !== undefined) checkNewNetwork(initialise);
  const prepare = async (engine: Engine) => {
    try {
      await migrate(engine);
      await ensureNetwork(engine, initialise, { random, now: clock.wall() });
    } catch (error) {
      await engine.close().catch(() => {});
      throw engine.explain(error);
    }
  };
  const engine =
    options.database === undefined
      ? await openSqlite(options.dataDir, initialise !== undefined, prepare)
      : (await import('./postgres/engine.ts')).openPostgresEngine(options.database);
  await prepare(engine);
  return sqlStore(engine, clock);
}

async function openSqlite(
  dataDir: string,
  create: boolean,
  prepare: (engine: Engine) => Promise<void>,
): Promise<Engine> {
  const path = join(dataDir, 'warren.db');
  // Only `serve` makes databases, and it alone has the folder: a backup that was set aside takes its place now.
  if (create) {
    ensurePrivateFolder(dataDir);
    applyRestore(dataDir);
  }
  if (!existsSync(path)) {
    if (!create) {
      throw new WarrenError('not-found', `there is no coordinator in ${dataDir}: it has no warren.db`, {
        hint: 'start `coordinator serve --data DIR` first, and give the same folder',
      });
    }
    await createDatabaseFile(path, async (draft) => {
      const engine = openSqliteEngine(draft);
      await prepare(engine);
      await engine.close();
    });
  }
  ensurePrivateFolder(dataDir);
  checkDatabaseFile(path);
  return openSqliteEngine(path);
}
