import { renderSVG } from 'uqr';
import { WarrenError } from '../shared/errors.ts';
import { keyToBase64, wipe } from '../shared/key.ts';
import { x25519KeyPair } from '../shared/key-proof.ts';
import { DeviceFiles } from './network/devices/device-files.ts';
import { renderDeviceFile } from './network/devices/render-file.ts';
import type { AuditActor } from './store/contract/audit.ts';
import type { DeviceChoices, NewDevice } from './store/contract/devices.ts';
import type { NodeRecord } from './store/contract/nodes.ts';
import type { Store } from './store/store.ts';

/** Modules of light around a QR code (ISO/IEC 18004, 6.3.8). */
const QUIET_ZONE = 4;

/** A device, and why the file that it was given is not what it should have now: empty where it is. */
export interface KnownDevice {
  node: NodeRecord;
  outOfDate: string[];
}

/** What is handed to a device. */
export interface GivenFile {
  node: NodeRecord;
  /** The WireGuard file. With the private key if that was made just now: it is kept nowhere. */
  text: string;
  /** Whether the private key is in it. */
  hasKey: boolean;
}

/** All devices, by name. */
export async function knownDevices(store: Store, now: number): Promise<KnownDevice[]> {
  const { files, nodes } = await filesNow(store, now);
  return nodes
    .filter(({ device }) => device !== null)
    .map((node) => ({ node, outOfDate: files.whyOutOfDate(node.id) }))
    .sort((a, b) => (a.node.name < b.node.name ? -1 : 1));
}

/** One of them. Throws `not-found`. */
export async function knownDevice(store: Store, id: string, now: number): Promise<KnownDevice> {
  const found = (await knownDevices(store, now)).find(({ node }) => node.id === id);
  if (found !== undefined) return found;
  throw new WarrenError('not-found', `there is no device ${JSON.stringify(id)}`);
}

/** The file that a device should have now, which hands out nothing: agents go by the last one still. Throws `not-found`, `conflict`. */
export async function fileNow(store: Store, id: string, now: number): Promise<string> {
  const { files, nodes } = await filesNow(store, now);
  const node = nodes.find((each) => each.id === id);
  if (node?.device == null) throw new WarrenError('not-found', `there is no device ${JSON.stringify(id)}`);
  const file = files.wanted(node, node.device, node.device.file);
  if (file === null) throw new WarrenError('conflict', 'no agent can be dialled by a device now');
  return renderDeviceFile(file, node.name, null);
}

/** Adds a device. Without a public key of its own one is made. */
export async function addDevice(
  store: Store,
  { publicKey, ...wanted }: Omit<NewDevice, 'publicKey'> & { publicKey: string | null },
  now: number,
  by: AuditActor,
): Promise<GivenFile> {
  return withKey(publicKey, (key) => store.addDevice({ ...wanted, publicKey: key }, now, by));
}

/** Gives a device the file of now, with a new key if it is to have one: `new` has one made, other texts are its own public key. */
export async function handOut(
  store: Store,
  id: string,
  { key, ...choices }: { key: 'kept' | 'new' | { publicKey: string } } & DeviceChoices,
  now: number,
  by: AuditActor,
): Promise<GivenFile> {
  if (key === 'kept') return given(await store.handOutDevice(id, choices, now, by), null);
  return withKey(key === 'new' ? null : key.publicKey, (publicKey) =>
    store.handOutDevice(id, { ...choices, publicKey }, now, by),
  );
}

/** The file as a picture for the WireGuard app, SVG; null for one that is too long for a QR code. */
export function qrCode(text: string): string | null {
  try {
    return renderSVG(text, { border: QUIET_ZONE });
  } catch {
    return null;
  }
}

async function withKey(
  publicKey: string | null,
  change: (publicKey: string) => Promise<NodeRecord>,
): Promise<GivenFile> {
  if (publicKey !== null) return given(await change(publicKey), null);
  const pair = await x25519KeyPair();
  try {
    return given(await change(keyToBase64(pair.publicKey)), keyToBase64(pair.privateKey));
  } finally {
    wipe(pair.privateKey);
  }
}

function given(node: NodeRecord, privateKey: string | null): GivenFile {
  if (node.device === null) throw new WarrenError('internal', `${node.name} is no device`);
  return {
    node,
    text: renderDeviceFile(node.device.file, node.name, privateKey),
    hasKey: privateKey !== null,
  };
}

async function filesNow(store: Store, now: number): Promise<{ files: DeviceFiles; nodes: NodeRecord[] }> {
  const { network, nodes } = await store.snapshot();
  return { nodes, files: new DeviceFiles({ ...network, zone: network.settings.dns.zone }, nodes, now) };
}
