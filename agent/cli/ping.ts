import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { WarrenError } from '../../shared/errors.ts';
import { withState } from './options.ts';

interface Answer {
  name: string;
  address: string;
  milliseconds: number | null;
  path: 'direct' | 'relay' | 'none';
  endpoint: string | null;
}

const INTERVAL = 1000;

/** `bin/agent ping NAME`: path and round trip. */
export function pingCommand(): Command {
  return withState(new Command('ping'))
    .description('path and round trip to a peer, through the mesh')
    .argument('<peer>', 'name or overlay address')
    .option('-c <count>', 'how many', count, 3)
    .addHelpText('after', '\nExample:\n  bin/agent ping db1 -c 1')
    .action(async (target: string, options: { state: string; c: number }) => {
      const [{ askAgent }, { agentSocket }] = await Promise.all([
        import('../local-api/client.ts'),
        import('./agent-socket.ts'),
      ]);
      const socket = agentSocket(options.state);
      let answered = 0;
      for (let i = 0; i < options.c; i++) {
        if (i > 0) await sleep(INTERVAL);
        const answer = await askAgent<Answer>(socket, 'ping', { target });
        process.stdout.write(`${line(answer)}\n`);
        if (answer.milliseconds !== null) answered++;
      }
      if (answered === 0) {
        throw new WarrenError('unavailable', `${target} did not answer`, {
          hint: '`bin/agent status` shows whether it is online and by which path',
        });
      }
    });
}

function line(answer: Answer): string {
  const where = answer.endpoint === null ? answer.path : `${answer.path}, ${answer.endpoint}`;
  return answer.milliseconds === null
    ? `${answer.name} (${answer.address}): no answer (path ${where})`
    : `${answer.name} (${answer.address}): ${answer.milliseconds} ms (path ${where})`;
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('expected a number from 1.');
  return Number(text);
}
