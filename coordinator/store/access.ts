import type { Clock } from '../../shared/clock.ts';
import type { Change } from './change.ts';
import type { Engine } from './engine.ts';
import type { Database } from './schema.ts';

/** How the parts of the store read and change: with its connections, and what goes wrong explained. */
export interface Access {
  engine: Engine;
  /** For audit rows of what is given no time. */
  clock: Clock;
  read<T>(body: (db: Database) => Promise<T>): Promise<T>;
  /** One transaction; whoever waits for changes is called afterwards. */
  change<T>(body: (change: Change) => Promise<T>): Promise<T>;
}
