import { WarrenError } from '../../shared/errors.ts';
import { formatPrefix } from '../../shared/prefix.ts';
import type { Random } from '../../shared/random.ts';
import {
  DEFAULT_PREFIX4,
  parseNetworkPrefix4,
  parseNetworkPrefix6,
  randomPrefix6,
} from '../network/address-pool.ts';
import { insertAudit } from './audit.ts';
import type { Engine } from './engine.ts';

/** What a new network is made with; what is absent has its default. */
export interface NewNetwork {
  /** Canonical IPv4 CIDR, /8 to /29; default 100.64.0.0/10. */
  prefix4?: string;
  /** Canonical ULA CIDR, /48 to /96; default a random /48. */
  prefix6?: string;
}

/** Checks ranges before anything is opened. Throws `usage`. */
export function checkNewNetwork(wanted: NewNetwork): void {
  if (wanted.prefix4 !== undefined) parseNetworkPrefix4(wanted.prefix4);
  if (wanted.prefix6 !== undefined) parseNetworkPrefix6(wanted.prefix6);
}

/**
 * Makes the network if the database has none; of several coordinators that try at once, one does. Throws `conflict` when
 * a range is asked for that the network there does not have, `not-found` when there is none and none is wanted.
 */
export async function ensureNetwork(
  engine: Engine,
  wanted: NewNetwork | undefined,
  context: { random: Random; now: number },
): Promise<void> {
  const read = () => engine.reader.selectFrom('network').selectAll().where('id', '=', 1).executeTakeFirst();
  let row = await read();
  if (row === undefined) {
    if (wanted === undefined) {
      throw new WarrenError('not-found', 'the database holds no network yet', {
        hint: 'start `coordinator serve` on it once',
      });
    }
    await insertNetwork(engine, wanted, context);
    row = await read();
  }
  for (const [asked, has] of [
    [wanted?.prefix4, row?.prefix4],
    [wanted?.prefix6, row?.prefix6],
  ]) {
    if (asked === undefined || asked === has) continue;
    throw new WarrenError('conflict', `the network was made with ${has}, not ${asked}`, {
      hint: 'leave the range out, or make a new network in another folder or database',
    });
  }
}

async function insertNetwork(
  engine: Engine,
  wanted: NewNetwork,
  { random, now }: { random: Random; now: number },
): Promise<void> {
  const epoch = new Uint8Array(16);
  random.fill(epoch);
  const prefix4 = wanted.prefix4 ?? DEFAULT_PREFIX4;
  const prefix6 = wanted.prefix6 ?? formatPrefix(randomPrefix6(random));
  await engine.writer.transaction().execute(async (tx) => {
    const made = await tx
      .insertInto('network')
      .values({
        id: 1,
        epoch: Buffer.from(epoch).toString('hex'),
        prefix4,
        prefix6,
        version: 1,
        history_from: 0,
        next_slot: 1,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .execute();
    if (made.length === 0) return;
    await insertAudit(tx, {
      at: now,
      actor: 'system',
      source: '',
      action: 'network.create',
      target: '',
      result: 'ok',
      detail: `${prefix4} ${prefix6}`,
    });
  });
}
