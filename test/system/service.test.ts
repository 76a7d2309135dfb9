/** The services that `service install` makes, as systemd's own tools judge them. */
import { existsSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { guardUnit } from '../../agent/cli/guard-unit.ts';
import { agentUnit } from '../../agent/cli/run-service.ts';
import { coordinatorUnit } from '../../coordinator/service-unit.ts';
import type { SystemdUnit } from '../../shared/systemd-unit.ts';
import { AGENT, COORDINATOR } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { run } from '../support/process.ts';

const lab = new Lab();
afterAll(() => lab.close());

const DATA = '/var/lib/warren-coordinator';
const FLAGS = ['--url', 'https://vpn.example.com:8443'];
const coordinator = () => coordinatorUnit('/bin/true', '/bin/true', DATA, FLAGS);
const agent = () => agentUnit('/bin/true', '/bin/true', '/var/lib/my mesh');

function written(unit: SystemdUnit): string {
  const path = join(lab.directory('unit'), `${unit.name}.service`);
  writeFileSync(path, unit.text);
  return path;
}

describeNeeds(['systemd-analyze'], 'the unit', () => {
  it.each([
    ['of the coordinator', coordinator, 2],
    ['of the agent, which changes interfaces, routes and resolv.conf', agent, 3.9],
  ])('%s is exposed to at most what is said here, out of ten', async (_, unit, most) => {
    const path = written(unit());
    const { stdout } = await run('systemd-analyze', ['security', '--offline=true', '--no-pager', path]);
    const level = Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
    expect(level).toBeLessThanOrEqual(most);
  });

  it.each([
    ['coordinator', coordinator],
    ['agent', agent],
    ['guard', () => guardUnit('/var/lib/my mesh')],
  ])('of the %s has no word that systemd does not know', async (_, unit) => {
    const path = written(unit());
    const { stderr } = await run('systemd-analyze', ['verify', '--man=false', '--recursive-errors=no', path]);
    expect(stderr.split('\n').filter((line) => line.includes(basename(path)))).toEqual([]);
  });
});

describe('service install', () => {
  it('--dry-run prints the unit with the paths of this installation, and changes nothing', async () => {
    const state = '/var/lib/my mesh';
    const ours = await run(AGENT, ['service', 'install', '--dry-run', '--state', state]);
    expect(ours.stdout).toContain(`ExecStart=${AGENT} up --state "${state}"\n`);
    expect(ours.stdout).toContain(`Environment=WARREN_NODE=${process.execPath}\n`);
    expect(ours.status).toBe(0);
    const text = coordinatorUnit('/opt/warren/bin/coordinator', '/usr/bin/node', DATA, FLAGS).text;
    expect(text).toContain(
      `ExecStart=/opt/warren/bin/coordinator serve --data ${DATA} --url https://vpn.example.com:8443\n`,
    );
    expect(text).toContain('StateDirectory=warren-coordinator\n');
  });

  it('a port below 1024 comes with the capability for it, and only that', () => {
    const capabilities = (listen: string) =>
      /^CapabilityBoundingSet=(.*)$/m.exec(
        coordinatorUnit('/bin/true', '/bin/true', DATA, ['--listen', listen]).text,
      )?.[1];
    expect(capabilities('0.0.0.0:443')).toBe('CAP_NET_BIND_SERVICE');
    expect(capabilities('0.0.0.0:8443')).toBe('');
  });

  it.each([
    ['/srv/warren', '/opt/warren/bin/coordinator', /below \/var\/lib/],
    ['/var/lib/../../etc', '/opt/warren/bin/coordinator', /below \/var\/lib/],
    [DATA, '/root/warren/bin/coordinator', /lies in a home folder/],
  ])('data in %s, program at %s: refused', (data, program, message) => {
    expect(() => coordinatorUnit(program, '/usr/bin/node', data, [])).toThrow(message);
  });

  it.skipIf(existsSync('/run/systemd/system'))(
    'where systemd does not run it says so, and what to do',
    async () => {
      const missing = 'error: this host is not run by systemd;';
      const install = await run(COORDINATOR, ['service', 'install']);
      expect(install.stderr).toMatch(new RegExp(`^${missing} print the unit with --dry-run.*\n$`));
      expect(install.status).toBe(1);
      for (const program of [AGENT, COORDINATOR]) {
        const { stderr, status } = await run(program, ['service', 'uninstall']);
        expect(stderr).toBe(`${missing} there is no service of it to take away\n`);
        expect(status).toBe(1);
      }
    },
  );
});
