import type { Clock } from '../../shared/clock.ts';
import type { Access } from './access.ts';
import { SqlAccounts } from './accounts/sql-accounts.ts';
import { sqlAudit } from './audit.ts';
import { runChange } from './change.ts';
import { ChangeFeed } from './change-feed.ts';
import { SqlCoordinators } from './coordinators/sql-coordinators.ts';
import { sqlDevices } from './devices.ts';
import type { Engine } from './engine.ts';
import { sqlGrants } from './grants.ts';
import { prune, sqlNetwork } from './history.ts';
import { sqlJoining } from './join.ts';
import { sqlMembers } from './members.ts';
import { sqlOnce } from './once.ts';
import { sqlPolicies } from './policies.ts';
import { sqlRelays } from './relays.ts';
import { sqlSecrets } from './secrets.ts';
import type { Store } from './store.ts';
import { sqlTokens } from './tokens.ts';

/**
 * The store over either engine, put together of its parts, each in the file of its subject. Every method is a transaction or a
 * read. Takes over an engine whose schema is up to date.
 */
export function sqlStore(engine: Engine, clock: Clock): Store {
  const feed = new ChangeFeed();
  const access: Access = {
    engine,
    clock,
    async read(body) {
      try {
        return await body(engine.reader);
      } catch (error) {
        throw engine.explain(error);
      }
    },
    async change(body) {
      try {
        const result = await runChange(engine, body);
        feed.changed();
        return result;
      } catch (error) {
        throw engine.explain(error);
      }
    },
  };
  engine.watch(() => feed.changed());
  let isClosed = false;
  return {
    accounts: new SqlAccounts(access),
    coordinators: new SqlCoordinators(access),
    ...sqlAudit(access),
    ...sqlDevices(access),
    ...sqlGrants(access),
    ...sqlJoining(access),
    ...sqlMembers(access),
    ...sqlNetwork(access, feed),
    ...sqlOnce(access),
    ...sqlPolicies(access),
    ...sqlRelays(access),
    ...sqlSecrets(access),
    ...sqlTokens(access),
    async backUp(path, now, by) {
      await access.read(() => engine.backUp(path));
      const row = { ...by, at: now, action: 'backup.create', target: '', result: 'ok', detail: '' } as const;
      await access.change((change) => change.audit(row));
    },
    prune: (before, now, interval = 0) => access.change((change) => prune(change, before, now, interval)),
    async close() {
      if (isClosed) return;
      isClosed = true;
      feed.close();
      await engine.close();
    },
  };
}
