import { Command, InvalidArgumentError } from 'commander';
import { WarrenError } from '../../shared/errors.ts';
import { printJson } from '../../shared/print-json.ts';
import { textTable } from '../../shared/text-table.ts';
import { checkPolicy } from '../network/policy/check.ts';
import { DENY_ALL } from '../network/policy/compile.ts';
import { explain, type Flow, parseFlow } from '../network/policy/explain.ts';
import { parsePolicy } from '../network/policy/parse.ts';
import { policyNode } from '../network/policy/policy-node.ts';
import type { PolicyRecord } from '../store/contract/policies.ts';
import { policyGround } from '../store/policy-ground.ts';
import { cliActor, type DataOptions, tell, timeText, withData, withStore } from './options.ts';
import { checkForPrograms, readPolicyFile, reportCheck, reportWarnings } from './policy-file.ts';

export function policyCommand(): Command {
  return new Command('policy')
    .description('who may reach what: one document, in the form of Tailscale and headscale')
    .addCommand(checkCommand())
    .addCommand(applyCommand())
    .addCommand(showCommand())
    .addCommand(versionsCommand())
    .addCommand(restoreCommand())
    .addCommand(explainCommand());
}

function checkCommand(): Command {
  return new Command('check')
    .description('look for mistakes in a policy and run its tests; changes nothing')
    .argument('<file>', 'the policy, JSON with comments; - for standard input')
    .option('--data <dir>', "the coordinator's folder: tests then know the nodes' addresses")
    .option('--database <url>', 'postgres://… instead of SQLite in the folder')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator policy check policy.hujson')
    .action(async (file: string, options: Partial<DataOptions> & { json: boolean }) => {
      const document = await readPolicyFile(file);
      const { data } = options;
      if (data === undefined && options.database !== undefined) {
        throw new WarrenError('usage', '--database needs --data');
      }
      const ground = data === undefined ? null : await withStore({ ...options, data }, policyGround);
      const check = checkPolicy(document, ground);
      reportCheck(file, check, options.json);
      const counts = `${counted(check.rules, 'rule')}, ${counted(check.tests, 'test')}`;
      tell(options, `${file} is in order: ${counts}`, checkForPrograms(check));
    });
}

function applyCommand(): Command {
  return withData(new Command('apply'))
    .description('make a document the policy of the network; one with a mistake changes nothing')
    .argument('<file>', 'the policy, JSON with comments; - for standard input')
    .option('--json', 'for programs', false)
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator policy apply policy.hujson --data /var/lib/warren-coordinator',
    )
    .action(async (file: string, options: DataOptions & { json: boolean }) => {
      const document = await readPolicyFile(file);
      const { before, record } = await withStore(options, async (store) => {
        const current = await store.policy();
        try {
          return { before: current, record: await store.applyPolicy(document, Date.now(), cliActor()) };
        } catch (error) {
          // The store refused and audited it; here all that is wrong is told, with the file's name.
          reportCheck(file, checkPolicy(document, await policyGround(store)), options.json);
          throw error;
        }
      });
      const { warnings } = parsePolicy(document);
      if (!options.json) reportWarnings(file, warnings);
      const text =
        record.version === before?.version
          ? `this is the policy already: version ${record.version}`
          : `version ${record.version} of the policy is in force`;
      tell(options, text, { ...forPrograms(record), warnings });
    });
}

function showCommand(): Command {
  return withData(new Command('show'))
    .description('print the policy as it was given')
    .option('--version <number>', 'an earlier one', versionNumber)
    .option('--json', 'for programs: with who and when', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator policy show --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { version?: number; json: boolean }) => {
      const record = await withStore(options, (store) => store.policy(options.version));
      if (record === null) {
        throw options.version === undefined
          ? new WarrenError('not-found', 'the network has no policy: everything is allowed', {
              hint: '`coordinator policy apply FILE` gives it one',
            })
          : new WarrenError('not-found', `there is no version ${options.version} of the policy`, {
              hint: '`coordinator policy versions` lists those there are',
            });
      }
      if (options.json) printJson({ ...forPrograms(record), document: record.document });
      else process.stdout.write(record.document.endsWith('\n') ? record.document : `${record.document}\n`);
    });
}

function versionsCommand(): Command {
  return withData(new Command('versions'))
    .description('every policy that the network had, the newest first')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator policy versions --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      const records = await withStore(options, (store) => store.listPolicies());
      if (options.json) printJson(records.map(forPrograms));
      else {
        process.stdout.write(
          textTable(
            ['VERSION', 'TIME', 'ACTOR', 'FROM', 'RESTORES'],
            records.map((record) => [
              String(record.version),
              timeText(record.createdAt),
              record.actor,
              record.source,
              record.restoredFrom === null ? '' : `version ${record.restoredFrom}`,
            ]),
          ),
        );
      }
    });
}

function restoreCommand(): Command {
  return withData(new Command('restore'))
    .description('make an earlier policy the one that counts, as a new version')
    .argument('<number>', 'its version', versionNumber)
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator policy restore 3 --data /var/lib/warren-coordinator')
    .action(async (number: number, options: DataOptions & { json: boolean }) => {
      const record = await withStore(options, (store) => store.restorePolicy(number, Date.now(), cliActor()));
      const text = `version ${record.version} of the policy is in force, that of version ${number}`;
      tell(options, text, forPrograms(record));
    });
}

function explainCommand(): Command {
  return withData(new Command('explain'))
    .description('which rule lets one reach another, or why none does')
    .argument('<from>', 'name or id of a node, or an address')
    .argument('<to>', 'the same')
    .argument('<what>', 'tcp/22, udp/53, icmp, or the number of a protocol', flow)
    .option('--json', 'for programs', false)
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator policy explain laptop db1 tcp/5432 --data /var/lib/warren-coordinator',
    )
    .action(
      async (
        from: string,
        to: string,
        what: { flow: Flow; text: string },
        options: DataOptions & { json: boolean },
      ) => {
        const explanation = await withStore(options, async (store) => {
          const { network, nodes } = await store.snapshot();
          const document =
            network.policy === null ? null : (parsePolicy(network.policy.document).document ?? DENY_ALL);
          const named = nodes.map((node) => ({ ...policyNode(node), name: node.name }));
          return explain(document, network, named, [from, to], what.flow);
        });
        if (explanation === null) {
          throw new WarrenError('not-found', `${from} and ${to} are not both nodes or addresses`, {
            hint: '`coordinator nodes list` shows the nodes',
          });
        }
        if (options.json) printJson(explanation);
        else {
          const verdict = `${explanation.allowed ? 'allowed' : 'denied'}: ${from} to ${to}, ${what.text}`;
          process.stdout.write([verdict, ...explanation.why.map((why) => `  ${why}`), ''].join('\n'));
        }
      },
    );
}

function forPrograms({ document: _document, createdAt, ...rest }: PolicyRecord) {
  return { ...rest, createdAt: new Date(createdAt).toISOString() };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function versionNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('expected the number of a version.');
  return Number(text);
}

function flow(text: string): { flow: Flow; text: string } {
  const parsed = parseFlow(text);
  if (parsed === null) throw new InvalidArgumentError('expected tcp/22, udp/53, icmp or such.');
  return { flow: parsed, text };
}
