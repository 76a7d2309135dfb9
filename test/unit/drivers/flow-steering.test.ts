import { describe, expect, it } from 'vitest';
import { FlowSteering } from '../../../agent/drivers/linux/flow-steering.ts';

/** A UDP packet over IPv4 or IPv6 between two hosts that differ in their last byte, with ports. */
function packet(version: 4 | 6, from: number, to: number, ports: [number, number]): DataView {
  const view = new DataView(new ArrayBuffer(60));
  if (version === 4) {
    view.setUint8(0, 0x45);
    view.setUint8(9, 17);
    view.setUint32(12, 0x0a000000 + from);
    view.setUint32(16, 0x0a000000 + to);
  } else {
    view.setUint8(0, 0x60);
    view.setUint8(6, 17);
    view.setUint8(23, from);
    view.setUint8(39, to);
  }
  const transport = version === 4 ? 20 : 40;
  view.setUint16(transport, ports[0]);
  view.setUint16(transport + 2, ports[1]);
  return view;
}

/** Writes so many packets of a flow in the window that begins at `now`; the queue of the last one. */
function write(steering: FlowSteering, view: DataView, count: number, now: number): number {
  let queue = -1;
  for (let i = 0; i < count; i++) queue = steering.queueOf(view, 0, 60, now + (i * 99) / count);
  return queue;
}

describe.each([4, 6] as const)('the queue of an IPv%i flow', (version) => {
  const flows = Array.from({ length: 40 }, (_, i) => packet(version, 1, 2, [1000 + i * 7, 80]));

  it('is the own one while the flow is quiet', () => {
    const steering = new FlowSteering(1, 4, 8);
    for (const flow of flows) for (const now of [0, 100, 200]) expect(write(steering, flow, 10, now)).toBe(1);
  });

  it('is one of all, the same in both directions, once the flow is busy, and the own one again when it is over', () => {
    const used = new Set<number>();
    for (const [i, flow] of flows.entries()) {
      const steering = new FlowSteering(0, 4, 8);
      write(steering, flow, 500, 0);
      const queue = write(steering, flow, 500, 100);
      used.add(queue);
      const back = packet(version, 2, 1, [80, 1000 + i * 7]);
      expect(write(steering, back, 500, 200)).toBe(queue);
      write(steering, flow, 5, 300);
      expect(write(steering, flow, 5, 400)).toBe(0);
    }
    expect([...used].sort()).toEqual([0, 1, 2, 3]);
  });

  it('does not change within a window', () => {
    const steering = new FlowSteering(2, 4, 8);
    const flow = flows[0] as DataView;
    const queues = new Set<number>();
    steering.queueOf(flow, 0, 60, 0);
    for (let i = 0; i < 10_000; i++) queues.add(steering.queueOf(flow, 0, 60, 99));
    expect([...queues]).toEqual([2]);
  });

  it('is the own one where there are not cores for as many workers again, however busy the flow', () => {
    for (const [queues, cores] of [
      [2, 2],
      [2, 3],
      [4, 7],
    ] as const) {
      const steering = new FlowSteering(1, queues, cores);
      for (const flow of flows) {
        write(steering, flow, 1000, 0);
        expect(write(steering, flow, 1000, 100)).toBe(1);
      }
    }
  });

  it('is the own one where there is no other', () => {
    const steering = new FlowSteering(0, 1, 8);
    expect(write(steering, flows[0] as DataView, 1000, 0)).toBe(0);
    expect(write(steering, flows[0] as DataView, 1000, 100)).toBe(0);
  });
});

it('a packet that is too short for what its header says, and fragments, are steered by what there is', () => {
  const steering = new FlowSteering(0, 2, 4);
  for (const length of [20, 21, 39, 40, 43]) {
    for (const first of [0x45, 0x4f, 0x60]) {
      const view = new DataView(new ArrayBuffer(64));
      view.setUint8(0, first);
      view.setUint8(9, 6);
      view.setUint8(6, 17);
      expect([0, 1]).toContain(steering.queueOf(view, 0, length, length));
    }
  }
});
