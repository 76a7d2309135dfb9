import type { Access } from '../access.ts';
import { sql } from '../kysely.ts';
import { refuseNewerSchema } from '../migrations/migrate.ts';
import { clearOnline, hasPresence } from '../presence.ts';
import type { Database, ToldPathTable } from '../schema.ts';
import type { CoordinatorRecord, CoordinatorStore, ToldPath, Watch } from './coordinators.ts';

/** The same over either engine. Bookkeeping is written outside of changes: nobody has to hear of it, or to wait for it. */
export class SqlCoordinators implements CoordinatorStore {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  beat({ instance, run, watches }: { instance: string; run: string; watches: readonly Watch[] }) {
    return this.#write(async (db) => {
      await refuseNewerSchema(db);
      const values = { run, watches: JSON.stringify(watches) };
      const { beat } = await db
        .insertInto('coordinators')
        .values({ instance, beat: 1, ...values })
        .onConflict((conflict) =>
          conflict
            .column('instance')
            .doUpdateSet((set) => ({ ...values, beat: set('coordinators.beat', '+', 1) })),
        )
        .returning('beat')
        .executeTakeFirstOrThrow();
      return beat > 1;
    });
  }

  others(instance: string): Promise<CoordinatorRecord[]> {
    return this.#access.read(async (db) => {
      const rows = await db
        .selectFrom('coordinators')
        .selectAll()
        .where('instance', '<>', instance)
        .orderBy('instance')
        .execute();
      const stray = await db
        .selectFrom('presence')
        .select('instance')
        .distinct()
        .where('instance', '<>', instance)
        .where('instance', 'not in', db.selectFrom('coordinators').select('instance'))
        .execute();
      return [
        ...rows.map((row) => ({ ...row, watches: JSON.parse(row.watches) as Watch[] })),
        ...stray.map((row) => ({ ...row, run: '', beat: 0, watches: [] })),
      ];
    });
  }

  async leave(instance: string) {
    await this.#write(async (db) => {
      await db.deleteFrom('coordinators').where('instance', '=', instance).execute();
      await db.deleteFrom('told_paths').where('instance', '=', instance).execute();
    });
  }

  end({ instance, run, beat }: Pick<CoordinatorRecord, 'instance' | 'run' | 'beat'>, now: number) {
    return this.#access.change(async (change) => {
      const { tx } = change;
      const row = await tx
        .selectFrom('coordinators')
        .select(['run', 'beat'])
        .where('instance', '=', instance)
        .executeTakeFirst();
      if ((row?.run ?? '') !== run || (row?.beat ?? 0) !== beat) return false;
      await tx.deleteFrom('coordinators').where('instance', '=', instance).execute();
      await tx.deleteFrom('told_paths').where('instance', '=', instance).execute();
      if (!(await hasPresence(tx, instance))) return row !== undefined;
      await clearOnline(change, instance, now);
      return true;
    });
  }

  async tell(instance: string, round: number, paths: readonly ToldPath[]) {
    if (paths.length === 0) return;
    await this.#write((db) =>
      db.transaction().execute(async (tx) => {
        const ended = paths.filter(({ report }) => report === null).map(({ nodeId }) => nodeId);
        if (ended.length > 0) {
          await tx
            .deleteFrom('told_paths')
            .where('instance', '=', instance)
            .where('node_id', 'in', ended)
            .execute();
        }
        const values = paths.map(({ nodeId, peerId, report, age }) => ({
          instance,
          node_id: nodeId,
          peer_id: peerId,
          round,
          age: Math.round(age),
          written_at: this.#databaseTime(),
          report,
        }));
        await tx
          .insertInto('told_paths')
          .values(values)
          .onConflict((conflict) =>
            conflict.columns(['instance', 'node_id', 'peer_id']).doUpdateSet((set) => ({
              round: set.ref('excluded.round'),
              age: set.ref('excluded.age'),
              written_at: set.ref('excluded.written_at'),
              report: set.ref('excluded.report'),
            })),
          )
          .execute();
      }),
    );
  }

  toldSince(instance: string, round: number) {
    return this.#access.read(async (db) => {
      const rows = await this.#told(db, instance).where('round', '>', round).execute();
      const latest = rows.reduce((most, row) => Math.max(most, row.round), round);
      return { round: latest, paths: rows.map(fromRow) };
    });
  }

  toldOf(instance: string, nodeId: string) {
    return this.#access.read(async (db) => {
      const rows = await this.#told(db, instance).where('node_id', '=', nodeId).execute();
      return rows.map(fromRow);
    });
  }

  /** What a node says of itself before its paths. */
  #told(db: Database, instance: string) {
    return db
      .selectFrom('told_paths')
      .select(['node_id', 'peer_id', 'round', 'age', 'report'])
      .select(sql<number>`${this.#databaseTime()} - written_at`.as('kept'))
      .where('instance', '=', instance)
      .orderBy('node_id')
      .orderBy('peer_id');
  }

  #databaseTime() {
    return this.#access.engine.kind === 'postgres'
      ? sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`
      : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
  }

  #write<T>(body: (db: Database) => Promise<T>): Promise<T> {
    return this.#access.read(() => body(this.#access.engine.writer));
  }
}

type ToldRow = Pick<ToldPathTable, 'node_id' | 'peer_id' | 'round' | 'age' | 'report'> & { kept: number };

function fromRow({ node_id, peer_id, age, kept, report }: ToldRow): ToldPath {
  return {
    nodeId: node_id,
    peerId: peer_id,
    report: report === null ? null : new Uint8Array(report),
    age: age + Math.max(0, kept),
  };
}
