import { WarrenError } from '../../../shared/errors.ts';
import type { PacketBuffer } from '../../wireguard/packet-buffer.ts';
import * as libc from './libc.ts';
import { nativeBuffer, putWord64 } from './memory.ts';
import { SO_REUSEPORT, SOL_SOCKET, setOption } from './socket-option.ts';
import { type UdpOptions, UdpSocket } from './udp.ts';

const SO_ATTACH_REUSEPORT_CBPF = 51;
const SOCK_FPROG_LENGTH = 16;

/**
 * As many sockets as there are workers, all on one port: the kernel gives transport data to the one of the worker that
 * owns its receiver index, and everything else to the first.
 */
export function openGroup(
  family: 4 | 6,
  port: number,
  mark: number,
  workers: number,
  options: UdpOptions,
): UdpSocket[] | null {
  // Bound before it allows others to join, so that a port which another program shares is found taken.
  const first = UdpSocket.open(family, port, mark, options);
  if (first === null) return null;
  const group = [first];
  if (workers === 1) return group;
  try {
    if (!setOption(first.descriptor, SOL_SOCKET, SO_REUSEPORT, 1)) throw noSteering('SO_REUSEPORT');
    const shared = first.port();
    while (group.length < workers) {
      const next = UdpSocket.open(family, shared, mark, { ...options, joins: true, notes: [] });
      if (next === null) throw noSteering('SO_REUSEPORT');
      group.push(next);
    }
    const program = steeringProgram(workers);
    const { descriptor } = group[1] as UdpSocket;
    const status = libc.setsockopt(
      descriptor,
      SOL_SOCKET,
      SO_ATTACH_REUSEPORT_CBPF,
      program.address,
      SOCK_FPROG_LENGTH,
    );
    if (status !== 0) throw noSteering('SO_ATTACH_REUSEPORT_CBPF');
    return group;
  } catch (error) {
    for (const socket of group) socket.close();
    throw error;
  }
}

function noSteering(what: string): WarrenError {
  return new WarrenError(
    'unsupported',
    `the kernel refuses to share a UDP port among workers: ${what}: ${libc.errnoName(libc.errno())}`,
    { hint: 'use --workers 1' },
  );
}

/**
 * A classic BPF program (Documentation/networking/filter.rst) that sees a datagram's payload and returns the number of a
 * socket: the receiver index's low byte modulo the number of workers (index-table.ts) for transport data, otherwise 0. Reads
 * beyond the end give 0 too. In memory: struct sock_fprog (count, pointer), then struct sock_filter (code, jt, jf, k).
 */
function steeringProgram(workers: number): PacketBuffer {
  const TRANSPORT_TYPE_WORD = 0x04000000;
  const instructions = [
    [0x20, 0, 0, 0], // BPF_LD | BPF_W | BPF_ABS: type and three zeros
    [0x15, 0, 3, TRANSPORT_TYPE_WORD], // BPF_JMP | BPF_JEQ | BPF_K
    [0x30, 0, 0, 4], // BPF_LD | BPF_B | BPF_ABS: low byte of the receiver index
    [0x94, 0, 0, workers], // BPF_ALU | BPF_MOD | BPF_K
    [0x16, 0, 0, 0], // BPF_RET | BPF_A
    [0x06, 0, 0, 0], // BPF_RET | BPF_K
  ];
  const program = nativeBuffer(SOCK_FPROG_LENGTH + instructions.length * 8);
  const { view } = program;
  view.setUint16(0, instructions.length, true);
  putWord64(view, 8, program.address + SOCK_FPROG_LENGTH);
  for (const [index, [code, jumpTrue, jumpFalse, operand]] of instructions.entries()) {
    const at = SOCK_FPROG_LENGTH + index * 8;
    view.setUint16(at, code as number, true);
    view.setUint8(at + 2, jumpTrue as number);
    view.setUint8(at + 3, jumpFalse as number);
    view.setUint32(at + 4, operand as number, true);
  }
  return program;
}
