import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { WarrenError } from '../../shared/errors.ts';
import { type JoinToken, parseJoinToken } from '../../shared/join-token.ts';
import { keyToBase64 } from '../../shared/key.ts';
import { x25519KeyPair } from '../../shared/key-proof.ts';
import { createLogger } from '../../shared/log.ts';
import type { LogLevel } from '../../shared/log-levels.ts';
import { enrol } from '../control/enrol.ts';
import { exitChoice, isExitItself } from '../exit-keeper.ts';
import { removeExitLeftovers } from '../host/exit-use.ts';
import { restoreHostResolver } from '../host/host-resolver.ts';
import { removeLeftovers } from '../host/leftovers.ts';
import { checkPrivileges } from '../host/privileges.ts';
import { releaseStartupPages } from '../host/startup-pages.ts';
import type { Identity, Settings } from '../state/records.ts';
import { State } from '../state/state.ts';
import type { DriverName } from '../tunnel/commands.ts';
import type { AdvertisedRoutes } from './advertised-routes.ts';
import { runDaemon } from './run-daemon.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

export interface JoinOptions {
  state: string;
  tokenFile?: string;
  unlessJoined: boolean;
  interface: string;
  hostname?: string;
  listenPort: number;
  mtu: number;
  driver?: DriverName;
  workers?: number;
  advertiseRoutes?: AdvertisedRoutes;
  acceptRoutes: boolean;
  advertiseExitNode: boolean;
  exitNode?: string;
  exitNodeAllowLan?: 'true' | 'false';
  snat: 'true' | 'false';
  siteToSite: boolean;
  endpoint?: string[];
  stun?: { host: string; port: number }[];
  metrics?: { host: string; port: number } | null;
  acceptDns: boolean;
  segment: string[];
  bridge?: string;
  logLevel: LogLevel;
}

/** Makes this host a member of the mesh, and runs the agent. */
export async function join(argument: string | undefined, options: JoinOptions): Promise<void> {
  if (options.bridge !== undefined && options.segment.length !== 1) {
    throw new WarrenError('usage', '--bridge goes with one --segment');
  }
  if (exitChoice(options.exitNode) !== null && options.advertiseExitNode) throw isExitItself();
  const readToken = async () => parseJoinToken(await tokenText(argument, options.tokenFile));
  const token = options.unlessJoined ? null : await readToken();
  checkPrivileges();
  const log = createLogger(options.logLevel, 'agent');
  const state = State.open(options.state, { create: true });
  const lock = state.lock();
  // Nothing of the agent is on the host yet: there is nothing to take away.
  const quit = () => process.exit(0);
  for (const signal of SIGNALS) process.on(signal, quit);
  try {
    const known = state.identity();
    restoreHostResolver(options.state, log);
    // What a killed agent keeps in would keep this host from the coordinator too, if that is another one.
    const goesOn = known !== null && options.unlessJoined && exitChoice(options.exitNode) !== null;
    if (!goesOn) await removeExitLeftovers(options.interface, options.state);
    const before = state.settings();
    // A killed agent's rules let the mesh in by that other interface alone.
    if (before !== null && before.interfaceName !== options.interface)
      await removeLeftovers(before.interfaceName, options.state, before.mtu, log);
    releaseStartupPages();
    const identity =
      known !== null && options.unlessJoined
        ? known
        : await becomeMember(state, known, token ?? (await readToken()), options);
    // What enrolling took, gRPC and the making of a certificate request, before the tunnel takes its part.
    releaseStartupPages();
    const settings = settingsOf(options, state.settings()?.lastPort);
    state.saveSettings(settings);
    for (const signal of SIGNALS) process.off(signal, quit);
    await runDaemon(state, identity, settings, log);
  } finally {
    lock.release();
  }
}

/** Joins with the key that this host has, from being a member or from a try that was cut off, or else with a new one. */
async function becomeMember(
  state: State,
  known: Identity | null,
  token: JoinToken,
  options: JoinOptions,
): Promise<Identity> {
  const pin = Buffer.from(token.pin).toString('base64');
  if (known !== null && known.pin !== pin) {
    throw new WarrenError(
      'already-exists',
      `this host is a member of another network already (${options.state})`,
      {
        hint: 'leave it first with `bin/agent leave`, or give a folder of its own with --state',
      },
    );
  }
  const tried = state.joining();
  let privateKey = known?.privateKey ?? (tried?.pin === pin ? tried.privateKey : null);
  if (privateKey === null) {
    privateKey = keyToBase64((await x25519KeyPair()).privateKey);
    state.saveJoining({ version: 1, privateKey, pin });
  }
  const identity = await enrol({
    token,
    name: options.hostname,
    advertiseRoutes: options.advertiseRoutes?.routes ?? [],
    mappings: options.advertiseRoutes?.mappings ?? [],
    advertiseExitNode: options.advertiseExitNode,
    privateKey,
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  state.saveIdentity(identity);
  return identity;
}

function settingsOf(options: JoinOptions, lastPort: number | undefined): Settings {
  return {
    version: 1,
    interfaceName: options.interface,
    mtu: options.mtu,
    listenPort: options.listenPort,
    driver: options.driver ?? null,
    workers: options.workers ?? null,
    advertiseRoutes: options.advertiseRoutes?.routes ?? [],
    mappings: options.advertiseRoutes?.mappings ?? [],
    acceptRoutes: options.acceptRoutes,
    advertiseExitNode: options.advertiseExitNode,
    exitNode: exitChoice(options.exitNode),
    exitAllowLan: options.exitNodeAllowLan === 'true',
    acceptDns: options.acceptDns,
    snat: options.snat === 'true',
    siteToSite: options.siteToSite,
    endpoints: options.endpoint ?? [],
    stunServers: options.stun ?? [],
    metrics: options.metrics ?? null,
    segments: options.segment.map((name) => ({ name, bridge: options.bridge ?? null })),
    ...(lastPort === undefined ? {} : { lastPort }),
  };
}

async function tokenText(argument: string | undefined, file: string | undefined): Promise<string> {
  if ((argument === undefined) === (file === undefined)) {
    throw new WarrenError('usage', 'expected a token, either as the argument or by --token-file', {
      hint: 'get one with `coordinator token create`',
    });
  }
  if (argument !== undefined && argument !== '-') return argument;
  if (file === undefined || file === '-') return text(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new WarrenError(
      'usage',
      `the token file ${file} cannot be read: ${(cause as NodeJS.ErrnoException).code}`,
      {
        cause,
      },
    );
  }
}
