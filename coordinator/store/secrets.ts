import type { Access } from './access.ts';
import { ownDoing } from './audit.ts';
import type { SecretStore } from './contract/secrets.ts';

/** Secrets of the coordinator, over either engine. */
export function sqlSecrets({ clock, read, change }: Access): SecretStore {
  const secret = async (name: string) => {
    const row = await read((db) =>
      db.selectFrom('secrets').select('value').where('name', '=', name).executeTakeFirst(),
    );
    return row === undefined ? null : new Uint8Array(row.value);
  };
  return {
    secret,
    async putSecretOnce(name, value) {
      const stored = await secret(name);
      if (stored !== null) return stored;
      return change(async (within) => {
        const present = await within.tx
          .selectFrom('secrets')
          .select('value')
          .where('name', '=', name)
          .executeTakeFirst();
        if (present !== undefined) return new Uint8Array(present.value);
        await within.tx.insertInto('secrets').values({ name, value }).execute();
        await within.audit(ownDoing(clock, 'secret.create', name));
        return value.slice();
      });
    },
  };
}
