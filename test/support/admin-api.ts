/** The HTTP API over a real store in a folder of its own, asked as somebody of any role. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { accountServices } from '../../coordinator/admin/accounts/services.ts';
import type { Actor, AdminEnvironment } from '../../coordinator/admin/actor.ts';
import { apiRoutes } from '../../coordinator/admin/api/routes.ts';
import type { AdminDependencies } from '../../coordinator/admin/dependencies.ts';
import { Backups } from '../../coordinator/backups.ts';
import { Metrics } from '../../coordinator/metrics.ts';
import { openStore } from '../../coordinator/store/open.ts';
import type { Store } from '../../coordinator/store/store.ts';
import { createLogger } from '../../shared/log.ts';
import { systemRandom } from '../../shared/random.ts';
import { aMesh } from './mesh-view.ts';
import { NOW } from './store.ts';

export const OWNER: Actor = {
  actor: 'admin:ada',
  source: '192.0.2.9',
  role: 'owner',
  userId: 'u1',
  userName: 'ada',
  apiKeyId: null,
  scopes: [],
};

/** Costs of hashing passphrases at which tests do not wait. */
export const CHEAP = { memory: 64, passes: 1, parallelism: 1 };

/** `folder` holds the store. */
export class ApiFixture {
  readonly folder: string;
  readonly store: Store;
  readonly app = new Hono<AdminEnvironment>();
  actor: Actor = OWNER;
  /** Of the coordinator. */
  now = NOW;
  /** How often the coordinator was to start anew. */
  restarts = 0;

  private constructor(folder: string, store: Store, changes: Partial<AdminDependencies>) {
    this.folder = folder;
    this.store = store;
    const clock = { monotonic: () => this.now - NOW, wall: () => this.now };
    this.app.use(async (context, next) => {
      context.set('actor', this.actor);
      context.set('session', null);
      context.set('confirmedUntil', Infinity);
      context.set('connection', { address: '192.0.2.9', isSecure: false });
      await next();
    });
    this.app.route(
      '/api/v1',
      apiRoutes({
        store,
        ...accountServices({ store, clock, sealingKey: new Uint8Array(32), cost: CHEAP }),
        trustedProxies: [],
        clock,
        log: createLogger('silent', 'test'),
        hostNames: [],
        metrics: new Metrics(),
        backups: {
          files: new Backups(folder, store, clock, systemRandom),
          restart: () => {
            this.restarts++;
          },
        },
        enrolment: () => ({ urls: ['https://192.0.2.1:8443'], pin: new Uint8Array(32) }),
        mesh: aMesh([], clock),
        ...changes,
      }),
    );
  }

  static async open(changes: Partial<AdminDependencies> = {}): Promise<ApiFixture> {
    const folder = mkdtempSync(join(tmpdir(), 'warren-api-'));
    return new ApiFixture(folder, await openStore({ dataDir: folder, initialise: {} }), changes);
  }

  /** An answer, with its body read as JSON where it is JSON. */
  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; headers: Headers; body: any; text: string }> {
    const answer = await this.app.request(`/api/v1${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      headers: {
        Host: '127.0.0.1:8080',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
    });
    const text = await answer.text();
    const isJson = (answer.headers.get('Content-Type') ?? '').includes('json') && text !== '';
    return {
      status: answer.status,
      headers: answer.headers,
      body: isJson ? JSON.parse(text) : undefined,
      text,
    };
  }

  async close(): Promise<void> {
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
