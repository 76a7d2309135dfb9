/** The web admin over a real store in a folder of its own, as browsers and programs would ask it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AccountServices, accountServices } from '../../coordinator/admin/accounts/services.ts';
import { adminApp } from '../../coordinator/admin/app.ts';
import type { AdminDependencies } from '../../coordinator/admin/dependencies.ts';
import type { OidcProvider } from '../../coordinator/admin/oidc/provider.ts';
import { Metrics } from '../../coordinator/metrics.ts';
import type { Role, UserRecord } from '../../coordinator/store/accounts/accounts.ts';
import { openStore } from '../../coordinator/store/open.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { createLogger } from '../../shared/log.ts';
import { parsePrefix } from '../../shared/prefix.ts';
import { CHEAP } from './admin-api.ts';
import { aMesh } from './mesh-view.ts';
import { NOW } from './store.ts';

export const PASSPHRASE = 'nine blue teapots';
const HOST = '127.0.0.1:8080';
/** A proxy that is believed. */
export const PROXY = '10.0.0.1';

export class AdminFixture {
  readonly folder: string;
  readonly store: Store;
  readonly services: AccountServices;
  readonly app: ReturnType<typeof adminApp>;
  /** Of the coordinator. */
  now = NOW;
  /** Where requests come from. */
  address = '192.0.2.7';

  private constructor(folder: string, store: Store, options: Options) {
    this.folder = folder;
    this.store = store;
    const clock = { monotonic: () => this.now - NOW, wall: () => this.now };
    this.services = accountServices({
      store,
      clock,
      sealingKey: new Uint8Array(32).fill(7),
      providers: options.providers ?? [],
      cost: CHEAP,
    });
    this.app = adminApp({
      ...this.services,
      store: options.wrap?.(store) ?? store,
      clock,
      log: createLogger('silent', 'test'),
      hostNames: ['vpn.example.com'],
      trustedProxies: [parsePrefix(PROXY)!],
      enrolment: () => ({ urls: ['https://192.0.2.1:8443'], pin: new Uint8Array(32) }),
      metrics: new Metrics(),
      backups: null,
      mesh: aMesh(),
      ...options.changes,
    });
  }

  static async open(options: Options = {}): Promise<AdminFixture> {
    const folder = mkdtempSync(join(tmpdir(), 'warren-admin-'));
    return new AdminFixture(folder, await openStore({ dataDir: folder, initialise: {} }), options);
  }

  ask(method: string, path: string, body: unknown, headers: Record<string, string>) {
    const isForm = typeof body === 'string';
    return this.app.request(
      path,
      {
        method,
        headers: {
          Host: HOST,
          ...(method === 'GET' ? {} : { Origin: `http://${HOST}` }),
          ...(body === undefined
            ? {}
            : { 'Content-Type': isForm ? 'application/x-www-form-urlencoded' : 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      },
      { incoming: { socket: { remoteAddress: this.address } } },
    );
  }

  get(path: string, headers: Record<string, string> = {}) {
    return this.ask('GET', path, undefined, headers);
  }

  /** A form as browsers send it; a value that is no string is sent as JSON. */
  post(path: string, body: Record<string, string> | string, headers: Record<string, string> = {}) {
    return this.ask('POST', path, typeof body === 'string' ? body : `${new URLSearchParams(body)}`, headers);
  }

  /** An account with `PASSPHRASE`. */
  async account(name = 'ada', role: Role = 'owner'): Promise<UserRecord> {
    return this.store.accounts.createUser(
      { name, displayName: name, role, passphraseHash: await this.services.passphrases.hash(PASSPHRASE) },
      { actor: 'cli', source: 'test', now: this.now, userId: null },
    );
  }

  /** The cookies of a new session of an account. */
  async signIn(name = 'ada', passphrase = PASSPHRASE): Promise<string> {
    const answer = await this.post('/sign-in', { name, passphrase });
    if (answer.status !== 303) throw new Error(`signing in as ${name}: ${answer.status}`);
    return cookieOf(answer);
  }

  async audited(action: string) {
    return (await this.store.listAudit({ limit: 1000 })).filter((row) => row.action === action);
  }

  async close(): Promise<void> {
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface Options {
  providers?: readonly OidcProvider[];
  /** What the pages see instead of the store. */
  wrap?: (store: Store) => Store;
  changes?: Partial<AdminDependencies>;
}

/** The cookies that an answer sets, as a browser sends them back. */
export function cookieOf(answer: Response): string {
  return answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}
