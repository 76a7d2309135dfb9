/** A PostgreSQL cluster of a test's own: in a temporary folder, on a Unix socket in it, as an unprivileged user. */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { runOk } from './process.ts';

const DEBIAN = '/usr/lib/postgresql';
const USER = 'warren';

/** The folder of the newest installed server's programs, or null. */
function serverPrograms(): string | null {
  if (!existsSync(DEBIAN)) return null;
  const versions = readdirSync(DEBIAN)
    .map(Number)
    .filter((version) => existsSync(join(DEBIAN, String(version), 'bin/initdb')));
  return versions.length === 0 ? null : join(DEBIAN, String(Math.max(...versions)), 'bin');
}

/** Who runs the server: it refuses root, and needs a name in the passwd file. */
function serverUser(): { uid: number; gid: number } | null {
  const uid = process.geteuid?.() ?? 0;
  if (uid !== 0) return { uid, gid: process.getegid?.() ?? uid };
  const id = (flag: string) => spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' });
  return id('-u').status === 0 ? { uid: Number(id('-u').stdout), gid: Number(id('-g').stdout) } : null;
}

/** `describe` where PostgreSQL is installed; elsewhere the suite is skipped and its name says why. */
export function describePostgres(name: string, body: () => void): void {
  const missing =
    serverPrograms() === null ? 'no postgresql' : serverUser() === null ? 'no user postgres' : null;
  if (missing === null) describe(name, body);
  else describe.skip(`${name} [left out: ${missing}]`, body);
}

export class PostgresCluster {
  readonly #folder: string;
  readonly #programs: string;
  readonly #owner: { uid: number; gid: number };
  #databases = 0;

  constructor() {
    this.#programs = serverPrograms() as string;
    this.#owner = serverUser() as { uid: number; gid: number };
    this.#folder = mkdtempSync(join(tmpdir(), 'warren-pg-'));
    chownSync(this.#folder, this.#owner.uid, this.#owner.gid);
  }

  static async create(): Promise<PostgresCluster> {
    const cluster = new PostgresCluster();
    const data = join(cluster.#folder, 'data');
    await cluster.#run('initdb', ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N']);
    await cluster.start();
    return cluster;
  }

  async start(): Promise<void> {
    // No TCP port: the socket lies in the cluster's folder, so clusters never meet.
    const options = `-c listen_addresses='' -c unix_socket_directories=${this.#folder} -c fsync=off`;
    await this.#control('start', ['-o', options, '-l', join(this.#folder, 'log')]);
  }

  /** Ends the server at once, as a crash or a failover would: connections break. */
  async stop(): Promise<void> {
    await this.#control('stop', ['-m', 'immediate']);
  }

  /** The URL of a new, empty database. */
  async createDatabase(): Promise<string> {
    const name = `warren_${++this.#databases}`;
    await this.#run('createdb', ['-h', this.#folder, '-U', USER, name]);
    return `postgres://${USER}@localhost/${name}?host=${encodeURIComponent(this.#folder)}`;
  }

  /** All of a database as text, as a thief of a backup would have it. */
  async dump(url: string): Promise<string> {
    const name = new URL(url).pathname.slice(1);
    return this.#run('pg_dump', ['-h', this.#folder, '-U', USER, name]);
  }

  async remove(): Promise<void> {
    await this.stop().catch(() => {});
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #control(verb: 'start' | 'stop', args: string[]): Promise<void> {
    await this.#run('pg_ctl', [verb, '-D', join(this.#folder, 'data'), '-w', '-s', ...args]);
  }

  #run(program: string, args: string[]) {
    return runOk(join(this.#programs, program), args, { ...this.#owner, cwd: this.#folder });
  }
}
