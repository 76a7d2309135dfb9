/**
 * The image that the Dockerfiles begin FROM, where no registry can be had: Debian by debootstrap, and the Node.js and npm of this
 * machine in it, with what npm needs to reach its registry here.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run, runOk } from './process.ts';

const ROOT = join(import.meta.dirname, '../..');
const SUITE = 'bookworm';
/** That of the FROM. */
export const BASE_IMAGE = `node:24-${SUITE}-slim`;
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';
/** What nobody reads in a container. */
const LEFT_OUT = ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'var/cache/apt', 'var/lib/apt/lists'];
const TIMEOUT = 240_000;

/** The image's files as a tar, made once and kept beside other caches. Takes half a minute the first time. */
export async function baseTar(): Promise<string> {
  const folder = join(ROOT, 'node_modules/.cache/warren-test');
  const tar = join(folder, `${SUITE}-node-${process.versions.node}.tar`);
  if (existsSync(tar)) return tar;
  mkdirSync(folder, { recursive: true });
  const root = mkdtempSync(join(tmpdir(), 'warren-test-base-'));
  try {
    await runOk('debootstrap', ['--variant=minbase', '--include=ca-certificates', SUITE, root], {
      timeout: TIMEOUT,
    });
    // As in Debian's own images: a file system that is thrown away when a build fails needs no fsync.
    writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/docker-apt-speedup'), 'force-unsafe-io\n');
    for (const path of LEFT_OUT) await rm(join(root, path), { recursive: true, force: true });
    await addNode(root);
    await runOk('tar', ['-C', root, '-cf', `${tar}.new`, '.'], { timeout: TIMEOUT });
    renameSync(`${tar}.new`, tar);
  } finally {
    rmSync(root, { recursive: true, force: true });
    rmSync(`${tar}.new`, { force: true });
  }
  return tar;
}

async function addNode(root: string): Promise<void> {
  const local = join(root, 'usr/local');
  await cp(process.execPath, join(local, 'bin/node'));
  const npm = await npmFolder();
  await cp(npm, join(local, 'lib/node_modules/npm'), { recursive: true });
  writeFileSync(
    join(local, 'bin/npm'),
    '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n',
    { mode: 0o755 },
  );
  const registry = (await runOk('npm', ['config', 'get', 'registry'])).trim();
  mkdirSync(join(local, 'etc'), { recursive: true });
  writeFileSync(join(local, 'etc/npmrc'), `registry=${registry}\ncafile=${AUTHORITIES}\n`);
  if (existsSync(AUTHORITIES)) writeFileSync(join(root, AUTHORITIES), readFileSync(AUTHORITIES));
}

/** Where the npm on PATH lies. */
export async function npmFolder(): Promise<string> {
  const { stdout } = await run('npm', ['root', '--global']);
  const folder = join(stdout.trim(), 'npm');
  if (existsSync(join(folder, 'bin/npm-cli.js'))) return folder;
  const execpath = process.env.npm_execpath;
  if (execpath?.endsWith('npm-cli.js')) return dirname(dirname(execpath));
  throw new Error('the folder of npm is not to be found');
}
