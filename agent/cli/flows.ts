import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { printJson } from '../../shared/print-json.ts';
import { textTable } from '../../shared/text-table.ts';
import type { Flow, FlowEnd, FlowsAnswer } from '../flows/mesh-flows.ts';
import { bytesText } from './bytes-text.ts';
import { withState } from './options.ts';

/** Until connections that are busy have shown themselves, milliseconds. */
const FIRST_LOOK = 1_500;

/** `bin/agent flows`: who talks to whom. */
export function flowsCommand(): Command {
  return withState(new Command('flows'))
    .description('who talks to whom through the mesh at this host, the busiest first')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/agent flows')
    .action(async (options: { state: string; json: boolean }) => {
      const [{ askAgent }, { agentSocket }] = await Promise.all([
        import('../local-api/client.ts'),
        import('./agent-socket.ts'),
      ]);
      const ask = () => askAgent<FlowsAnswer>(agentSocket(options.state), 'flows');
      let answer = await ask();
      if (answer.isFresh) {
        process.stderr.write('connections are tracked from now on, while somebody looks\n');
        await sleep(FIRST_LOOK);
        answer = await ask();
      }
      const { flows, total, countsBytes } = answer;
      if (!countsBytes)
        process.stderr.write('the kernel does not count bytes: /proc/sys is read-only here\n');
      if (options.json) printJson(flows);
      else if (flows.length === 0) process.stdout.write('nobody talks through the mesh here\n');
      else process.stdout.write(table(flows));
      if (total > flows.length) process.stderr.write(`${total - flows.length} quieter ones are left out\n`);
    });
}

function table(flows: readonly Flow[]): string {
  return textTable(
    ['PROTOCOL', 'FROM', 'TO', 'STATE', 'SENT', 'RECEIVED'],
    flows.map(({ protocol, from, to, state, sent, received }) => [
      protocol,
      endText(from),
      endText(to),
      state ?? '',
      bytesText(sent.bytes),
      bytesText(received.bytes),
    ]),
  );
}

function endText({ name, address, port }: FlowEnd): string {
  const place = port === 0 ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return name === null ? place : `${name} ${place}`;
}
