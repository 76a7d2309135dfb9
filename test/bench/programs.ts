/** The programs of other projects that are measured: where they are, and which version. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../support/needs.ts';
import { run, runOk } from '../support/process.ts';

export interface Program {
  /** Path or name of the executable. */
  file: string;
  version: string;
}

/** Why a program cannot be had. */
export class NotToBeHad extends Error {}

/** Debian releases that have a newer wireguard-go and nebula than the machine may have: 14, in the making, and 13. */
export const RELEASES = ['forky', 'trixie'] as const;

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/warren-bench');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The installed program. `askVersion` is for where it is of no Debian package. */
export async function installed(file: string, debian: string, askVersion: string[]): Promise<Program> {
  const { stdout, status } = await run('dpkg-query', ['--show', debian]);
  const path = file.includes('/') ? file : findProgram(file);
  if (path === null) throw new NotToBeHad(`no program ${file} here (Debian package ${debian})`);
  const packaged = stdout.split('\t')[1]?.trim(); // Debian's wireguard-go does not know its version itself
  if (status === 0 && packaged && path.startsWith('/usr/') && !path.startsWith('/usr/local/'))
    return { file: path, version: packaged };
  const said = await run(path, askVersion);
  return { file: path, version: /\d+\.\S+/.exec(`${said.stdout}${said.stderr}`)?.[0] ?? 'unknown' };
}

/** A program of another Debian release than this machine's, if it runs here. */
export async function unpacked(
  file: string,
  debian: string,
  release: string,
  askVersion: string[],
): Promise<Program> {
  const { folder, version } = await unpackedPackage(debian, release);
  const path = join(folder, 'usr/bin', file);
  const { status, stdout, stderr } = await run(path, askVersion);
  if (status === 0) return { file: path, version };
  throw new NotToBeHad(`${debian} of Debian ${release} does not run here: ${`${stdout}${stderr}`.trim()}`);
}

/**
 * The folder with a package's content, which is unpacked under node_modules/.cache and not installed; apt keeps its lists
 * there as well, so that the machine's apt stays as it is. Used again when there; remove it to look for a newer one.
 */
export async function unpackedPackage(
  debian: string,
  release: string,
): Promise<{ folder: string; version: string }> {
  const folder = join(CACHE, release, debian);
  const versionFile = join(folder, 'version');
  if (!existsSync(versionFile)) await unpack(debian, release, folder);
  return { folder, version: readFileSync(versionFile, 'utf8') };
}

/** Puts the content of a package, and its version in the file `version`, into `folder`, which appears when complete. */
async function unpack(debian: string, release: string, folder: string): Promise<void> {
  const work = `${folder}.part`;
  rmSync(work, { recursive: true, force: true });
  for (const part of ['lists/partial', 'cache/archives/partial', 'none', 'tree'])
    mkdirSync(join(work, part), { recursive: true });
  try {
    writeFileSync(
      join(work, 'sources.list'),
      `deb [signed-by=${KEYRING}] ${await mirror()} ${release} main\n`,
    );
    const options = [
      `Dir::Etc::sourcelist=${join(work, 'sources.list')}`,
      `Dir::Etc::sourceparts=${join(work, 'none')}`,
      `Dir::Etc::preferencesparts=${join(work, 'none')}`,
      `Dir::State::lists=${join(work, 'lists')}`,
      `Dir::Cache=${join(work, 'cache')}`,
      'APT::Sandbox::User=root', // the folder is this user's, who need not be one whom _apt may read from
    ].flatMap((option) => ['-o', option]);
    const apt = (...args: string[]) =>
      runOk('apt-get', ['-qq', ...options, ...args], { cwd: work, timeout: 180_000 });
    await apt('update');
    await apt('download', debian);
    const archive = readdirSync(work).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw new NotToBeHad(`apt-get download ${debian} brought no package`);
    await runOk('dpkg-deb', ['--extract', join(work, archive), join(work, 'tree')]);
    const version = await runOk('dpkg-deb', ['--field', join(work, archive), 'Version']);
    writeFileSync(join(work, 'tree/version'), version.trim());
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(work, 'tree'), folder);
  } catch (error) {
    if (error instanceof NotToBeHad) throw error;
    // apt's own errors, without the long command line before them.
    const { message } = error as Error;
    const said = message.split('\n').find((line) => line.includes('E: ')) ?? message.replace(/\s+/g, ' ');
    throw new NotToBeHad(`${debian} of Debian ${release}: ${said.replace(/^.*E: /, '')}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Where this machine's apt gets Debian from: a mirror has all releases. */
async function mirror(): Promise<string> {
  const format = ['--format', '$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)'];
  const lines = (await runOk('apt-get', ['indextargets', ...format, 'Created-By: Packages'])).split('\n');
  // Not the suites bookworm-updates and bookworm-security: the latter is another archive.
  const uri = lines.map((line) => /^Debian main [a-z]+ (\S+)$/.exec(line)?.[1]).find((found) => found);
  if (uri === undefined) throw new NotToBeHad('apt has no Debian archive among its sources');
  return uri;
}
