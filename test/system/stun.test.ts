/**
 * STUN between Warren and others' programs, through real NATs:
 *
 *     a, b ── cone (NAT) ──────┐
 *                              ├── core ── server
 *     c ── symmetric (NAT) ────┘
 */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { COORDINATOR } from '../support/mesh.ts';
import { Internet, type InternetHost, type NatRouter, type SiteHost } from '../support/nat.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import type { Child } from '../support/process.ts';
import { waitFor } from '../support/wait-for.ts';

const ASK = join(import.meta.dirname, '../support/ask-stun.ts');
const NODE = join(import.meta.dirname, '../../bin/warren-node');

describeNeeds(['root', 'tun', 'nft', 'stun', 'turnserver'], 'STUN', () => {
  const lab = new Lab();
  let server: InternetHost;
  let cone: NatRouter;
  let symmetric: NatRouter;
  let a: SiteHost;
  let c: SiteHost;
  const running: Child[] = [];

  beforeAll(async () => {
    const internet = await Internet.open(lab);
    server = await internet.host('server');
    cone = await internet.nat('cone', { kind: 'port-restricted-cone' });
    symmetric = await internet.nat('symmetric', { kind: 'symmetric' });
    [a, c] = [await cone.host('a'), await symmetric.host('c')];
  });
  afterEach(async () => {
    for (const child of running.splice(0)) await child.end();
  });
  afterAll(() => lab.close());

  async function coordinator(...flags: string[]): Promise<void> {
    const child = server.spawn(COORDINATOR, ['serve', '--data', lab.directory('coordinator'), ...flags]);
    running.push(child);
    await child.waitForOutput(/coordinator ready/);
  }

  async function ask(from: TestHost, ...arguments_: string[]): Promise<(string | null)[]> {
    return JSON.parse(await from.runOk(NODE, [ASK, ...arguments_])) as (string | null)[];
  }

  it('the coordinator answers on two ports and both families; two answers tell a cone from a symmetric NAT', async () => {
    await coordinator();
    const both = [`${server.ip}:3478`, `${server.ip}:3479`];
    const fromCone = await ask(a, ...both);
    expect(fromCone[0]).toMatch(new RegExp(`^${cone.ip}:\\d+$`));
    expect(fromCone[1]).toBe(fromCone[0]);
    const fromSymmetric = await ask(c, ...both);
    for (const seen of fromSymmetric) expect(seen).toMatch(new RegExp(`^${symmetric.ip}:\\d+$`));
    expect(fromSymmetric[1]).not.toBe(fromSymmetric[0]);
    const overSix = await ask(a, `[${server.ip6}]:3478`, `[${server.ip6}]:3479`);
    expect(overSix[0]).toMatch(new RegExp(`^\\[${a.ip6}\\]:\\d+$`));
    expect(overSix[1]).toBe(overSix[0]);
  });

  it('an answer from the other port passes no NAT that filters by port, and reaches a host without one', async () => {
    await coordinator();
    expect(await ask(a, '--change-port', `${server.ip}:3478`)).toEqual([null]);
    const [seen] = await ask(server, '--change-port', `${server.ip}:3478`);
    expect(seen).toMatch(new RegExp(`^${server.ip}:\\d+$`));
  });

  it('SEC-23: clients of others get nothing, for their requests are shorter than the answers', async () => {
    await coordinator();
    const coturn = a.spawn('turnutils_stunclient', ['-p', '3478', server.ip]);
    const debian = a.spawn('stun', [`${server.ip}:3478`, '1', '-v']);
    running.push(coturn, debian);
    await debian.waitForOutput(/About to send msg of len 28/);
    // What is asked later in the right way is answered.
    for (let i = 0; i < 3; i++) expect(await ask(a, `${server.ip}:3478`)).not.toContain(null);
    expect(coturn.output).not.toContain('reflexive');
    expect(debian.output).not.toContain(cone.ip);
    expect([coturn.running, debian.running]).toEqual([true, true]);
  });

  it('clients of others learn their address from a coordinator with --stun-public', async () => {
    await coordinator('--stun-public');
    const coturn = await a.runOk('turnutils_stunclient', ['-p', '3478', server.ip]);
    expect(coturn).toMatch(new RegExp(`UDP reflexive addr: ${cone.ip}:\\d+`));
    const six = await a.runOk('turnutils_stunclient', ['-p', '3478', server.ip6]);
    expect(six).toContain(`UDP reflexive addr: ${a.ip6}`);
    const { stdout, stderr } = await a.run('stun', [`${server.ip}:3478`, '1', '-v']);
    expect(stdout + stderr).toMatch(new RegExp(`mappedAddr=${cone.ip}:\\d+`));
  });

  it("the agent's messages are understood by coturn, and coturn's by the agent", async () => {
    const folder = lab.directory('coturn');
    const flags = ['-n', '-S', '--no-cli', '--no-tls', '--no-dtls', '--log-file', 'stdout', '-p', '3478'];
    running.push(
      server.spawn('turnserver', [
        ...flags,
        '--pidfile',
        join(folder, 'pid'),
        '-L',
        server.ip,
        '-L',
        server.ip6,
      ]),
    );
    const asked = async (endpoint: string) =>
      waitFor('an answer of coturn', async () => (await ask(a, endpoint))[0]);
    expect(await asked(`${server.ip}:3478`)).toMatch(new RegExp(`^${cone.ip}:\\d+$`));
    expect(await asked(`[${server.ip6}]:3478`)).toMatch(new RegExp(`^\\[${a.ip6}\\]:\\d+$`));
  });
});
