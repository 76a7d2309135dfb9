/**
 * What a coordinator needs for many agents: `bin/warren-node test/bench/many-agents.ts 400`. Prints memory and processor time of the
 * coordinator, which docs/deploying.md has for sizing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { residentMemory } from '../support/memory.ts';
import { BenchCoordinator } from './light-agents.ts';

const QUIET = 30_000;

const count = Number(process.argv[2] ?? 400);
const coordinator = await BenchCoordinator.start();
const say = (what: string, seconds: number) => {
  const { now, own } = residentMemory(coordinator.pid);
  console.log(
    `${what}: ${now.toFixed(0)} MiB (${own.toFixed(0)} its own), ${seconds.toFixed(1)} s of processor time`,
  );
};

try {
  say('started', coordinator.processorSeconds());
  const token = (await coordinator.run('token', 'create', '--reusable')).trim();
  const before = coordinator.processorSeconds();
  /** Changes, of all agents together. */
  let heard = 0;
  await coordinator.join(
    count,
    () => token,
    (_, message) => {
      if (message.$case === 'delta') heard++;
    },
  );
  say(`${count} agents joined`, coordinator.processorSeconds() - before);
  const quiet = coordinator.processorSeconds();
  await sleep(QUIET);
  say(`${QUIET / 1000} quiet seconds with ${count} agents`, coordinator.processorSeconds() - quiet);
  const [change, told] = [coordinator.processorSeconds(), heard];
  await coordinator.run('nodes', 'rename', 'host-1', 'renamed');
  while (heard < told + count - 1) await sleep(50);
  say('one change that all are told of', coordinator.processorSeconds() - change);
} finally {
  await coordinator.end();
}
process.exit(0);
