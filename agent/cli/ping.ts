import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { WarrenError } from '../../shared/errors.ts';
import { printJson } from '../../shared/print-json.ts';
import { asCalled } from '../../shared/program-name.ts';
import { withState } from './options.ts';

/** What the agent answers to `ping`. */
interface Answer {
  name: string;
  address: string;
  milliseconds: number | null;
  path: 'direct' | 'relay' | 'none';
  endpoint: string | null;
  /** The path and why, in words, and what would help. */
  explanation: string;
  advice: string | null;
}

const INTERVAL = 1000;

interface PingOptions {
  state: string;
  c: number;
  json: boolean;
}

/** `bin/agent ping NAME`: path and round trip. */
export function pingCommand(): Command {
  return withState(new Command('ping'))
    .description('path and round trip to a peer, through the mesh, and why it is that path')
    .argument('<peer>', 'name or overlay address')
    .option('-c <count>', 'how many', count, 3)
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/agent ping db1 -c 1')
    .action(async (target: string, options: PingOptions) => {
      const [{ askAgent }, { agentSocket }] = await Promise.all([
        import('../local-api/client.ts'),
        import('./agent-socket.ts'),
      ]);
      const socket = agentSocket(options.state);
      const answers: Answer[] = [];
      for (let i = 0; i < options.c; i++) {
        if (i > 0) await sleep(INTERVAL);
        const answer = await askAgent<Answer>(socket, 'ping', { target });
        if (!options.json) process.stdout.write(`${line(answer)}\n`);
        answers.push(answer);
      }
      const last = answers.at(-1) as Answer;
      if (options.json) printJson(answers);
      else process.stdout.write(asCalled(`${summary(answers, last)}\n`));
      if (answers.every(({ milliseconds }) => milliseconds === null)) {
        throw new WarrenError('unavailable', `${target} did not answer`, {
          hint: last.advice ?? '`bin/agent status` shows whether it is online and by which path',
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

/** Which way the packets went in the end, and how that came to be. */
function summary(answers: readonly Answer[], last: Answer): string {
  const ways = answers.map(({ path }) => path).filter((path, i, all) => path !== all[i - 1]);
  const change = ways.length > 1 ? `the path changed: ${ways.join(', then ')}\n` : '';
  const advice = last.advice === null ? '' : `\n  for a direct path: ${last.advice}`;
  return `${change}${last.name}: ${last.explanation}${advice}`;
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('expected a number from 1.');
  return Number(text);
}
