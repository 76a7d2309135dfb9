/**
 * Relays as real programs. What talks is the agent's relay client, on hosts that have nothing but it:
 *
 *     a ── site (NAT, UDP blocked) ──┐             ┌── coordinator, a relay itself
 *                                    ├──── core ───┤
 *     b ─────────────────────────────┘             └── relay, on a host of its own
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { COORDINATOR, TestCoordinator } from '../support/mesh.ts';
import { Internet, type InternetHost, type SiteHost } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

const NODE = join(import.meta.dirname, '../../bin/warren-node');
const TALK = join(import.meta.dirname, '../support/relay-node.ts');

describeNeeds(['root', 'tun', 'nft'], 'relays', () => {
  let lab: Lab;
  let coordinator: TestCoordinator;
  let relayHost: InternetHost;
  let relayFolder: string;
  let a: SiteHost;
  let b: InternetHost;

  beforeEach(async () => {
    lab = new Lab();
    const internet = await Internet.open(lab);
    const host = await internet.host('coordinator');
    relayHost = await internet.host('relay');
    const site = await internet.nat('site', { kind: 'port-restricted-cone' });
    [a, b] = [await site.host('a'), await internet.host('b')];
    await site.blockUdp(true);
    coordinator = new TestCoordinator(host, lab.directory('coordinator'), [
      '--url',
      `https://${host.ip}:8443`,
    ]);
    relayFolder = lab.directory('relay');
    await coordinator.start();
  });
  afterEach(() => lab.close());

  async function tokenFile(...flags: string[]): Promise<string> {
    const file = join(lab.directory('token'), 'token');
    writeFileSync(file, await coordinator.token(...flags));
    return file;
  }

  async function relay(...flags: string[]): Promise<Child> {
    const child = relayHost.spawn(COORDINATOR, [
      'relay',
      ...['--data', relayFolder, '--url', `https://${relayHost.ip}:8443`, '--log-level', 'trace'],
      ...flags,
    ]);
    await child.waitForOutput(/relay ready/);
    return child;
  }

  async function talk(from: TestHost, name: string, to: string): Promise<Child> {
    return from.spawn(NODE, [TALK, await tokenFile(), name, to]);
  }

  it('two nodes, one without UDP, talk by the coordinator, and by the other relay when that is killed', async () => {
    const far = await relay('--token', await tokenFile('--relay'));
    const [ada, bob] = [await talk(a, 'ada', 'bob'), await talk(b, 'bob', 'ada')];
    const [, home] = await ada.waitForOutput(/^home (\S+)$/m);
    await ada.waitForOutput(new RegExp(`^\\d+ via ${home}$`, 'm'));
    for (const child of [ada, bob]) {
      await child.waitForOutput(/^relay-\S+ is connected$/m);
      await child.waitForOutput(/^coordinator-\S+ is connected$/m);
    }
    const killed = home?.startsWith('relay-') === true ? far : (coordinator.process as Child);
    killed.signal('SIGKILL');
    const other = home?.startsWith('relay-') === true ? 'coordinator-' : 'relay-';
    await ada.waitForOutput(new RegExp(`^\\d+ via ${other}\\S+$`, 'm'));
    for (const child of [ada, bob]) expect(await child.end()).toBe(0);
  });

  it('SIGTERM ends a relay with 0; it needs no token to start again, and its folder tells no secret to others', async () => {
    const first = await relay('--token', await tokenFile('--relay'));
    await first.waitForOutput(/connected to the coordinator/);
    expect(await first.end()).toBe(0);
    expect(statSync(join(relayFolder, 'relay.json')).mode & 0o777).toBe(0o600);
    const second = await relay();
    await second.waitForOutput(/connected to the coordinator/);
    const relays = JSON.parse(await coordinator.verb('relays', 'list', '--json')) as {
      id: string;
      urls: string[];
    }[];
    expect(relays.filter(({ id }) => id.startsWith('relay-')).map(({ urls }) => urls)).toEqual([
      [`https://${relayHost.ip}:8443`],
    ]);
    expect(await second.end()).toBe(0);
  });

  it('a relay that was removed ends with 1 and says so', async () => {
    const child = await relay('--token', await tokenFile('--relay'));
    await child.waitForOutput(/connected to the coordinator/);
    const relays = JSON.parse(await coordinator.verb('relays', 'list', '--json')) as { id: string }[];
    const { id } = relays.find((one) => one.id.startsWith('relay-'))!;
    await coordinator.verb('relays', 'remove', id);
    expect(await child.exited).toBe(1);
    expect(child.stderr).toMatch(/does not know the calling relay; enrol it with a new token/);
  });

  it('SEC-63: neither the log of a relay nor that of its coordinator holds a token or a key', async () => {
    const file = await tokenFile('--relay');
    const child = await relay('--token', file);
    await child.waitForOutput(/connected to the coordinator/);
    const token = readFileSync(file, 'utf8').trim();
    const { certificateKey } = JSON.parse(readFileSync(join(relayFolder, 'relay.json'), 'utf8'));
    await waitFor('both logs', () => coordinator.process?.output.includes('a relay was enrolled'));
    for (const output of [child.output, (coordinator.process as Child).output]) {
      expect(output).not.toContain(token.slice(10));
      expect(output).not.toContain(certificateKey.split('\n')[1]);
    }
    expect(await child.end()).toBe(0);
  });
});
