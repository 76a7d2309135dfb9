import type { Kysely } from 'kysely';
import { WarrenError } from '../../../shared/errors.ts';
import type { Engine } from '../engine.ts';
import { Migrator } from '../kysely.ts';
import type { Database } from '../schema.ts';
import { initial } from './0001-initial.ts';
import { relays } from './0002-relays.ts';
import { settings } from './0003-settings.ts';
import { segments } from './0004-segments.ts';
import { policies } from './0005-policies.ts';
import { accounts } from './0006-accounts.ts';
import { standing } from './0007-standing.ts';
import { mappedRoutes } from './0008-mapped-routes.ts';
import { devices } from './0009-devices.ts';
import { once } from './0012-once.ts';
import { preferredRoutes } from './0013-preferred-routes.ts';
import { ownerRoles } from './0070-owner-roles.ts';
import { confirmations } from './0080-confirmations.ts';
import { knownBrowsers } from './0081-known-browsers.ts';
import { coordinators } from './0095-coordinators.ts';
import type { EngineMigration } from './migration.ts';

/** All steps in order. A step that was ever released is never edited; the next one is added. */
const MIGRATIONS: Readonly<Record<string, EngineMigration>> = {
  '0001-initial': initial,
  '0002-relays': relays,
  '0003-settings': settings,
  '0004-segments': segments,
  '0005-policies': policies,
  '0006-accounts': accounts,
  '0007-standing': standing,
  '0008-mapped-routes': mappedRoutes,
  '0009-devices': devices,
  '0012-once': once,
  '0013-preferred-routes': preferredRoutes,
  '0070-owner-roles': ownerRoles,
  '0080-confirmations': confirmations,
  '0081-known-browsers': knownBrowsers,
  '0095-coordinators': coordinators,
};

const MIGRATION_TABLE = 'warren_migrations';
const LOCK_TABLE = 'warren_migrations_lock';

/**
 * Brings the database to the newest schema. Nothing is written to one that is not ours (`corrupt`) or of a newer
 * Warren (`incompatible`).
 */
export async function migrate(engine: Engine): Promise<void> {
  const applied = await appliedMigrations(engine);
  refuseUnknown(applied);
  if (applied.length === Object.keys(MIGRATIONS).length) return;
  const migrator = new Migrator({
    db: engine.writer,
    provider: {
      getMigrations: async () =>
        Object.fromEntries(
          Object.entries(MIGRATIONS).map(([name, up]) => [
            name,
            { up: (db: Kysely<unknown>) => up(db, engine.kind) },
          ]),
        ),
    },
    migrationTableName: MIGRATION_TABLE,
    migrationLockTableName: LOCK_TABLE,
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw engine.explain(error);
}

/** Names of the steps that were done; none in an empty database. */
async function appliedMigrations(engine: Engine): Promise<string[]> {
  const tables = await engine.tableNames();
  if (tables.length === 0) return [];
  if (!tables.includes(MIGRATION_TABLE)) {
    throw new WarrenError('corrupt', 'the database holds tables of another program; it was left as it is', {
      hint: 'give Warren a database of its own',
    });
  }
  return migrationsIn(engine.reader);
}

/** Throws `incompatible` where a newer Warren has brought the database up to date since it was opened. */
export async function refuseNewerSchema(db: Database): Promise<void> {
  refuseUnknown(await migrationsIn(db));
}

async function migrationsIn(db: Database): Promise<string[]> {
  const rows = await (db as unknown as Kysely<Record<string, { name: string }>>)
    .selectFrom(MIGRATION_TABLE)
    .select('name')
    .orderBy('name')
    .execute();
  return rows.map((row) => row.name);
}

function refuseUnknown(applied: readonly string[]): void {
  const unknown = applied.find((name) => MIGRATIONS[name] === undefined);
  if (unknown === undefined) return;
  throw new WarrenError('incompatible', `the database is of a newer Warren (its schema has ${unknown})`, {
    hint: 'run that version or a later one',
  });
}
