/**
 * The services under a systemd that is the first process of its host, with every restriction of their units: berlin has the
 * coordinator and an agent, oslo an agent that nobody looks after.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BOOT_NEEDS, BootedHost } from '../support/booted-host.ts';
import { capture } from '../support/capture.ts';
import { TestAgent } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab } from '../support/netns.ts';
import { waitFor } from '../support/wait-for.ts';

const BIN = '/opt/warren/bin';
const DATA = '/var/lib/warren-coordinator';
const AGENT = 'warren-agent';
const COORDINATOR = 'warren-coordinator';

describeNeeds([...BOOT_NEEDS, 'curl', 'tcpdump'], 'under systemd', () => {
  const lab = new Lab();
  let berlin: BootedHost;
  let oslo: TestAgent;

  beforeAll(async () => {
    const [host, other] = [await lab.host('berlin'), await lab.host('oslo')];
    await lab.link(host, ['192.0.2.1/24'], other, ['192.0.2.2/24']);
    oslo = new TestAgent(other, 'oslo', `${lab.directory('oslo')}/state`);
    berlin = await BootedHost.boot(lab, host);
  });
  afterAll(async () => {
    await berlin?.close();
    await lab.close();
  });

  const agent = (...args: string[]) => berlin.runOk(`${BIN}/agent`, args);
  const service = (...args: string[]) => berlin.runOk(`${BIN}/coordinator`, ['service', ...args]);
  const coordinator = (...args: string[]) => berlin.runOk(`${BIN}/coordinator`, [...args, '--data', DATA]);
  const token = async () => (await coordinator('token', 'create')).trim();
  const systemctl = (...args: string[]) => berlin.runOk('systemctl', args);
  const property = async (unit: string, name: string) =>
    (await systemctl('show', `--property=${name}`, '--value', unit)).trim();
  const said = (unit: string, pattern: RegExp) =>
    waitFor(`${unit} to say ${pattern}`, async () => pattern.exec(await berlin.journal(unit)));
  const reaches = (peer: string) =>
    waitFor(`berlin to reach ${peer} by name`, async () => {
      const { status } = await berlin.run('ping', ['-n', '-c1', '-W2', `${peer}.warren`]);
      return status === 0;
    });

  it('the coordinator runs as a user of its own, on port 443, and its verbs work as root beside it', async () => {
    await service('install', '--url', 'https://192.0.2.1:443', '--listen', '0.0.0.0:443');
    await said(COORDINATOR, /sign in: http:/);
    const status = await berlin.runOk('cat', [`/proc/${await property(COORDINATOR, 'MainPID')}/status`]);
    expect(status).toMatch(/^Uid:\t[1-9]\d+\t/m);
    // CAP_NET_BIND_SERVICE is 10.
    expect(status).toMatch(/^CapEff:\t0{13}400$/m);
    await oslo.join(await token(), '--advertise-exit-node');
    await coordinator('exit-nodes', 'approve', 'oslo');
    // For people: no JSON, and with the priorities of syslog.
    await said(COORDINATOR, /^a node joined .*name=oslo /m);
    expect(await berlin.journal(COORDINATOR, '--priority=warning')).not.toContain('a node joined');
  });

  it('an agent that has joined is a service from then on, and reaches others by name', async () => {
    const joining = berlin.spawn(`${BIN}/agent`, ['join', '-', '--hostname', 'berlin'], {
      input: await token(),
    });
    await joining.waitForOutput(/mesh is up/);
    const early = await berlin.run(`${BIN}/agent`, ['service', 'install']);
    expect(early).toMatchObject({
      stderr: expect.stringMatching(/^error: another agent is running/),
      status: 1,
    });
    await berlin.interrupt(joining);
    await agent('service', 'install');
    await reaches('oslo');
    await said(AGENT, /^mesh is up$/m);
    expect(await berlin.runOk('cat', ['/etc/resolv.conf'])).toContain('nameserver 127.0.0.87');
    // What the kernel is asked for as root, with the capabilities of the unit.
    const flags = ['--accept-routes', '--advertise-routes', '10.9.0.0/16'];
    const unit = `[Service]\nExecStart=\nExecStart=${BIN}/agent up ${flags.join(' ')}\n`;
    const folder = `/run/systemd/system/${AGENT}.service.d`;
    await berlin.runOk('sh', ['-c', `mkdir -p ${folder} && cat >${folder}/flags.conf`], { input: unit });
    await systemctl('daemon-reload');
    await systemctl('restart', AGENT);
    await waitFor('the offer', async () => (await coordinator('routes', 'list')).includes('10.9.0.0/16'));
    await coordinator('routes', 'approve', 'berlin', '10.9.0.0/16');
    await waitFor('forwarding', async () =>
      (await berlin.runOk('nft', ['list', 'tables'])).includes('warren-forward-warren0'),
    );
    expect(await berlin.runOk('sysctl', ['-n', 'net.ipv4.ip_forward'])).toBe('1\n');
    expect(await berlin.journal(AGENT)).not.toMatch(/EPERM|EACCES|EROFS|not permitted|denied/);
  });

  it('SEC-47: both are started again when they were killed', async () => {
    for (const unit of [AGENT, COORDINATOR]) {
      const before = await property(unit, 'MainPID');
      await systemctl('kill', '--signal=SIGKILL', unit);
      await waitFor(`${unit} to be started`, async () => {
        const [pid, state] = [await property(unit, 'MainPID'), await property(unit, 'ActiveState')];
        return state === 'active' && pid !== '0' && pid !== before;
      });
    }
    await reaches('oslo');
  });

  it('a backup that root restores is the service’s own', async () => {
    await coordinator('backup', 'create', '/root/backup.db');
    await berlin.runOk('cp', [`${DATA}/accounts.key`, '/root/accounts.key']);
    await systemctl('stop', COORDINATOR);
    await berlin.runOk('rm', [`${DATA}/accounts.key`]);
    await berlin.runOk('cp', ['/root/accounts.key', DATA]);
    await coordinator('backup', 'restore', '/root/backup.db');
    await systemctl('start', COORDINATOR);
    await waitFor('it to serve', async () => {
      const { status } = await berlin.run('curl', ['-sf', 'http://127.0.0.1:8080/readyz']);
      return status === 0;
    });
    expect(await property(COORDINATOR, 'NRestarts')).toBe('0');
    await waitFor('oslo to be back', async () =>
      /^oslo .*connected/m.test(await coordinator('nodes', 'list')),
    );
  });

  it('SEC-41: the host starts anew and is in the mesh, and nothing leaves past the exit node from the first moment to the last', async () => {
    await berlin.host.ip('route add 203.0.113.0/24 via 192.0.2.2');
    const seen = await capture(lab, oslo.host, 'eth0', 'icmp and dst net 203.0.113.0/24');
    // Speaks before the agent starts and when it has been stopped.
    const ping = (address: string) => `-ping -n -c1 -W1 ${address}`;
    const talker = `[Unit]
DefaultDependencies=no
After=network-pre.target
Before=${AGENT}.service shutdown.target
Conflicts=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${ping('203.0.113.1')}
ExecStop=${ping('203.0.113.2')}
[Install]
WantedBy=multi-user.target
`;
    await berlin.runOk('tee', ['/etc/systemd/system/talker.service'], { input: talker });
    await systemctl('enable', '--now', 'talker');
    await agent('exit-node', 'use', 'oslo');
    await berlin.reboot();
    await reaches('oslo');
    expect(await systemctl('show', '--property=ActiveState', 'talker')).toBe('ActiveState=active\n');
    expect(await agent('exit-node', 'list')).toMatch(/^oslo .* chosen$/m);
    await agent('exit-node', 'off');
    await berlin.runOk('ping', ['-n', '-c1', '-W1', '203.0.113.3']).catch(() => {});
    // Nor did it wait for oslo, which it could not reach any more, to hang up.
    expect(await berlin.journal(COORDINATOR)).not.toContain('stop-sigterm');
    const packets = await seen.stop((all) => all.length > 1);
    const targets = packets.map((packet) => packet.subarray(16, 20).join('.'));
    // When it was enabled, and at the end.
    expect(targets).toEqual(['203.0.113.1', '203.0.113.3']);
    expect(await systemctl('list-units', '--failed', '--plain', '--no-legend')).toBe('');
  });

  it('uninstall leaves what they keep, and nothing else', async () => {
    expect(await agent('service', 'uninstall')).toBe(`${AGENT} is stopped and gone\n`);
    expect(await service('uninstall')).toBe(`${COORDINATOR} is stopped and gone\n`);
    expect(await berlin.run('systemctl', ['cat', AGENT, COORDINATOR])).toMatchObject({ stdout: '' });
    expect(await berlin.runOk('find', ['/etc/systemd/system', '-name', '*warren*'])).toBe('');
    expect(await berlin.runOk('ip', ['-o', 'link'])).not.toContain('warren');
    expect(await berlin.runOk('nft', ['list', 'tables'])).toBe('');
    expect(await berlin.runOk('cat', ['/etc/resolv.conf'])).toBe('');
    expect(await berlin.runOk('ls', ['/var/lib/warren', DATA])).toMatch(/identity\.json[\s\S]*warren\.db\n/);
  });
});
