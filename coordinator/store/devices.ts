import { randomBytes } from 'node:crypto';
import { WarrenError } from '../../shared/errors.ts';
import { keyFromBase64 } from '../../shared/key.ts';
import { slotAddress } from '../network/address-pool.ts';
import type { DeviceState } from '../network/devices/device-file.ts';
import { DeviceFiles } from '../network/devices/device-files.ts';
import { dnsLabel, isDnsLabel } from '../network/names.ts';
import { canonicalTag } from '../network/tags.ts';
import type { Access } from './access.ts';
import type { Decision } from './administration.ts';
import type { Change } from './change.ts';
import type { AuditRow } from './contract/audit.ts';
import type { DeviceChoices, DeviceStore, NewDevice } from './contract/devices.ts';
import type { NodeRecord } from './contract/nodes.ts';
import { listNodes, requireNode } from './nodes.ts';
import { ownerNamed } from './owner-name.ts';
import { ownership } from './ownership.ts';
import { currentPolicy } from './policies.ts';
import { toJson } from './rows.ts';

/** Devices, over either engine. */
export function sqlDevices({ change }: Access): DeviceStore {
  return {
    addDevice: (device, now, by) => change((within) => addDevice(within, device, { ...by, now })),
    handOutDevice: (nodeId, options, now, by) =>
      change((within) => handOutDevice(within, nodeId, options, { ...by, now })),
  };
}

/** Adds a member that runs plain WireGuard: addresses, and the file that it is to have. */
async function addDevice(change: Change, device: NewDevice, by: Decision): Promise<NodeRecord> {
  const { tx } = change;
  if (!isDnsLabel(device.name)) {
    throw new WarrenError(
      'usage',
      `${JSON.stringify(device.name.slice(0, 128))} is not a name for a device`,
      {
        hint: `letters, digits and inner hyphens, at most 63: ${dnsLabel(device.name)} would do`,
      },
    );
  }
  const holder = await tx.selectFrom('nodes').select('id').where('name', '=', device.name).executeTakeFirst();
  if (holder !== undefined) {
    throw new WarrenError('already-exists', `another node is named ${device.name}`, {
      hint: 'choose another name',
    });
  }
  await checkKey(change, device.publicKey);
  const tags = device.tags.map((text) => {
    const tag = canonicalTag(text);
    if (tag !== null) return tag;
    throw new WarrenError('usage', `${JSON.stringify(text)} is not a tag`, {
      hint: 'a tag is a lower-case name of letters, digits and hyphens, such as server',
    });
  });
  const owner = await ownerNamed(tx, device.owner);
  const slot = await change.takeSlot();
  if (slot === null) {
    throw new WarrenError('exhausted', 'the network has no address left for another node', {
      hint: 'remove nodes that are gone; the range itself is chosen when a network is made (--network)',
    });
  }
  const id = randomBytes(10).toString('hex');
  const [prefix4, prefix6] = change.overlay();
  const version = change.version();
  const empty: DeviceState = {
    file: { addresses: [], resolvers: [], searchDomain: null, peers: [] },
    handedOutAt: by.now,
    wantsNames: device.wantsNames,
  };
  await tx
    .insertInto('nodes')
    .values({
      id,
      name: device.name,
      public_key: device.publicKey,
      slot,
      address4: slotAddress(prefix4, slot),
      address6: slotAddress(prefix6, slot),
      endpoints: '[]',
      listen_port: 0,
      operating_system: 'WireGuard',
      agent_version: '',
      offered_routes: '[]',
      offered_exit_node: 0,
      offered_tags: '[]',
      approved_routes: '[]',
      exit_node_approved: 0,
      tags: toJson([...new Set(tags)].sort()),
      owner,
      ...(await ownership(tx, owner)),
      ephemeral: 0,
      online: 0,
      created_at: by.now,
      last_seen_at: 0,
      key_expires_at: device.keyExpiresAt,
      device: JSON.stringify(empty),
      version,
      view_version: version,
    })
    .execute();
  const node = await requireNode(tx, id);
  const state = await stateNow(change, node, device, by.now);
  await tx
    .updateTable('nodes')
    .set({ device: JSON.stringify(state) })
    .where('id', '=', id)
    .execute();
  await record(change, by, 'device.add', node, state, `addresses ${node.address4} ${node.address6}`, {
    after: { publicKey: node.publicKey, tags: node.tags, owner: node.owner, keyExpiresAt: node.keyExpiresAt },
  });
  return { ...node, device: state };
}

