import { type IpBytes, parseIp } from '../../../shared/ip.ts';
import type { Prefix } from '../../../shared/prefix.ts';
import type { Identified, Sides } from './rule-index.ts';

/** What the policy looks at in a node. */
export interface PolicyNode extends Identified {
  readonly id: string;
  readonly address4: string;
  readonly address6: string;
  /** Subnet routes that count, canonical CIDR. */
  readonly routes: readonly string[];
  readonly exitNode: boolean;
  /** Plain WireGuard devices that it is the gateway of. */
  readonly devices?: readonly CarriedDevice[];
  /** Others that dial it: they judge nothing themselves, so it judges what itself sends to them. */
  readonly guarded?: readonly CarriedDevice[];
}

/** As much of a device as decides who may talk to it. It carries nothing itself. */
export type CarriedDevice = Identified & Pick<PolicyNode, 'id' | 'address4' | 'address6'>;

/** The overlay's own ranges, CIDR. */
export interface PolicyNetwork {
  readonly prefix4: string;
  readonly prefix6: string;
}

/** A node as the policy sees it: never changed, another takes its place. */
export interface NodeState {
  readonly node: PolicyNode;
  /** Own ones, IPv4 first. */
  readonly addresses: readonly IpBytes[];
  readonly identity: Identity;
  readonly nodeClass: NodeClass;
  /** Empty for tagged machines and those of nobody, and where no rule is for own machines. */
  readonly owner: string;
  readonly parts: readonly Part[];
  /** As in PolicyNode. */
  readonly guarded: readonly Part[];
  /** Own addresses as CIDRs. */
  readonly own: readonly string[];
}

/** Nodes that no rule tells apart but by address and route. */
export interface Identity extends Sides {
  readonly states: Set<NodeState>;
}

/** Nodes that no rule tells apart. */
export interface NodeClass extends Sides {
  readonly index: number;
  /** Source of a rule for own machines. */
  readonly selfSource: boolean;
  readonly states: Set<NodeState>;
}

/** Something that a node carries beside its own addresses. */
export interface Part extends Sides {
  readonly prefixes: readonly Prefix[];
  /** Null for the Internet and for a device. */
  readonly route: string | null;
  readonly device: PartDevice | null;
}

/** A device that a gateway carries: what it is itself counts, not only where it is. */
export interface PartDevice {
  readonly id: string;
  readonly identity: Sides;
  /** As in NodeState. */
  readonly owner: string;
  readonly own: readonly string[];
}

export function addressesOf({ address4, address6 }: Pick<PolicyNode, 'address4' | 'address6'>): IpBytes[] {
  return [address4, address6].flatMap((text) => parseIp(text) ?? []);
}

export function ownPrefixes({ addresses }: NodeState): Prefix[] {
  return addresses.map((bytes) => ({ bytes, length: bytes.length * 8 }));
}

/** Own addresses as CIDRs. */
export function ownDestinations({ address4, address6 }: Pick<PolicyNode, 'address4' | 'address6'>): string[] {
  return [`${address4}/32`, `${address6}/128`];
}

/** Whether the policy can see no difference. */
export function sameNode(a: PolicyNode, b: PolicyNode): boolean {
  return (
    a.owner === b.owner &&
    a.exitNode === b.exitNode &&
    a.address4 === b.address4 &&
    a.address6 === b.address6 &&
    String(a.tags) === String(b.tags) &&
    a.ownerRole === b.ownerRole &&
    String(a.ownerGroups ?? []) === String(b.ownerGroups ?? []) &&
    String(a.routes) === String(b.routes) &&
    sameDevices(a.devices ?? [], b.devices ?? []) &&
    sameDevices(a.guarded ?? [], b.guarded ?? [])
  );
}

function sameDevices(a: readonly CarriedDevice[], b: readonly CarriedDevice[]): boolean {
  const same = (one: CarriedDevice, other: CarriedDevice) =>
    one.id === other.id &&
    one.owner === other.owner &&
    one.address4 === other.address4 &&
    one.address6 === other.address6 &&
    one.ownerRole === other.ownerRole &&
    String(one.ownerGroups ?? []) === String(other.ownerGroups ?? []) &&
    String(one.tags) === String(other.tags);
  return a.length === b.length && a.every((device, index) => same(device, b[index] as CarriedDevice));
}
