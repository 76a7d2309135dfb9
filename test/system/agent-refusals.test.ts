/**
 * What an agent that cannot start says: one line, the status of the contract, and nothing left behind.
 *
 *     coordinator 192.0.2.1      berlin 192.0.2.11      oslo 192.0.2.12
 *         └──────────────────────────┴──── wire ────────────┘
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatJoinToken, parseJoinToken } from '../../shared/join-token.ts';
import { AGENT, leftovers, meshOnOneSwitch, type TestAgent, type TestCoordinator } from '../support/mesh.ts';
import { describeNeedsRoot } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import type { RunResult } from '../support/process.ts';

/** One line on stderr besides progress, as `error: what, why; what to do`. */
function complaint({ stderr, stdout }: RunResult): string {
  expect(stdout).toBe('');
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('joining at '));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^error: /);
  return lines[0] as string;
}

describeNeedsRoot('an agent that cannot start', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let berlin: TestAgent;
  let oslo: TestAgent;

  beforeAll(async () => {
    // The smallest overlay there is, to be filled.
    const mesh = await meshOnOneSwitch(lab, ['berlin', 'oslo'], ['--network', '100.100.0.0/29']);
    ({ coordinator } = mesh);
    ({ berlin, oslo } = mesh.agents);
    await coordinator.start();
    await berlin.join(await coordinator.token(), '--listen-port', '51820');
  });

  afterAll(() => lab.close());

  const joinOslo = (token: string, ...flags: string[]) =>
    oslo.host.run(AGENT, ['join', '-', '--state', oslo.state, ...flags], { input: token, timeout: 60_000 });

  describe('wrong flags and values end with 2 and say what was expected', () => {
    it.each([
      [['join'], /expected a token/],
      [['join', 'warren1_x'], /this is not a join token/],
      [['join', 'hello', '--token-file', 'x'], /expected a token, either/],
      [['join', '--token-file', '/nowhere'], /token file \/nowhere cannot be read/],
      [['join', 'x', '--driver', 'fast'], /Allowed choices are linux, portable/],
      [['join', 'x', '--listen-port', '70000'], /expected a port from 0 to 65535/],
      [['join', 'x', '--mtu', '1279'], /expected a number from 1280/],
      [['join', 'x', '--interface', '../etc'], /expected an interface name/],
      [['join', 'x', '--interface', '-rf'], /expected an interface name/],
      [['join', 'x', '--interface', 'wg%d'], /expected an interface name/],
      [['join', 'x', '--advertise-routes', '10.0.0.0'], /expected a CIDR/],
      [['join', 'x', '--log-level', 'loud'], /Allowed choices are silent/],
      [['up', '--speed'], /unknown option '--speed'/],
      [['ping'], /missing required argument 'peer'/],
      [['ping', 'x', '-c', '0'], /expected a number from 1/],
      [['fly'], /unknown command 'fly'/],
    ])('%j', async (args, expected) => {
      const { status, stderr, stdout } = await oslo.host.run(AGENT, args, { input: '' });
      expect(stderr).toMatch(expected);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stdout).toBe('');
      expect(status).toBe(2);
    });

    it.each([['join'], ['up'], ['status'], ['ping'], ['netcheck'], ['leave'], ['tunnel']])(
      '%s --help shows an example',
      async (verb) => {
        const { status, stdout } = await oslo.host.run(AGENT, [verb, '--help']);
        expect(stdout).toMatch(/Examples?:\n {2}\S*\/bin\/agent/);
        expect(status).toBe(0);
      },
    );
  });

  describe('tokens and coordinators', () => {
    it.each<[string, () => Promise<string>]>([
      [
        'used up',
        async () => {
          const token = await coordinator.token();
          const state = join(lab.directory('used'), 'state');
          const first = oslo.host.spawn(
            AGENT,
            ['join', '-', '--state', state, '--interface', 'used0', '--hostname', 'user'],
            { input: token },
          );
          await first.waitForOutput(/^mesh is up$/m);
          await oslo.host.runOk(AGENT, ['leave', '--state', state]);
          expect(await first.exited).toBe(0);
          return token;
        },
      ],
      [
        'expired',
        () =>
          coordinator.token('--expires', '1s').then(async (token) => {
            await new Promise((resolve) => setTimeout(resolve, 1_100));
            return token;
          }),
      ],
      [
        'revoked',
        async () => {
          const token = await coordinator.token();
          const tokens = JSON.parse(await coordinator.verb('token', 'list', '--json')) as {
            id: string;
            state: string;
          }[];
          for (const { id, state } of tokens)
            if (state === 'good') await coordinator.verb('token', 'revoke', id);
          return token;
        },
      ],
      [
        'made up',
        async () =>
          formatJoinToken({ ...parseJoinToken(await coordinator.token()), secret: randomBytes(32) }),
      ],
    ])('SEC-1: a token that is %s: the same words, and no address is given', async (_kind, make) => {
      const result = await joinOslo(await make());
      expect(complaint(result)).toMatch(/^error: the token is not accepted/);
      expect(result.status).toBe(1);
      expect(JSON.parse(await coordinator.verb('nodes', 'list', '--json'))).toHaveLength(1);
      expect(existsSync(join(oslo.state, 'identity.json'))).toBe(false);
    });

    it("SEC-9: a coordinator whose certificate does not match the token's pin", async () => {
      const token = parseJoinToken(await coordinator.token());
      const pin = createHash('sha256').update('another').digest();
      const result = await joinOslo(formatJoinToken({ ...token, pin }));
      expect(complaint(result)).toMatch(/does not match the token's pin; .*get a new token/);
      expect(result.status).toBe(1);
    });

    it('a coordinator that cannot be reached; every URL is tried and told', async () => {
      const token = parseJoinToken(await coordinator.token());
      const urls = ['https://192.0.2.1:1', 'https://[2001:db8::1]:2'];
      const result = await joinOslo(formatJoinToken({ ...token, urls }));
      expect(result.stderr).toMatch(/192\.0\.2\.1:1 cannot be reached \(ECONNREFUSED\)/);
      expect(result.stderr).toMatch(/\[2001:db8::1\]:2 cannot be reached \(ECONNREFUSED\)/);
      expect(result.stderr).toMatch(/\nerror: .*cannot be reached.*; check that it runs/);
      expect(result.status).toBe(1);
    });

    it('the second URL serves when the first does not', async () => {
      const token = parseJoinToken(await coordinator.token());
      const urls = ['https://192.0.2.1:1', ...token.urls];
      const { stderr, status } = await joinOslo(formatJoinToken({ ...token, urls, secret: randomBytes(32) }));
      expect(stderr).toMatch(/cannot be reached[\s\S]*joining at [\s\S]*error: the token is not accepted/);
      expect(status).toBe(1);
    });
  });

  describe('this host', () => {
    it('has a network that overlaps the overlay', async () => {
      await oslo.host.ip('link add lan0 type bridge');
      await oslo.host.ip('address add 100.100.0.77/24 dev lan0');
      await oslo.host.ip('link set lan0 up');
      const result = await joinOslo(await coordinator.token());
      const line = complaint({ ...result, stdout: '' });
      expect(line).toMatch(
        /the mesh uses 100\.100\.0\.0\/29, which overlaps 100\.100\.0\.\S+ on lan0 of this host; /,
      );
      expect(result.status).toBe(1);
      expect(await leftovers(oslo)).toEqual([]);
      await oslo.host.ip('link delete lan0');
      // It has joined: what was in the way being gone, `up` is enough.
      await oslo.up();
      expect(await oslo.stop()).toBe(0);
    });

    it('may not make interfaces', async () => {
      const args = ['--bounding-set', '-net_admin', '--inh-caps', '-net_admin', AGENT];
      const result = await oslo.host.run('setpriv', [...args, 'up', '--state', oslo.state]);
      expect(complaint({ ...result, stdout: '' })).toBe(
        'error: not allowed to make network interfaces; run as root; in a container: --user root --cap-add NET_ADMIN',
      );
      expect(result.status).toBe(1);
    });

    it('has no /dev/net/tun', async () => {
      const script = 'mount -t tmpfs none /dev/net && exec "$@"';
      const result = await oslo.host.run('sh', ['-c', script, 'sh', AGENT, 'up', '--state', oslo.state]);
      expect(complaint({ ...result, stdout: '' })).toMatch(
        /^error: \/dev\/net\/tun is missing; .*modprobe tun/,
      );
      expect(result.status).toBe(1);
    });

    it('finds no room in the overlay', async () => {
      const token = await coordinator.token('--reusable');
      const join8 = Array.from({ length: 8 }, (_, index) => index);
      const results: string[] = [];
      for (const index of join8) {
        const state = join(lab.directory('full'), 'state');
        const args = ['join', '-', '--state', state, '--interface', `full${index}`];
        const child = oslo.host.spawn(AGENT, args, { input: token });
        await child.waitForOutput(/^mesh is up$|^error: .*/m);
        if (child.running) await child.end();
        results.push(/^error: .*/m.exec(child.stderr)?.[0] ?? 'joined');
        if (results.at(-1) !== 'joined') break;
      }
      expect(results.slice(0, -1).every((result) => result === 'joined')).toBe(true);
      expect(results.at(-1)).toMatch(/^error: the network has no address left for another node; /);
    });
  });

  describe('another agent', () => {
    it('runs on the same state', async () => {
      const result = await berlin.host.run(AGENT, ['up', '--state', berlin.state]);
      expect(complaint(result)).toMatch(/^error: another agent is running on .*--state$/);
      expect(result.status).toBe(1);
      expect((await berlin.status()).self.name).toBe('berlin');
    });

    it.each([
      ['interface', 'warren0', '0', /the network interface warren0 exists already/],
      ['port', 'warren1', '51820', /UDP port 51820 is taken/],
    ])('has the same %s', async (_what, interfaceName, port, expected) => {
      const copy = join(lab.directory('copy'), 'state');
      mkdirSync(copy, { mode: 0o700 });
      const settings = JSON.parse(readFileSync(join(oslo.state, 'settings.json'), 'utf8'));
      const changed = { ...settings, interfaceName, listenPort: Number(port) };
      writeFileSync(join(copy, 'settings.json'), JSON.stringify(changed), { mode: 0o600 });
      writeFileSync(join(copy, 'identity.json'), readFileSync(join(oslo.state, 'identity.json')), {
        mode: 0o600,
      });
      const result = await berlin.host.run(AGENT, ['up', '--state', copy]);
      expect(complaint({ ...result, stdout: '' })).toMatch(expected);
      expect(result.status).toBe(1);
      expect(await berlin.host.ip('-o link show')).not.toContain('warren1');
      expect((await berlin.status()).self.listenPort).toBe(51820);
    });
  });

  describe('its state folder', () => {
    const identityOf = (agent: TestAgent) => join(agent.state, 'identity.json');

    it.each([
      ['broken', '{"version":1,', /identity\.json is broken: /],
      ['foreign', '{"hello":"world"}', /identity\.json is not what it should be/],
      [
        'of a newer version',
        '{"version":2}',
        /identity\.json was written by a newer version of Warren; update/,
      ],
    ])('%s is refused and not overwritten', async (_kind, content, expected) => {
      const kept = readFileSync(identityOf(oslo));
      writeFileSync(identityOf(oslo), content);
      for (const result of [await oslo.run('up'), await joinOslo(await coordinator.token())]) {
        expect(complaint(result)).toMatch(expected);
        expect(result.status).toBe(1);
      }
      expect(readFileSync(identityOf(oslo), 'utf8')).toBe(content);
      writeFileSync(identityOf(oslo), kept);
    });

    it('SEC-61: open to others is refused', async () => {
      chmodSync(identityOf(oslo), 0o644);
      const file = await oslo.run('up');
      expect(complaint(file)).toMatch(/identity\.json is open to others than its owner; .*chmod 600/);
      chmodSync(identityOf(oslo), 0o600);
      chmodSync(oslo.state, 0o755);
      const folder = await oslo.run('up');
      expect(complaint(folder)).toMatch(/is open to others than its owner; .*chmod 700/);
      chmodSync(oslo.state, 0o700);
      expect([file.status, folder.status]).toEqual([1, 1]);
    });

    it('without an agent: status and ping say how to start one', async () => {
      for (const verb of [['status'], ['ping', 'berlin']]) {
        const result = await oslo.run(...verb);
        expect(complaint(result)).toMatch(
          /^error: no agent is running on .*; start it with: \S*\/bin\/agent up/,
        );
        expect(result.status).toBe(1);
      }
    });
  });
});
