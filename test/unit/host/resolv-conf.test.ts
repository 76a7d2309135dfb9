import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownResolvConf, parseResolvConf } from '../../../agent/host/resolv-conf.ts';
import { ResolvConfFile } from '../../../agent/host/resolv-conf-file.ts';
import { asksResolved } from '../../../agent/host/systemd-resolved.ts';

describe('a resolv.conf', () => {
  it('is read as the resolver reads it', () => {
    const text =
      '# nameserver 192.0.2.1\n; x\nnameserver 192.0.2.53 # here\nnameserver fe80::1%eth0\nnameserver nonsense\ndomain a.example\nsearch b.example c.example\noptions ndots:2 rotate\noptions edns0\n';
    expect(parseResolvConf(text)).toEqual({
      nameservers: ['192.0.2.53', 'fe80::1%eth0'],
      search: ['b.example', 'c.example'],
      options: ['ndots:2', 'rotate', 'edns0'],
    });
  });

  it('of ours asks the agent alone, and looks short names up at home first', () => {
    const host = { nameservers: ['192.0.2.53'], search: ['a.example'], options: ['ndots:2', 'rotate'] };
    const own = ownResolvConf('127.0.0.87', 'warren', host, "Warren's agent of warren0");
    expect(own).toMatch(/^# Written by Warren's agent of warren0; /);
    expect(parseResolvConf(own)).toEqual({
      nameservers: ['127.0.0.87'],
      search: ['a.example', 'warren'],
      options: ['ndots:2'],
    });
    const many = { ...host, search: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] };
    expect(parseResolvConf(ownResolvConf('127.0.0.87', 'warren', many, 'x')).search.at(-1)).toBe('warren');
  });

  it.each([
    ['nameserver 127.0.0.53\n', true],
    ['nameserver 127.0.0.53\nnameserver 192.0.2.1\n', false],
    ['nameserver 192.0.2.1\n', false],
    ['', false],
  ])('%j leads to systemd-resolved: %s', (text, expected) => {
    expect(asksResolved(text)).toBe(expected);
  });
});

describe('the file', () => {
  let folder: string;
  let path: string;
  let backup: string;
  let file: ResolvConfFile;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'warren-resolv-'));
    path = join(folder, 'resolv.conf');
    backup = join(folder, 'backup.json');
    file = new ResolvConfFile(path, backup);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const text = () => readFileSync(path, 'utf8');
  /** Another program of this host, or this agent after a crash. */
  const successor = () => new ResolvConfFile(path, backup);

  it('comes back as it was, with its mode, and leaves nothing beside it', () => {
    writeFileSync(path, 'nameserver 192.0.2.1\n');
    chmodSync(path, 0o640);
    file.take('ours\n');
    expect([text(), file.isOurs, file.hostText()]).toEqual(['ours\n', true, 'nameserver 192.0.2.1\n']);
    file.take('ours, newer\n');
    expect([text(), file.hostText()]).toEqual(['ours, newer\n', 'nameserver 192.0.2.1\n']);
    expect(file.restore()).toBe(true);
    expect([text(), statSync(path).mode & 0o777]).toEqual(['nameserver 192.0.2.1\n', 0o640]);
    expect(readdirSync(folder)).toEqual(['resolv.conf']);
    expect(file.restore()).toBe(false);
  });

  it('SEC-47: comes back after a crash, also one between telling and writing, and one in the middle of writing', () => {
    for (const cut of [null, 'ours\n', 'ours, ne', '']) {
      writeFileSync(path, 'nameserver 192.0.2.1\n');
      file.take('ours\n');
      file.take('ours, newer\n');
      if (cut !== null) writeFileSync(path, cut);
      expect(successor().isOurs).toBe(true);
      expect(successor().hostText()).toBe('nameserver 192.0.2.1\n');
      expect(successor().restore()).toBe(true);
      expect(text()).toBe('nameserver 192.0.2.1\n');
    }
  });

  it('was a link: comes back as one, and what is behind it counts as it is now', () => {
    writeFileSync(join(folder, 'target'), 'nameserver 192.0.2.1\n');
    symlinkSync('target', path);
    file.take('ours\n');
    expect(lstatSync(path).isSymbolicLink()).toBe(false);
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('nameserver 192.0.2.1\n');
    writeFileSync(join(folder, 'target'), 'nameserver 192.0.2.2\n');
    expect(file.hostText()).toBe('nameserver 192.0.2.2\n');
    successor().restore();
    expect(readlinkSync(path)).toBe('target');
  });

  it.each(['dangling link', 'nothing'])('was a %s, and is so again', (kind) => {
    if (kind === 'dangling link') symlinkSync('nowhere', path);
    expect(file.hostText()).toBe('');
    file.take('ours\n');
    expect([text(), file.hostText()]).toEqual(['ours\n', '']);
    file.restore();
    expect(existsSync(path)).toBe(false);
    expect(lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false).toBe(
      kind === 'dangling link',
    );
  });

  it('that somebody else wrote meanwhile is not overwritten at the end', () => {
    writeFileSync(path, 'nameserver 192.0.2.1\n');
    file.take('ours\n');
    writeFileSync(join(folder, 'dhcp'), 'nameserver 192.0.2.2\n');
    renameSync(join(folder, 'dhcp'), path);
    expect([file.isOurs, file.hostText()]).toEqual([false, 'nameserver 192.0.2.2\n']);
    expect(file.restore()).toBe(false);
    expect(text()).toBe('nameserver 192.0.2.2\n');
    expect(existsSync(backup)).toBe(false);
  });

  it('that somebody else wrote and is taken again comes back as they wrote it', () => {
    writeFileSync(path, 'nameserver 192.0.2.1\n');
    file.take('ours\n');
    writeFileSync(path, 'nameserver 192.0.2.2\n');
    file.take('ours\n');
    expect(file.hostText()).toBe('nameserver 192.0.2.2\n');
    file.restore();
    expect(text()).toBe('nameserver 192.0.2.2\n');
  });

  it('is left alone by a backup that cannot be read', () => {
    writeFileSync(path, 'nameserver 192.0.2.1\n');
    writeFileSync(backup, '{"version":1');
    expect([file.isOurs, file.restore(), text()]).toEqual([false, false, 'nameserver 192.0.2.1\n']);
  });
});
