import { Command } from 'commander';
import { NOT_PUBLIC4, PUBLIC6 } from '../../shared/internet.ts';
import { type Prefix, parsePrefix, prefixesOverlap } from '../../shared/prefix.ts';
import { printJson } from '../../shared/print-json.ts';
import { PROTOCOL_NAMES } from '../../shared/protocol-names.ts';
import { textTable } from '../../shared/text-table.ts';
import type { FirewallStatus } from '../host/firewall.ts';
import { bytesText } from './bytes-text.ts';
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
      if (options.json) printJson(status);
      else process.stdout.write(rulesText(status));
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
      placesText(destinations),
      services.length === 0 ? 'all' : services.map(serviceText).join(' '),
      String(packets),
      bytesText(bytes),
    ]),
  );
  return `${table}\n${kept.join('')}`;
}

const PRIVATE4 = NOT_PUBLIC4.map((cidr) => parsePrefix(cidr) as Prefix);
const size4 = ({ length }: Prefix) => 2 ** (32 - length);
const PUBLIC4_SIZE = PRIVATE4.reduce((left, prefix) => left - size4(prefix), 2 ** 32);

/** Prefixes that do not overlap, as a filter has them; all of the public ones, which an exit node carries, in two words. */
function placesText(destinations: readonly string[]): string {
  const public4 = destinations.filter((cidr) => {
    const prefix = parsePrefix(cidr);
    return prefix?.bytes.length === 4 && !PRIVATE4.some((each) => prefixesOverlap(each, prefix));
  });
  const size = public4.reduce((sum, cidr) => sum + size4(parsePrefix(cidr) as Prefix), 0);
  if (size !== PUBLIC4_SIZE || !PUBLIC6.every((cidr) => destinations.includes(cidr)))
    return destinations.join(' ');
  const others = destinations.filter((cidr) => !public4.includes(cidr) && !PUBLIC6.includes(cidr));
  return ['the Internet', ...others].join(' ');
}

function serviceText({
  protocol,
  firstPort,
  lastPort,
}: NonNullable<FirewallStatus['rules']>[number]['services'][number]): string {
  const name = protocol === 0 ? 'any' : (PROTOCOL_NAMES[protocol] ?? String(protocol));
  if (firstPort === 0 && lastPort === 0) return name;
  return `${name}/${firstPort === lastPort ? firstPort : `${firstPort}-${lastPort}`}`;
}

function packets(count: number): string {
  return count === 1 ? '1 packet' : `${count} packets`;
}
