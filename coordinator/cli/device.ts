import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { renderUnicodeCompact } from 'uqr';
import { collect, duration } from '../../shared/arguments.ts';
import { WarrenError } from '../../shared/errors.ts';
import { keyFromBase64, keyToBase64 } from '../../shared/key.ts';
import { x25519PublicKey } from '../../shared/key-proof.ts';
import { printJson } from '../../shared/print-json.ts';
import { asCalled } from '../../shared/program-name.ts';
import { textTable } from '../../shared/text-table.ts';
import { addDevice, type GivenFile, handOut, knownDevices } from '../devices.ts';
import { KEY_PLACEHOLDER } from '../network/devices/render-file.ts';
import { canonicalTag } from '../network/tags.ts';
import type { Store } from '../store/store.ts';
import {
  cliActor,
  type DataOptions,
  nodeNamed,
  ownerNamed,
  tell,
  timeText,
  withData,
  withJson,
  withStore,
} from './options.ts';

export function deviceCommand(): Command {
  return new Command('device')
    .description('members that run plain WireGuard: phones, routers, what has no agent')
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(configCommand())
    .addCommand(rekeyCommand())
    .addCommand(removeCommand());
}

interface ShownOptions extends DataOptions {
  json: boolean;
  qr: boolean;
}

interface AddOptions extends ShownOptions {
  publicKey?: string;
  tag?: string[];
  owner?: string;
  expires?: number;
  dns: 'true' | 'false';
  gateway?: string;
}

function addCommand(): Command {
  return withJson(withData(new Command('add')))
    .description(
      'add a device and print its WireGuard file; a private key made for it is shown only this once',
    )
    .argument('<name>', 'its name in the network')
    .option('--public-key <key>', "the device's own, so that no private key is made here", key)
    .option('--tag <name>', 'a tag; may be repeated', collect(tag))
    .option('--owner <user>', 'the account whose device it is, for the policy (admin list shows them)')
    .option('--expires <duration>', 'how long it is a member, instead of until it is removed', duration)
    .addOption(dnsOption('true'))
    .option('--gateway <node>', 'the agent that is to forward for it, instead of any')
    .option('--qr', 'show a QR code for the WireGuard app instead of the text', false)
    .addHelpText(
      'after',
      [
        '\nExamples:',
        '  bin/coordinator device add phone --qr --data /var/lib/warren-coordinator',
        '  bin/coordinator device add router --public-key "$(wg pubkey <key)" --data /var/lib/warren-coordinator',
      ].join('\n'),
    )
    .action((name: string, options: AddOptions) =>
      withStore(options, async (store) => {
        const now = Date.now();
        const given = await addDevice(
          store,
          {
            name,
            publicKey: options.publicKey ?? null,
            tags: options.tag ?? [],
            owner: await ownerNamed(store, options.owner),
            keyExpiresAt: options.expires === undefined ? 0 : now + options.expires,
            wantsNames: options.dns === 'true',
            gateway: options.gateway === undefined ? null : (await nodeNamed(store, options.gateway)).id,
          },
          now,
          cliActor(),
        );
        show(given, options);
      }),
    );
}

function listCommand(): Command {
  return withData(new Command('list'))
    .description('the devices, and whether the file that each was given is still good')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/coordinator device list --data /var/lib/warren-coordinator')
    .action(async (options: DataOptions & { json: boolean }) => {
      const devices = await withStore(options, listDevices);
      if (options.json) {
        printJson(devices);
        return;
      }
      process.stdout.write(
        textTable(
          ['NAME', 'ADDRESSES', 'GATEWAY', 'FILE', 'TAGS', 'EXPIRES'],
          devices.map((device) => [
            device.name,
            device.addresses.join(' '),
            device.gateway ?? '-',
            device.outOfDate.length === 0 ? 'good' : 'out of date',
            device.tags.join(','),
            device.expiresAt === null ? 'never' : timeText(Date.parse(device.expiresAt)),
          ]),
        ),
      );
      for (const { name, outOfDate } of devices) {
        for (const why of outOfDate) process.stdout.write(`${name}: ${why}\n`);
      }
      if (devices.some(({ outOfDate }) => outOfDate.length > 0)) {
        process.stdout.write(asCalled('`coordinator device config NAME` prints the file of now\n'));
      }
    });
}

interface ConfigOptions extends ShownOptions {
  privateKeyFile?: string;
  dns?: 'true' | 'false';
  gateway?: string;
}

function configCommand(): Command {
  return withJson(withData(new Command('config')))
    .description('print the file that a device should have now; agents go by it from then on')
    .argument('<device>', 'name or id')
    .option('--private-key-file <file>', "the device's private key, to stand in it instead of a placeholder")
    .addOption(dnsOption())
    .option('--gateway <node>', 'another agent that is to forward for it')
    .option('--qr', 'show a QR code instead of the text', false)
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator device config router --private-key-file key --data /var/lib/warren-coordinator',
    )
    .action((nameOrId: string, options: ConfigOptions) =>
      withStore(options, async (store) => {
        const device = await nodeNamed(store, nameOrId);
        const privateKey =
          options.privateKeyFile === undefined
            ? null
            : await privateKeyOf(device.publicKey, options.privateKeyFile);
        const choices = {
          ...(options.dns === undefined ? {} : { wantsNames: options.dns === 'true' }),
          ...(options.gateway === undefined ? {} : { gateway: (await nodeNamed(store, options.gateway)).id }),
        };
        const given = await handOut(store, device.id, { key: 'kept', ...choices }, Date.now(), cliActor());
        const text = privateKey === null ? given.text : given.text.replace(KEY_PLACEHOLDER, privateKey);
        show({ ...given, text }, options);
        if (JSON.stringify(given.node.device?.file) !== JSON.stringify(device.device?.file)) {
          process.stderr.write(`this is another file than ${device.name} had: put it there now\n`);
        }
      }),
    );
}

