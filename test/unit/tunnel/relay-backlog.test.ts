import { expect, it } from 'vitest';
import { RelayBacklog } from '../../../agent/tunnel/relay-backlog.ts';

const MIB = 1 << 20;

it('holds a MiB each way, and counts the datagrams that find no room', () => {
  const one = new RelayBacklog();
  const far = new RelayBacklog(one.memory);
  expect(one.take('out', MIB, 800)).toBe(true);
  expect(one.take('out', 1, 1)).toBe(false);
  expect(one.take('out', 64 << 10, 45)).toBe(false);
  expect(far.take('in', MIB, 1)).toBe(true);
  expect(far.take('in', 1, 1)).toBe(false);
  expect(one.counters()).toEqual({ 'relay-backlog-out': 46, 'relay-backlog-in': 1 });
});

it('has room again as the other thread takes what came', () => {
  const one = new RelayBacklog();
  const far = new RelayBacklog(one.memory);
  one.take('out', MIB, 1);
  far.arrived('out', 1000);
  expect(one.take('out', 1001, 1)).toBe(false);
  expect(one.take('out', 1000, 1)).toBe(true);
  expect(far.counters()).toEqual({ 'relay-backlog-out': 1, 'relay-backlog-in': 0 });
});
