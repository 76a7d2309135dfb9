/** The admin page behind nginx, with the configuration that docs/deploying.md has, as a browser on another host reaches it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PASSPHRASE } from '../support/browser.ts';
import { TestCoordinator } from '../support/mesh.ts';
import { describeNeeds } from '../support/needs.ts';
import { Lab, type TestHost } from '../support/netns.ts';
import { runOk } from '../support/process.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/deploying.md');
const NAME = 'vpn.example.com';
const URL = `https://${NAME}`;

describeNeeds(['root', 'nginx', 'openssl', 'curl'], 'behind nginx', () => {
  const lab = new Lab();
  let coordinator: TestCoordinator;
  let desk: TestHost;
  let folder: string;

  beforeAll(async () => {
    const host = await lab.host('coord');
    desk = await lab.host('desk');
    await lab.link(host, ['192.0.2.1/24'], desk, ['192.0.2.7/24']);
    folder = lab.directory('nginx');
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    await runOk('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...[
        '-keyout',
        key,
        '-out',
        certificate,
        '-subj',
        `/CN=${NAME}`,
        '-addext',
        `subjectAltName=DNS:${NAME}`,
      ],
    ]);
    const server = /^ {4}server \{\n.*?\n {4}\}\n/ms.exec(readFileSync(DOCUMENT, 'utf8'))?.[0] as string;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/${name};\n`,
    );
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off;\npid ${folder}/pid;\nuser root;\nevents {}\nhttp {\naccess_log off;\n${temporary.join('')}` +
        `${server.replace(/\/etc\/ssl\/\S+\.key/, key).replace(/\/etc\/ssl\/\S+\.pem/, certificate)}}\n`,
    );
    coordinator = new TestCoordinator(host, lab.directory('coordinator'), [
      ...['--admin', '127.0.0.1:8080', '--admin-url', URL, '--trusted-proxy', '127.0.0.1'],
    ]);
    const nginx = host.spawn('nginx', ['-e', 'stderr', '-c', join(folder, 'nginx.conf')]);
    await coordinator.start();
    expect(nginx.running, nginx.output).toBe(true);
  });
  afterAll(() => lab.close());

  const flags = (...args: string[]) => {
    const jar = join(folder, 'cookies');
    const trust = ['--cacert', join(folder, 'certificate.pem'), '--resolve', `${NAME}:443:192.0.2.1`];
    return ['-sS', ...trust, '--cookie', jar, '--cookie-jar', jar, ...args];
  };
  const curl = (...args: string[]) => desk.runOk('curl', flags(...args));
  const OURS = ['-H', `Origin: ${URL}`];

  it('the link of the first run signs in, with cookies that are for TLS and this host alone', async () => {
    expect(await curl(`${URL}/healthz`)).toBe('ok\n');
    const link = (await coordinator.verb('admin', 'link')).trim();
    expect(link.startsWith(`${URL}/first-run?code=`)).toBe(true);
    const code = link.split('=')[1] as string;
    const fields = Object.entries({ code, name: 'ada', passphrase: PASSPHRASE, again: PASSPHRASE });
    const form = fields.flatMap(([name, value]) => ['--data-urlencode', `${name}=${value}`]);
    const refused = await curl('-i', '-H', 'Origin: https://evil.example', ...form, `${URL}/first-run`);
    expect(refused).toMatch(/^HTTP\/2 403/);
    const answer = await curl('-i', ...OURS, ...form, `${URL}/first-run`);
    expect(answer).toMatch(/^HTTP\/2 30\d/);
    expect(answer).toMatch(/^set-cookie: __Host-warren-session=.*; Secure/im);
    expect(await curl(`${URL}/api/v1/me`)).toContain('"ada"');
    expect(await curl('-H', 'Host: evil.example', `${URL}/`)).toMatch(/does not belong/);
  });

  it('what happens comes at once', async () => {
    const events = desk.spawn('curl', flags('-N', `${URL}/events`));
    await events.waitForOutput(/^retry: /m);
    await coordinator.token();
    await events.waitForOutput(/^event: changed$/m);
    await events.end();
  });

  it('the audit log has the address of who came, whatever he says of it, and a large backup gets through', async () => {
    const file = join(folder, 'large.db');
    writeFileSync(file, Buffer.alloc(3 << 20, 1));
    const answer = await curl(
      ...[...OURS, '-H', 'X-Forwarded-For: 203.0.113.66', '-H', 'Content-Type: application/octet-stream'],
      ...['--data-binary', `@${file}`, `${URL}/api/v1/backups/restore`],
    );
    expect(answer).toContain('the backup is damaged or not a database');
    expect(await coordinator.verb('audit', 'list')).toMatch(/ 192\.0\.2\.7 +backup\.restore .* refused/);
  });
});