function rekeyCommand(): Command {
  return withJson(withData(new Command('rekey')))
    .description(
      'give a device another key and print its new file; the old key is good for nothing from then on',
    )
    .argument('<device>', 'name or id')
    .option('--public-key <key>', "the device's own new one, so that no private key is made here", key)
    .option('--qr', 'show a QR code for the WireGuard app instead of the text', false)
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator device rekey phone --qr --data /var/lib/warren-coordinator',
    )
    .action((nameOrId: string, options: ShownOptions & { publicKey?: string }) =>
      withStore(options, async (store) => {
        const { id } = await nodeNamed(store, nameOrId);
        const key = options.publicKey === undefined ? 'new' : { publicKey: options.publicKey };
        show(await handOut(store, id, { key }, Date.now(), cliActor()), options);
      }),
    );
}

function removeCommand(): Command {
  return withJson(withData(new Command('remove')))
    .description('take a device out of the network for good')
    .argument('<device>', 'name or id')
    .addHelpText(
      'after',
      '\nExample:\n  bin/coordinator device remove phone --data /var/lib/warren-coordinator',
    )
    .action((nameOrId: string, options: DataOptions & { json: boolean }) =>
      withStore(options, async (store) => {
        const node = await nodeNamed(store, nameOrId);
        if (node.device === null) {
          throw new WarrenError('usage', `${node.name} runs an agent`, {
            hint: '`coordinator nodes remove` removes it',
          });
        }
        await store.removeNode(node.id, Date.now(), cliActor());
        tell(options, `${node.name} is removed`, { id: node.id, name: node.name });
      }),
    );
}

async function listDevices(store: Store) {
  const devices = await knownDevices(store, Date.now());
  return devices.map(({ node, outOfDate }) => {
    const peers = node.device?.file.peers.map(({ name }) => name) ?? [];
    return {
      id: node.id,
      name: node.name,
      addresses: [node.address4, node.address6],
      publicKey: node.publicKey,
      gateway: peers[0] ?? null,
      peers,
      handedOutAt: new Date(node.device?.handedOutAt ?? 0).toISOString(),
      outOfDate,
      tags: node.tags,
      owner: node.owner,
      expiresAt: node.keyExpiresAt === 0 ? null : new Date(node.keyExpiresAt).toISOString(),
    };
  });
}

/** As text where it is too long for a QR code: the key in it is shown only now. With --json as a field of the device. */
function show({ node, text }: GivenFile, { qr, json }: ShownOptions): void {
  if (json) {
    const { id, name, publicKey, address4, address6 } = node;
    printJson({ id, name, addresses: [address4, address6], publicKey, file: text });
    return;
  }
  let shown = text;
  if (qr) {
    try {
      shown = `${renderUnicodeCompact(text, { border: 2 }).split('\n').map(dark).join('\n')}\n`;
    } catch {
      process.stderr.write(`the file of ${node.name} is too long for a QR code\n`);
    }
  }
  process.stdout.write(shown);
}

/** White on black whatever the terminal's colours are: a code with the two exchanged is none to many a camera. */
function dark(line: string): string {
  return process.stdout.isTTY ? `\x1b[97;40m${line}\x1b[0m` : line;
}

/** Throws `usage` for a key that is not the device's, `not-found` for no file. */
async function privateKeyOf(publicKey: string, file: string): Promise<string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new WarrenError('not-found', `${file} cannot be read`, {
      hint: "give a file with the device's private key, as `wg genkey` prints it",
      cause,
    });
  }
  const privateKey = keyFromBase64(text);
  if (privateKey !== null && keyToBase64(await x25519PublicKey(privateKey)) === publicKey) return text;
  throw new WarrenError('usage', `${file} does not hold the private key of this device`, {
    hint: `its public key is ${publicKey}`,
  });
}

function dnsOption(preset?: 'true'): Option {
  const option = new Option(
    '--dns <true|false>',
    'whether the device is to ask its gateway for names; wg-quick(8) needs resolvconf for that',
  ).choices(['true', 'false']);
  return preset === undefined ? option : option.default(preset);
}

function key(text: string): string {
  if (keyFromBase64(text) === null) {
    throw new InvalidArgumentError('expected 44 characters of base64, as `wg pubkey` prints them.');
  }
  return text;
}

function tag(text: string): string {
  const canonical = canonicalTag(text);
  if (canonical === null) throw new InvalidArgumentError('expected a lower-case name such as server.');
  return canonical;
}