/** Gives a device the file that it should have now; a public key that comes with it takes the place of its old one. */
async function handOutDevice(
  change: Change,
  nodeId: string,
  { publicKey, ...choices }: DeviceChoices & { publicKey?: string },
  by: Decision,
): Promise<NodeRecord> {
  const node = await requireNode(change.tx, nodeId);
  if (node.device === null) {
    throw new WarrenError('usage', `${node.name} runs an agent and has no file`, {
      hint: '`coordinator device list` shows the devices there are',
    });
  }
  if (publicKey !== undefined && publicKey !== node.publicKey) await checkKey(change, publicKey);
  const state = await stateNow(change, node, choices, by.now);
  const isSame = JSON.stringify(state.file) === JSON.stringify(node.device.file);
  const key = publicKey ?? node.publicKey;
  await change.tx
    .updateTable('nodes')
    .set({
      device: JSON.stringify(state),
      public_key: key,
      ...(isSame && key === node.publicKey ? {} : { version: change.version() }),
    })
    .where('id', '=', nodeId)
    .execute();
  const action = key === node.publicKey ? 'device.config' : 'device.rekey';
  await record(change, by, action, node, state, isSame ? 'the same file' : 'another file', {
    before: { publicKey: node.publicKey, wantsNames: node.device.wantsNames },
    after: { publicKey: key, wantsNames: state.wantsNames },
  });
  return { ...node, publicKey: key, device: state };
}

async function checkKey(change: Change, publicKey: string): Promise<void> {
  const bytes = keyFromBase64(publicKey);
  if (bytes === null || bytes.every((byte) => byte === 0)) {
    throw new WarrenError('usage', `${JSON.stringify(publicKey.slice(0, 64))} is not a public key`, {
      hint: '44 characters of base64, as `wg pubkey` prints them',
    });
  }
  const holder = await change.tx
    .selectFrom('nodes')
    .select('name')
    .where('public_key', '=', publicKey)
    .executeTakeFirst();
  if (holder !== undefined) {
    throw new WarrenError('already-exists', `${holder.name} has this key`, {
      hint: 'a key is for one device: make another one',
    });
  }
}

/** With the node itself stored already. */
async function stateNow(
  change: Change,
  node: NodeRecord,
  choices: DeviceChoices,
  now: number,
): Promise<DeviceState> {
  const wantsNames = choices.wantsNames ?? node.device?.wantsNames ?? true;
  const preferred = (choices.gateway === undefined ? node.device?.preferred : choices.gateway) ?? undefined;
  const network = {
    ...change.ranges(),
    version: 0,
    zone: change.settings().dns.zone,
    policy: await currentPolicy(change.tx),
  };
  const nodes = await listNodes(change.tx);
  if (choices.gateway != null) checkGateway(choices.gateway, nodes);
  const files = new DeviceFiles(network, nodes, now);
  const chosen = { wantsNames, ...(preferred === undefined ? {} : { preferred }) };
  const file = files.wanted(node, chosen, node.device?.file ?? null);
  if (file === null) {
    throw new WarrenError('conflict', 'no agent can be dialled by a plain WireGuard device', {
      hint: 'an agent with a public address needs nothing; behind a NAT forward a UDP port to it, and name it there with --listen-port and --endpoint',
    });
  }
  return { file, handedOutAt: now, ...chosen };
}

function checkGateway(id: string, nodes: readonly NodeRecord[]): void {
  const gateway = nodes.find((node) => node.id === id);
  if (gateway !== undefined && gateway.reachableEndpoints.length > 0) return;
  throw new WarrenError('conflict', `${gateway?.name ?? id} cannot be dialled by a device`, {
    hint: 'forward a UDP port to it, and name it there with --listen-port and --endpoint',
  });
}

async function record(
  change: Change,
  by: Decision,
  action: string,
  node: NodeRecord,
  { file }: DeviceState,
  detail: string,
  values: Pick<AuditRow, 'before' | 'after'>,
): Promise<void> {
  const peers = file.peers.map(({ name }) => name).join(' ');
  await change.audit({
    at: by.now,
    actor: by.actor,
    source: by.source,
    action,
    target: `${node.name} (${node.id})`,
    result: 'ok',
    detail: `${detail}, gateway and peers ${peers}`,
    ...values,
  });
}
