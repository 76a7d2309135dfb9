import { Command } from 'commander';
import { textTable } from '../../shared/text-table.ts';
import type { FirewallStatus } from '../host/firewall.ts';
import { withState } from './options.ts';

/** `bin/agent rules`: what the policy lets in here, and how often. */
export function rulesCommand(): Command {
  return withState(new Command('rules'))
    .description('what the policy lets into this host, and what each rule has let in')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/agent rules')
    .action(async (options: { state: string; json: boolean }) => {
      const [{ askAgent }, { agentSocket }] = await Promise.all([
        import('../local-api/client.ts'),
        import('./agent-socket.ts'),
      ]);
      const status = await askAgent<FirewallStatus | null>(agentSocket(options.state), 'rules');
      process.stdout.write(options.json ? `${JSON.stringify(status, null, 2)}\n` : rulesText(status));
    });
}

/** The rules as people read them. */
export function rulesText(status: FirewallStatus | null): string {
  if (status === null) return 'nftables is missing on this host: nothing is judged here\n';
  const { rules, denied, foreign, unasked } = status;
  const kept = [
    ...(denied === null ? [] : [['denied by the policy', denied] as const]),
    ['overlay addresses from outside the mesh, dropped', foreign] as const,
    ['sent into the mesh from outside, dropped', unasked] as const,
  ].map(([what, count]) => `${what}: ${packets(count.packets)}\n`);
  if (rules === null) return `this network has no policy: everything of the mesh comes in\n${kept.join('')}`;
  if (rules.length === 0) return `no rule of the policy lets anything in here\n${kept.join('')}`;
  const table = textTable(
    ['RULE', 'TO', 'SERVICES', 'PACKETS', 'BYTES'],
    rules.map(({ id, destinations, services, packets, bytes }) => [
      id,
      destinations.join(' '),
      services.length === 0 ? 'all' : services.map(serviceText).join(' '),
      String(packets),
      String(bytes),
    ]),
  );
  return `${table}\n${kept.join('')}`;
}

const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmpv6',
  132: 'sctp',
};

function serviceText({
  protocol,
  firstPort,
  lastPort,
}: NonNullable<FirewallStatus['rules']>[number]['services'][number]): string {
  const name = protocol === 0 ? 'any' : (PROTOCOLS[protocol] ?? String(protocol));
  if (firstPort === 0 && lastPort === 0) return name;
  return `${name}/${firstPort === lastPort ? firstPort : `${firstPort}-${lastPort}`}`;
}

function packets(count: number): string {
  return count === 1 ? '1 packet' : `${count} packets`;
}
