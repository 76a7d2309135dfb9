import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** What V8 names the threads of its pool. */
const NAME = 'V8Worker';
/** A tenth of an ordinary thread's weight (sched(7)): where all cores are busy, code is still compiled. */
const NICENESS = 10;

/**
 * Puts the threads on which V8 compiles and collects garbage behind all others: as equals they keep a packet that has just come
 * waiting for milliseconds. Returns how many there were; where there are none by that name, nothing is changed.
 */
export function putHelperThreadsBehind(): number {
  try {
    // setpriority(2) takes a thread's id for a process's on Linux.
    const helpers = readdirSync('/proc/self/task').filter(
      (id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === NAME,
    );
    for (const id of helpers) setPriority(Number(id), NICENESS);
    return helpers.length;
  } catch {
    // Another system, or a thread that has just ended: everything runs as before.
    return 0;
  }
}
