import { describeError, WarrenError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { NetworkMap } from '../mesh/network-map.ts';
import { type WantedSegment, wantedSegments } from '../mesh/wanted-segments.ts';
import type { WantedState } from '../mesh/wanted-state.ts';
import type { HostFeature } from './host-feature.ts';
import { runCommand } from './run-command.ts';
import { SEGMENT_PORT, segmentRules } from './segment-rules.ts';

/** Outer IPv4, UDP and VXLAN headers, and the inner Ethernet header (RFC 7348 4.3, 5). */
const VXLAN_OVERHEAD = 20 + 8 + 8 + 14;
/** The entry of a VXLAN device's forwarding database that says where frames go whose place is not known (bridge(8)). */
const FLOOD = '00:00:00:00:00:00';

interface SegmentDevice {
  ifname: string;
  ifalias?: string;
  mtu: number;
  master?: string;
  linkinfo?: { info_data?: { id: number; local?: string; port: number } };
}

interface ForwardingEntry {
  mac: string;
  dst?: string;
}

/**
 * Layer 2 segments: for each a VXLAN device of the kernel (RFC 7348) whose outer packets go through the mesh. The kernel learns
 * where stations are; this keeps the list of members that frames for unknown ones, and for all, are copied to.
 */
export class SegmentDevices implements HostFeature {
  readonly when = 'after-routes';
  readonly #interfaceName: string;
  readonly #mtu: number;
  readonly #chosen: readonly { name: string; bridge: string | null }[];
  readonly #log: Logger;
  /** What stands, as text; null before anything was looked at. */
  #applied: string | null = null;
  #notes: readonly string[] = [];

  /** `mtu` is the tunnel's. */
  constructor(
    interfaceName: string,
    mtu: number,
    chosen: readonly { name: string; bridge: string | null }[],
    log: Logger,
  ) {
    this.#interfaceName = interfaceName;
    this.#mtu = mtu;
    this.#chosen = chosen;
    this.#log = log;
  }

  async apply(map: NetworkMap, wanted: WantedState): Promise<void> {
    const segments = wantedSegments(map, wanted, this.#chosen);
    const text = JSON.stringify(segments);
    if (text === this.#applied) return;
    this.#applied = (await this.#bringTo(segments)) ? text : null;
  }

  async close(): Promise<void> {
    if (this.#applied !== '[]') await this.#bringTo([]);
  }

  /** Whether all of it stands. */
  async #bringTo(segments: readonly WantedSegment[]): Promise<boolean> {
    const kept = new Map<string, SegmentDevice>();
    const surplus: string[] = [];
    for (const device of await this.#actual()) {
      const segment = segments.find((each) => each.device === device.ifname);
      if (segment !== undefined && isSame(device, segment)) kept.set(device.ifname, device);
      else surplus.push(device.ifname);
    }
    // Where a device receives, the rules stand; and where rules stand, there is a device to tell that they do.
    for (const device of surplus) await ip('link', 'set', device, 'down');
    if (segments.length > 0 || surplus.length > 0) await this.#setRules(segments);
    for (const device of surplus) await ip('link', 'delete', device);
    const notes: string[] = [];
    for (const segment of segments) {
      if (!kept.has(segment.device)) await this.#create(segment);
      const note = await enslave(segment, kept.get(segment.device)?.master ?? null);
      if (note !== null) notes.push(note);
      await flood(segment);
    }
    for (const note of notes) if (!this.#notes.includes(note)) this.#log.warn(note);
    this.#notes = notes;
    return notes.length === 0;
  }

  get #alias(): string {
    return `segment of ${this.#interfaceName}`;
  }

  /** Devices of this agent, a killed predecessor's included. */
  async #actual(): Promise<SegmentDevice[]> {
    const text = await ip('-details', '-json', 'link', 'show', 'type', 'vxlan');
    const devices = JSON.parse(text.trim() || '[]') as SegmentDevice[];
    return devices.filter(({ ifalias }) => ifalias === this.#alias);
  }

  async #create({ device, vni, local }: WantedSegment): Promise<void> {
    const kind = ['type', 'vxlan', 'id', String(vni), 'local', local, 'dstport', String(SEGMENT_PORT)];
    await ip('link', 'add', device, 'mtu', String(this.#mtu - VXLAN_OVERHEAD), ...kind);
    await ip('link', 'set', device, 'alias', this.#alias);
    await ip('link', 'set', device, 'up');
  }

  async #setRules(segments: readonly WantedSegment[]): Promise<void> {
    try {
      await runCommand('nft', ['-f', '-'], segmentRules(this.#interfaceName, segments));
    } catch (error) {
      if (!(error instanceof WarrenError) || error.code !== 'unsupported') throw error;
      throw new WarrenError('unsupported', 'layer 2 segments need nftables, which keep others out of them', {
        hint: 'install nftables',
        cause: error,
      });
    }
  }
}

function isSame(device: SegmentDevice, segment: WantedSegment): boolean {
  const data = device.linkinfo?.info_data;
  return data?.id === segment.vni && data.local === segment.local && data.port === SEGMENT_PORT;
}

/** Makes the device a port of its bridge, or of none; why that cannot be yet, or null. */
async function enslave({ device, bridge }: WantedSegment, master: string | null): Promise<string | null> {
  if (master === bridge) return null;
  try {
    await (bridge === null
      ? ip('link', 'set', device, 'nomaster')
      : ip('link', 'set', device, 'master', bridge));
    return null;
  } catch (error) {
    return `${device} is no port of ${bridge}: ${describeError(error)}`;
  }
}

/** Brings the flood list to the members; what was learned of one that is gone goes with it. */
async function flood({ device, members }: WantedSegment): Promise<void> {
  const text = await runCommand('bridge', ['-json', 'fdb', 'show', 'dev', device]);
  const entries = (JSON.parse(text.trim() || '[]') as ForwardingEntry[]).filter(
    ({ dst }) => dst !== undefined,
  );
  const has = new Set(entries.filter(({ mac }) => mac === FLOOD).map(({ dst }) => dst));
  for (const { mac, dst } of entries) {
    if (!members.includes(dst as string)) await fdb('del', mac, device, dst as string);
  }
  for (const member of members) if (!has.has(member)) await fdb('append', FLOOD, device, member);
}

function fdb(verb: 'append' | 'del', mac: string, device: string, dst: string): Promise<string> {
  return runCommand('bridge', ['fdb', verb, mac, 'dev', device, 'dst', dst]);
}

function ip(...args: string[]): Promise<string> {
  return runCommand('ip', args);
}
