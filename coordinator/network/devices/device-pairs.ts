import type { DeviceFile } from './device-file.ts';

/** Of each file the IPv4 addresses that it has by themselves, and the peers that they are at: it is asked about every other device. */
const PLACES = new WeakMap<DeviceFile, ReadonlyMap<string, string>>();

/** As much of a device as decides how it and another one reach each other. */
export interface PairedDevice {
  readonly id: string;
  readonly address4: string;
  readonly address6: string;
  readonly createdAt: number;
}

/** What one of the pair is to be given. */
export interface WantedPeers {
  /** Ids of the agents that it is to dial, the gateway first. */
  readonly dials: readonly string[];
  /** What it was given last. */
  readonly last: DeviceFile | null;
  /** Where the other could as well be given another file, and is the newer of the two: leave it to that. */
  readonly leavesToNewer: boolean;
}

/**
 * The agent through which a device has to be made to reach another, by the file that the other was given; null for its own gateway,
 * as it would be without a word, and where no file of it would help.
 *
 * A peer's packets are taken from one tunnel alone. So two devices with different gateways reach each other through both of these
 * where neither dials the other's gateway, and otherwise by one agent that both dial: the gateway of one, at which the file of the
 * other one has to have the addresses of the first. Either file can do that, and both would undo it. What is so already stays.
 */
export function wayBetween(
  device: PairedDevice,
  { dials, last, leavesToNewer }: WantedPeers,
  other: PairedDevice & { readonly file: DeviceFile },
): string | null {
  const [own, theirs] = [dials[0], other.file.peers[0]?.nodeId];
  if (theirs === undefined || theirs === own || !dials.includes(theirs)) return null;
  if (placeIn(other.file, device) === own) return null;
  if (last !== null && placeIn(last, other) === theirs) return theirs;
  const couldTheOther = other.file.peers.some(({ nodeId }) => nodeId === own);
  return leavesToNewer && couldTheOther && isNewer(other, device) ? null : theirs;
}

/** At which of its peers a file has the addresses of a device by themselves; null where it has not. */
export function placeIn(file: DeviceFile, { address4 }: Pick<PairedDevice, 'address4'>): string | null {
  let places = PLACES.get(file);
  if (places === undefined) {
    places = new Map(
      file.peers.flatMap(({ nodeId, allowedIps }) =>
        allowedIps
          .filter((cidr) => cidr.endsWith('/32'))
          .map((cidr) => [cidr.slice(0, -'/32'.length), nodeId] as const),
      ),
    );
    PLACES.set(file, places);
  }
  return places.get(address4) ?? null;
}

function isNewer(one: PairedDevice, other: PairedDevice): boolean {
  return one.createdAt - other.createdAt > 0 || (one.createdAt === other.createdAt && one.id > other.id);
}
