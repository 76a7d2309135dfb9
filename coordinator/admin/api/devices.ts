import { createRoute, z } from '@hono/zod-openapi';
import { keyFromBase64 } from '../../../shared/key.ts';
import {
  addDevice,
  fileNow,
  type GivenFile,
  handOut,
  type KnownDevice,
  knownDevice,
  knownDevices,
  qrCode,
} from '../../devices.ts';
import { UnknownOwner } from '../../store/owner-name.ts';
import { answers, body, done } from './answers.ts';
import type { Api, ApiDependencies } from './api.ts';
import { Paging, pageAfter, pageOf } from './cursor.ts';
import { checkIfMatch } from './entity-tag.ts';
import { machineView } from './machine-view.ts';
import { InvalidField } from './problem.ts';
import { isoTime, MachineName, Tags, Text, Time } from './values.ts';

const tags = ['Devices'];
const MAX_OWNER = 256;

const DeviceId = z.object({ id: z.string().max(64).openapi({ description: 'Id of the device.' }) });

const PublicKey = z
  .string()
  .max(64)
  .refine(
    (text) => keyFromBase64(text) !== null,
    'expected 44 characters of base64, as wg pubkey prints them',
  )
  .openapi({ description: 'Of WireGuard, base64.', example: 'CVb76sVXPlKPqRRq2SHL4XzBoNM8ybg0EAuhcHw0RhA=' });

const GatewayId = z
  .string()
  .max(64)
  .openapi({ description: 'Id of the agent that is to be its gateway; null for any.' });

const Device = z
  .object({
    id: z.string(),
    name: z.string(),
    addresses: z.array(z.string()).openapi({ description: 'In the mesh: IPv4, then IPv6.' }),
    publicKey: z.string(),
    state: z.enum(['member', 'unapproved', 'disabled', 'expired']),
    disabled: z.boolean(),
    tags: z.array(z.string()),
    owner: z.string().nullable(),
    gateway: z.string().nullable().openapi({
      description: 'Name of the agent through which it is reached by all that it does not dial.',
    }),
    peers: z.array(z.string()).openapi({ description: 'Names of the agents that it dials.' }),
    asksForNames: z.boolean().openapi({ description: 'Whether its file has it ask its gateway for names.' }),
    handedOutAt: Time.openapi({ description: 'When it was given its file.' }),
    outOfDate: z
      .array(z.string())
      .openapi({ description: 'Why its file is not the one that it should have now; empty while it is.' }),
    createdAt: Time,
    keyExpiresAt: Time.nullable().openapi({ description: 'Null for never.' }),
  })
  .openapi('Device');

const NewDeviceBody = z
  .strictObject({
    name: MachineName,
    publicKey: PublicKey.nullable().default(null).openapi({
      description: "The device's own. With null a key pair is made, and its private key shown once.",
    }),
    tags: Tags.default([]),
    owner: Text(MAX_OWNER).nullable().default(null).openapi({
      description: "Name of the account whose device it is, for the policy; null for nobody's.",
    }),
    keyExpiresAt: Time.nullable().default(null),
    asksForNames: z.boolean().default(true),
    gateway: GatewayId.nullable().default(null),
  })
  .openapi('NewDevice');

const Patch = z
  .strictObject({
    name: MachineName,
    tags: Tags,
    keyExpiresAt: Time.nullable().openapi({ description: 'When it ends to be a member; null for never.' }),
    disabled: z.boolean(),
  })
  .partial()
  .openapi('DevicePatch');

const HandOutBody = z
  .strictObject({
    newKey: z
      .boolean()
      .default(false)
      .openapi({ description: 'Makes another key pair, and shows its private key once.' }),
    publicKey: PublicKey.optional().openapi({ description: "The device's own new one." }),
    asksForNames: z.boolean().optional(),
    gateway: GatewayId.nullable().optional(),
  })
  .openapi('DeviceHandOut');

const Given = z
  .object({
    device: Device,
    file: z.string().openapi({ description: 'For wg-quick and the WireGuard apps.' }),
    hasKey: z.boolean().openapi({ description: 'Whether the private key is in it: it is shown this once.' }),
    qr: z.string().nullable().openapi({
      description: 'The file as a QR code, SVG; null where it is too long or has no private key.',
    }),
  })
  .openapi('DeviceGiven');

const Current = z
  .object({
    file: z.string().openapi({ description: 'With a placeholder for the private key.' }),
    outOfDate: z.array(z.string()),
  })
  .openapi('DeviceFile');

const list = createRoute({
  method: 'get',
  path: '/devices',
  tags,
  summary: 'List plain WireGuard devices',
  request: { query: Paging },
  responses: answers(200, 'Members that run no agent.', pageOf(Device, 'DevicePage')),
});

const add = createRoute({
  method: 'post',
  path: '/devices',
  tags,
  summary: 'Add a device',
  request: { body: body(NewDeviceBody) },
  responses: answers(201, 'The device and its file.', Given),
});

const get = createRoute({
  method: 'get',
  path: '/devices/{id}',
  tags,
  summary: 'Show a device',
  request: { params: DeviceId },
  responses: answers(200, 'The device.', Device),
});

