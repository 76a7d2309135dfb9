/** A TCP stream through the tunnel, with something that happens in its middle. */
import { expect } from 'vitest';
import type { TestAgent } from './mesh.ts';

const UNITS = { '': 1e-6, K: 1e-3, M: 1, G: 1e3 };

/**
 * Sends 20 Mbit/s from `a` to `b` for `seconds`, and has things happen once it flows. It must go on to its end, and flow there
 * as it did before: one of the last two seconds carries more than a quarter of the rate.
 */
export async function transferThrough(
  { a, b }: { a: TestAgent; b: TestAgent },
  seconds: number,
  happen: () => Promise<void>,
): Promise<void> {
  const [address] = (await b.addresses()) as [string];
  const server = b.host.spawn('iperf3', ['--server', '--one-off', '--forceflush']);
  await server.waitForOutput(/Server listening/);
  const client = a.host.spawn('iperf3', [
    ...['--client', address, '--time', String(seconds), '--bitrate', '20M'],
    ...['--forceflush', '--interval', '1'],
  ]);
  await client.waitForOutput(/1\.00-2\.0/);
  await happen();
  expect(await client.exited, client.output).toBe(0);
  const rates = [...client.stdout.matchAll(/([\d.]+) ([KMG]?)bits\/sec/g)].map(
    ([, value, unit]) => Number(value) * UNITS[unit as keyof typeof UNITS],
  );
  expect(
    rates.slice(seconds - 2, seconds).some((rate) => rate > 5),
    client.stdout,
  ).toBe(true);
}
