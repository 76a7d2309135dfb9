import type { Kysely } from 'kysely';
import type { Engine } from '../engine.ts';

/** One step of the schema, whole or not at all. */
export type EngineMigration = (db: Kysely<unknown>, kind: Engine['kind']) => Promise<void>;
