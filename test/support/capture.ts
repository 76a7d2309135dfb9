/** What comes in on a device of a test host, as tcpdump sees it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, TestHost } from './netns.ts';
import { readPcap } from './pcap.ts';
import { waitFor } from './wait-for.ts';

const ETHERNET_HEADER = 14;

export interface Capture {
  /** The IP packets so far, from the IP header to the end of what that header counts. */
  packets(): Buffer[];
  /** Ends the capture once `isComplete` is content with the packets, and gives them. */
  stop(isComplete: (packets: readonly Buffer[]) => boolean): Promise<Buffer[]>;
}

/** Captures packets that `filter` (pcap-filter(7)) takes. */
export async function capture(lab: Lab, host: TestHost, device: string, filter: string): Promise<Capture> {
  const file = join(lab.directory('capture'), 'in.pcap');
  // In immediate mode every packet has a slot as large as the longest may be: for bursts they have to be many.
  const options = ['-i', device, '-Q', 'in', '-s2048', '-U', '-B', '16384', '--immediate-mode', '-Z', 'root'];
  const tcpdump = host.spawn('tcpdump', [...options, '-w', file, filter]);
  await tcpdump.waitForOutput(/listening on/);
  const packets = () =>
    readPcap(readFileSync(file)).map(({ bytes }) => withoutPadding(bytes.subarray(ETHERNET_HEADER)));
  return {
    packets,
    stop: async (isComplete) => {
      await waitFor('all packets to be captured', () => isComplete(packets()));
      await tcpdump.end('SIGINT');
      return packets();
    },
  };
}

function withoutPadding(packet: Buffer): Buffer {
  const isFour = (packet[0] as number) >>> 4 === 4;
  return packet.subarray(0, isFour ? packet.readUInt16BE(2) : packet.readUInt16BE(4) + 40);
}
