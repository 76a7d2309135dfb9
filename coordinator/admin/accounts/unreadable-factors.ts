import type { Store } from '../../store/store.ts';
import type { Sealer } from './sealer.ts';

/** Names of the users whose second factor the key of this coordinator does not open: of a database that came without its key. */
export async function unreadableSecondFactors(store: Store, sealer: Sealer): Promise<string[]> {
  const names: string[] = [];
  for (const user of await store.accounts.listUsers()) {
    if (!user.hasTotp) continue;
    const credentials = await store.accounts.credentials(user.id);
    const sealed = credentials?.sealedTotp ?? null;
    if (sealed !== null && sealer.open(sealed, user.id) === null) names.push(user.name);
  }
  return names;
}
