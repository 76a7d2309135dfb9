import type { Selectable } from 'kysely';
import type { Access } from './access.ts';
import type { Change } from './change.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { NetworkChanges, NetworkRecord, NetworkStore } from './contract/network.ts';
import type { NodeRecord } from './contract/nodes.ts';
import type { PolicyRecord } from './contract/policies.ts';
import type { RelayView } from './contract/relays.ts';
import type { Engine } from './engine.ts';
import { listNodes } from './nodes.ts';
import { currentPolicy } from './policies.ts';
import { relayViews } from './relays.ts';
import { nodeFromRow } from './rows.ts';
import type { NetworkTable, Tx } from './schema.ts';
import { changeSettings, settingsFromText } from './settings.ts';

/** The network as a whole, over either engine. `feed` calls back whoever waits for changes. */
export function sqlNetwork({ engine, read, change }: Access, feed: ChangeFeed): NetworkStore {
  return {
    network: () =>
      read(async (db) =>
        networkFromRow(
          await db.selectFrom('network').selectAll().where('id', '=', 1).executeTakeFirstOrThrow(),
          await relayViews(db),
          await currentPolicy(db),
        ),
      ),
    changeSettings: (wanted, now, by, check) =>
      change((within) => changeSettings(within, wanted, { ...by, now }, check)),
    snapshot: () => read(() => snapshot(engine)),
    changesSince: (version) => read(() => changesSince(engine, version)),
    onChange: (listener) => feed.add(listener),
  };
}

type NetworkRow = Selectable<NetworkTable>;

const PRUNE = 'history.prune';

function networkFromRow(row: NetworkRow, relays: RelayView[], policy: PolicyRecord | null): NetworkRecord {
  const { epoch, prefix4, prefix6, version, settings } = row;
  return { epoch, prefix4, prefix6, version, relays, settings: settingsFromText(settings), policy };
}

/** The network and all nodes of one moment. */
function snapshot(engine: Engine): Promise<{ network: NetworkRecord; nodes: NodeRecord[] }> {
  return atOneMoment(engine, async (tx, network) => ({
    network: networkFromRow(network, await relayViews(tx), await currentPolicy(tx)),
    nodes: await listNodes(tx),
  }));
}

function changesSince(engine: Engine, since: number): Promise<NetworkChanges> {
  return atOneMoment(engine, async (tx, network) => {
    const { epoch, version, history_from } = network;
    // A version of the future is one of another history, of a database that was restored, say.
    if (since < history_from || since > version) {
      return {
        epoch,
        version,
        changed: [],
        removed: [],
        relays: null,
        settings: null,
        policy: null,
        complete: false,
      };
    }
    const changed = await tx
      .selectFrom('nodes')
      .selectAll()
      .where('version', '>', since)
      .orderBy('version')
      .execute();
    const removed = await tx
      .selectFrom('removed_nodes')
      .select('id')
      .where('version', '>', since)
      .orderBy('version')
      .execute();
    return {
      epoch,
      version,
      changed: changed.map(nodeFromRow),
      removed: removed.map((row) => row.id),
      relays: network.relays_version > since ? await relayViews(tx) : null,
      settings: network.settings_version > since ? settingsFromText(network.settings) : null,
      policy: network.policy_version > since ? await currentPolicy(tx) : null,
      complete: true,
    };
  });
}

/** Forgets removals and audit rows from before two times, unless another did so within the interval. */
export async function prune(
  change: Change,
  before: { audit: number; removed: number },
  now: number,
  interval: number,
): Promise<void> {
  const { tx } = change;
  const lately = await tx
    .selectFrom('audit')
    .select('id')
    .where('at', '>', now - interval)
    .where('action', '=', PRUNE)
    .limit(1)
    .executeTakeFirst();
  if (interval > 0 && lately !== undefined) return;
  const last = await tx
    .selectFrom('removed_nodes')
    .select((select) => select.fn.max('version').as('version'))
    .where('removed_at', '<', before.removed)
    .executeTakeFirst();
  if (typeof last?.version === 'number') {
    // By version, not by time: the clock may have been set back between two removals.
    await tx.deleteFrom('removed_nodes').where('version', '<=', last.version).execute();
    change.forgetHistory(last.version);
  }
  const { numDeletedRows } = await tx.deleteFrom('audit').where('at', '<', before.audit).executeTakeFirst();
  await change.audit({
    at: now,
    actor: 'system',
    source: '',
    action: PRUNE,
    target: '',
    result: 'ok',
    detail: `${numDeletedRows} audit rows, removals up to version ${last?.version ?? 'none'}`,
  });
}

function atOneMoment<T>(engine: Engine, body: (tx: Tx, network: NetworkRow) => Promise<T>): Promise<T> {
  return engine.reader
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx) =>
      body(tx, await tx.selectFrom('network').selectAll().where('id', '=', 1).executeTakeFirstOrThrow()),
    );
}
