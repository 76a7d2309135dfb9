import { closeSync, openSync, writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WarrenError } from '../../shared/errors.ts';
import { VERSION } from '../../shared/version.ts';
import { PacketSocket, SNAP_LENGTH } from '../capture/packet-socket.ts';
import { packetEnds, packetSummary } from '../capture/packet-summary.ts';
import {
  type CapturedPacket,
  fileHeader,
  nameBlock,
  packetBlock,
  statisticsBlock,
} from '../capture/pcapng.ts';
import { PeerNames } from '../capture/peer-names.ts';
import { askAgent } from '../local-api/client.ts';
import type { Status } from '../status.ts';
import { agentSocket } from './agent-socket.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Signals are seen between two waits for packets, milliseconds. */
const LONGEST_WAIT = 100;
/** How soon the agent is asked again when a packet is nobody's, milliseconds. */
const REFRESH_INTERVAL = 1_000;

export interface CaptureOptions {
  state: string;
  peer?: string;
  write?: string;
  count?: number;
}

/** Shows or writes packets until Ctrl-C, `--count`, or the end of the interface. */
export async function capture(options: CaptureOptions): Promise<void> {
  const ask = () => askAgent<Status>(agentSocket(options.state), 'status');
  const status = await ask();
  const wanted = options.peer;
  if (wanted !== undefined && !status.peers.some(({ name }) => name === wanted)) {
    throw new WarrenError('not-found', `no peer has the name ${JSON.stringify(wanted)}`, {
      hint: '`agent status` shows those there are',
    });
  }
  let names = new PeerNames(status.peers);
  let refreshed = performance.now();
  const socket = new PacketSocket(status.self.interface);
  let ending = false;
  const end = () => {
    ending = true;
  };
  for (const signal of SIGNALS) process.on(signal, end);
  // A reader that has seen enough ends the capture.
  process.stdout.on('error', end);
  const output = options.write === undefined ? new Lines() : new CaptureFile(options.write, status, names);
  let captured = 0;
  try {
    process.stderr.write(`capturing on ${status.self.interface}\n`);
    while (!ending) {
      if (!socket.wait(LONGEST_WAIT)) await nextTurn();
      for (let packet = socket.next(); packet !== null && !ending; packet = socket.next()) {
        let peer = peerOf(packet, names);
        if (peer === null && performance.now() - refreshed > REFRESH_INTERVAL) {
          refreshed = performance.now();
          names = new PeerNames((await ask()).peers);
          peer = peerOf(packet, names);
        }
        if (wanted !== undefined && peer !== wanted) continue;
        output.packet(packet, peer);
        captured++;
        if (captured === options.count) ending = true;
      }
      await nextTurn();
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
    const dropped = socket.dropped();
    socket.close();
    output.end(captured, dropped);
    process.stderr.write(`${captured} packets captured, ${dropped} dropped by the kernel\n`);
  }
}

/** The peer at the other end; null if that is nobody's address. */
function peerOf(packet: CapturedPacket, names: PeerNames): string | null {
  const ends = packetEnds(packet.bytes);
  if (ends === null) return null;
  return names.of(packet.direction === 'out' ? ends.destination : ends.source);
}

class Lines {
  packet(packet: CapturedPacket, peer: string | null): void {
    const seconds = new Date(Number(packet.time / 1_000_000n)).toTimeString().slice(0, 8);
    const micros = String((packet.time / 1_000n) % 1_000_000n).padStart(6, '0');
    const way = `${packet.direction === 'out' ? 'to' : 'from'} ${peer ?? '?'}`;
    process.stdout.write(`${seconds}.${micros} ${way}: ${packetSummary(packet.bytes, packet.length)}\n`);
  }

  end(): void {}
}

class CaptureFile {
  readonly #path: string;
  /** Null for standard output, which waits for a slow reader by itself. */
  readonly #descriptor: number | null;
  #isBroken = false;

  /** Readable by its owner alone: what it will hold was encrypted for a reason. */
  constructor(path: string, status: Status, names: PeerNames) {
    if (path === '-' && process.stdout.isTTY) {
      throw new WarrenError('usage', 'a capture file is not for a terminal', {
        hint: 'give a file, or a program to read it: bin/agent capture -w - | tshark -r -',
      });
    }
    this.#path = path;
    try {
      this.#descriptor = path === '-' ? null : openSync(path, 'w', 0o600);
    } catch (cause) {
      throw this.#failure(cause);
    }
    const { name, addresses, interface: interfaceName } = status.self;
    const own = new PeerNames([{ name, addresses, allowedIps: [] }]);
    this.#write(fileHeader(`Warren ${VERSION}`, interfaceName, SNAP_LENGTH));
    this.#write(nameBlock([...own.entries(), ...names.entries()]));
  }

  packet(packet: CapturedPacket, peer: string | null): void {
    this.#write(packetBlock(packet, peer === null ? '' : `peer ${peer}`));
  }

  end(captured: number, dropped: number): void {
    if (!this.#isBroken) {
      this.#write(statisticsBlock(BigInt(Date.now()) * 1_000_000n, captured, dropped));
    }
    if (this.#descriptor !== null) closeSync(this.#descriptor);
  }

  #write(bytes: Uint8Array): void {
    try {
      if (this.#descriptor === null) process.stdout.write(bytes);
      else writeSync(this.#descriptor, bytes);
    } catch (cause) {
      this.#isBroken = true;
      throw this.#failure(cause);
    }
  }

  #failure(cause: unknown): WarrenError {
    return new WarrenError(
      'internal',
      `${this.#path} cannot be written: ${(cause as NodeJS.ErrnoException).code}`,
      { cause },
    );
  }
}
