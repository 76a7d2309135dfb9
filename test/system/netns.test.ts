import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeNeedsRoot } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { Child, run, runOk } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

//    a ─┐
//       ├─ net (switch) 192.0.2.0/24, 2001:db8::/64        a ─── c  10.9.9.0/30
//    b ─┘
describeNeedsRoot('the test hosts', () => {
  it('reach each other through a switch and a cable at once, in both families', async () => {
    await using lab = new Lab();
    const [a, b, c] = [await lab.host('a'), await lab.host('b'), await lab.host('c')];
    const net = await lab.switch('net');
    await lab.plug(a, net, ['192.0.2.1/24', '2001:db8::1/64']);
    await lab.plug(b, net, ['192.0.2.2/24', '2001:db8::2/64']);
    await lab.link(a, ['10.9.9.1/30'], c, ['10.9.9.2/30']);
    for (const target of ['192.0.2.2', '2001:db8::2', '10.9.9.2'])
      expect(await a.runOk('ping', ['-c1', '-W15', target])).toContain(' 0% packet loss');
  });

  it('are gone after close, with all that ran in them, detached processes too', async () => {
    const lab = new Lab();
    const host = await lab.host('h');
    const folder = lab.directory();
    const child = host.spawn('sleep', ['1000']);
    await host.runOk('sh', ['-c', 'setsid sleep 1000 >/dev/null 2>&1 </dev/null &']);
    await waitFor('two processes', async () => (await host.pids()).length === 2);
    const pids = await host.pids();
    await lab.close();
    expect(child.running).toBe(false);
    await waitFor('their end', () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    expect(await runOk('ip', ['netns', 'list'])).not.toContain(host.namespace);
    expect(existsSync(folder)).toBe(false);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('are gone after %s to the test process', async (signal) => {
    const program = `
      import { Lab } from ${JSON.stringify(join(import.meta.dirname, '../support/netns.ts'))};
      const host = await new Lab().host('x');
      host.spawn('sleep', ['1000']);
      console.log('made ' + host.namespace);
      setInterval(() => {}, 1000);`;
    const child = new Child(process.execPath, ['--input-type=module', '-e', program]);
    const [, namespace] = await child.waitForOutput(/made (\S+)/);
    expect(await child.end(signal)).toBeGreaterThan(128);
    expect(await runOk('ip', ['netns', 'list'])).not.toContain(namespace);
  });

  it('tell status, output and lateness of what ran', async () => {
    expect(await run('sh', ['-c', 'cat; echo two >&2; exit 3'], { input: 'one' })).toEqual({
      ...{ stdout: 'one', stderr: 'two\n', status: 3 },
    });
    await expect(run('sleep', ['60'], { timeout: 100 })).rejects.toThrow(/not done after 100 ms/);
    await expect(runOk('false', [])).rejects.toThrow('false: status 1');
    await expect(new Child('true', []).waitForOutput(/never/)).rejects.toThrow(
      /ended with 0 without \/never\//,
    );
    expect(await new Child('/no/such/program', []).exited).toBe(127);
  });
});