const patch = createRoute({
  method: 'patch',
  path: '/devices/{id}',
  tags,
  summary: 'Change a device',
  description:
    'Changes what is given, all of it or nothing. With If-Match only if the device is still as it was read.',
  request: { params: DeviceId, body: body(Patch) },
  responses: answers(200, 'The device as it is now.', Device),
});

const remove = createRoute({
  method: 'delete',
  path: '/devices/{id}',
  tags,
  summary: 'Remove a device for good',
  request: { params: DeviceId },
  responses: done('It is gone.'),
});

const current = createRoute({
  method: 'get',
  path: '/devices/{id}/config',
  tags,
  summary: 'Show the file that a device should have now',
  description: 'Hands out nothing: agents go by the file that was handed out last.',
  request: { params: DeviceId },
  responses: answers(200, 'The file.', Current),
});

const give = createRoute({
  method: 'post',
  path: '/devices/{id}/config',
  tags,
  summary: 'Hand out the file that a device should have now',
  description: 'Agents go by it from then on, so it has to be put on the device.',
  request: { params: DeviceId, body: body(HandOutBody) },
  responses: answers(200, 'The device and its file.', Given),
});

/** Members that run plain WireGuard. */
export function addDevices(api: Api, { store, clock }: ApiDependencies): void {
  const answerOf = async ({ node, text, hasKey }: GivenFile) => ({
    device: view(await knownDevice(store, node.id, clock.wall()), clock.wall()),
    file: text,
    hasKey,
    qr: hasKey ? qrCode(text) : null,
  });

  api.openapi(list, async (context) => {
    const now = clock.wall();
    const devices = await knownDevices(store, now);
    const page = pageAfter(devices, ({ node }) => [node.name, node.id], context.req.valid('query'));
    return context.json({ ...page, items: page.items.map((device) => view(device, now)) }, 200);
  });

  api.openapi(add, async (context) => {
    const { asksForNames, keyExpiresAt, owner, ...rest } = context.req.valid('json');
    const wanted = {
      ...rest,
      owner: owner ?? '',
      keyExpiresAt: timeOf(keyExpiresAt),
      wantsNames: asksForNames,
    };
    const given = await addDevice(store, wanted, clock.wall(), context.get('actor')).catch(
      (error: unknown) => {
        throw error instanceof UnknownOwner ? new InvalidField('owner', error.message, error) : error;
      },
    );
    return context.json(await answerOf(given), 201);
  });

  api.openapi(get, async (context) => {
    const now = clock.wall();
    return context.json(view(await knownDevice(store, context.req.valid('param').id, now), now), 200);
  });

  api.openapi(patch, async (context) => {
    const now = clock.wall();
    const { id } = context.req.valid('param');
    const { keyExpiresAt, ...rest } = context.req.valid('json');
    const before = await knownDevice(store, id, now);
    const wanted = { ...rest, ...(keyExpiresAt === undefined ? {} : { keyExpiresAt: timeOf(keyExpiresAt) }) };
    await store.changeNode(id, wanted, now, context.get('actor'), (node) =>
      checkIfMatch(context, view({ ...before, node }, now)),
    );
    return context.json(view(await knownDevice(store, id, now), now), 200);
  });

  api.openapi(remove, async (context) => {
    const { node } = await knownDevice(store, context.req.valid('param').id, clock.wall());
    await store.removeNode(node.id, clock.wall(), context.get('actor'));
    return context.body(null, 204);
  });

  api.openapi(current, async (context) => {
    const now = clock.wall();
    const { node, outOfDate } = await knownDevice(store, context.req.valid('param').id, now);
    return context.json({ file: await fileNow(store, node.id, now), outOfDate }, 200);
  });

  api.openapi(give, async (context) => {
    const now = clock.wall();
    const { newKey, publicKey, asksForNames, gateway } = context.req.valid('json');
    const { node } = await knownDevice(store, context.req.valid('param').id, now);
    const key = publicKey === undefined ? (newKey ? 'new' : 'kept') : { publicKey };
    const choices = {
      ...(asksForNames === undefined ? {} : { wantsNames: asksForNames }),
      ...(gateway === undefined ? {} : { gateway }),
    };
    const given = await handOut(store, node.id, { key, ...choices }, now, context.get('actor'));
    return context.json(await answerOf(given), 200);
  });
}

function view({ node, outOfDate }: KnownDevice, now: number): z.infer<typeof Device> {
  const { id, name, addresses, publicKey, state, disabled, owner, createdAt, keyExpiresAt } = machineView(
    node,
    now,
  );
  const peers = node.device?.file.peers.map((peer) => peer.name) ?? [];
  return {
    id,
    name,
    addresses,
    publicKey,
    state,
    disabled,
    owner,
    tags: [...node.tags],
    gateway: peers[0] ?? null,
    peers,
    asksForNames: node.device?.wantsNames ?? false,
    handedOutAt: isoTime(node.device?.handedOutAt ?? 0),
    outOfDate,
    createdAt,
    keyExpiresAt,
  };
}

/** 0 for never. */
function timeOf(text: string | null): number {
  return text === null ? 0 : Math.max(1, Date.parse(text));
}
