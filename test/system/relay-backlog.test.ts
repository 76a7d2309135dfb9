import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import type { Flood } from '../support/relay-flood.ts';

const NODE = join(import.meta.dirname, '../../bin/warren-node');
const SCRIPT = join(import.meta.dirname, '../support/relay-flood.ts');
const MIB = 1 << 20;

describeNeeds(['root', 'tun'], 'what goes by relay, between the threads', () => {
  it.each(['linux', 'portable'])(
    '%s: fills no memory while the other thread is busy, and what finds no room is counted',
    async (driver) => {
      await using lab = new Lab();
      const host = await lab.host('a');
      const devices = [lab.interfaceName('wr'), lab.interfaceName('wr')];
      const output = await host.runOk(NODE, [SCRIPT, driver, ...devices], { timeout: 60_000 });
      const floods = JSON.parse(output) as { out: Flood; in: Flood };
      for (const [way, { offered, arrived, dropped, grown }] of Object.entries(floods)) {
        expect(offered, way).toBeGreaterThan(4 * MIB);
        expect(dropped, way).toBeGreaterThan(1000);
        // What was under way, and a little that found room when the other thread woke.
        expect(arrived, way).toBeLessThan(2 * MIB);
        // Without a bound 60 and 230 by the Linux driver.
        expect(grown, way).toBeLessThan(40 * MIB);
      }
    },
  );
});
