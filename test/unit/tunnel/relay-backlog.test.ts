import { expect, it } from 'vitest';
import { MAX_BACKLOG, MESSAGE_COST, RelayBacklog } from '../../../agent/tunnel/relay-backlog.ts';

const ALL = MAX_BACKLOG - MESSAGE_COST;

it('holds a MiB each way, and counts the datagrams that find no room', () => {
  const one = new RelayBacklog();
  const far = new RelayBacklog(one.memory);
  expect(one.take('out', ALL, 800)).toBe(true);
  expect(one.take('out', 1, 1)).toBe(false);
  expect(one.take('out', 64 << 10, 45)).toBe(false);
  expect(far.take('in', ALL, 1)).toBe(true);
  expect(far.take('in', 1, 1)).toBe(false);
  expect(one.counters()).toEqual({ 'relay-backlog-out': 46, 'relay-backlog-in': 1 });
});

it('has room again as the other thread takes what came', () => {
  const one = new RelayBacklog();
  const far = new RelayBacklog(one.memory);
  one.take('out', ALL - MESSAGE_COST - 1000, 1);
  one.take('out', 1000, 1);
  far.arrived('out', 1000);
  expect(one.take('out', 1001, 1)).toBe(false);
  expect(one.take('out', 1000, 1)).toBe(true);
  expect(far.counters()).toEqual({ 'relay-backlog-out': 1, 'relay-backlog-in': 0 });
});

it('is full of messages without a byte as well', () => {
  const one = new RelayBacklog();
  let taken = 0;
  while (one.take('in', 0, 1)) taken++;
  expect(taken).toBe(MAX_BACKLOG / MESSAGE_COST);
});
