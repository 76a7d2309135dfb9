import { systemClock } from '../shared/clock.ts';
import { formatEndpoint } from '../shared/endpoint.ts';
import { WarrenError } from '../shared/errors.ts';
import { parseIp } from '../shared/ip.ts';
import type { JoinToken } from '../shared/join-token.ts';
import type { Logger } from '../shared/log.ts';
import { stunServersAt } from './network/relay-facts.ts';
import { enrolRelay, tokenHash } from './relay/enrol-relay.ts';
import { relayRates } from './relay/own-relay.ts';
import { type RelayIdentity, readRelayIdentity, writeRelayIdentity } from './relay/relay-identity.ts';
import { serveRelay } from './relay/serve-relay.ts';
import type { RelayFacts } from './store/contract/relays.ts';
import { ensurePrivateFolder } from './store/private-folder.ts';
import { type StunOptions, type StunServer, serveStun } from './stun/serve-stun.ts';
import { derivedUrls } from './urls.ts';

export interface RelayOptions {
  folder: string;
  listen: { host: string; port: number };
  /** Needed where the folder has no relay yet. */
  token: JoinToken | null;
  /** Derived from `listen` where not given. */
  urls: readonly string[] | undefined;
  /** For people. */
  name: string;
  /** Null: no STUN. */
  stun: Pick<StunOptions, 'listen' | 'alternatePort' | 'isPublic'> | null;
  relayMbits: number;
  log: Logger;
}

/** A relay on a host of its own from start to SIGTERM or SIGINT. Throws when its coordinator takes it out of the network. */
export async function runRelay(options: RelayOptions): Promise<void> {
  const { folder, listen, log } = options;
  const clock = systemClock;
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  ensurePrivateFolder(folder);
  const closers: (() => Promise<void>)[] = [];
  try {
    const stun = options.stun === null ? null : await serveStun({ ...options.stun, clock, log });
    if (stun !== null) closers.push(() => stun.close());
    const facts = (port: number) => factsOf(options, stun, port);
    if (listen.port === 0 && options.urls === undefined) {
      throw new WarrenError('usage', 'a relay without --url needs a port of its own in --listen');
    }
    const identity = await ownIdentity(options, facts(listen.port));
    let refuse: (error: WarrenError) => void = () => {};
    const refused = new Promise<never>((_resolve, reject) => {
      refuse = reject;
    });
    refused.catch(() => {});
    const relay = await serveRelay({
      identity,
      listen,
      facts,
      rates: relayRates(options.relayMbits),
      clock,
      log,
      folder,
      onIdentity: (renewed) => writeRelayIdentity(folder, renewed),
      onRefused: refuse,
    });
    closers.push(() => relay.close());
    process.stdout.write(
      [
        'relay ready',
        `  agents:  ${facts(relay.port).urls.join(' ')}`,
        ...(stun?.addresses ?? []).map(
          ({ host, port, alternatePort }) => `  stun:    ${address(host, port)} and ${alternatePort}`,
        ),
        '',
      ].join('\n'),
    );
    log.info({ signal: await Promise.race([stopped, refused]) }, 'stopping');
  } finally {
    for (const close of closers.reverse()) {
      await close().catch((error: unknown) => log.error({ err: error }, 'a part did not stop cleanly'));
    }
  }
}

/** What this relay was enrolled as, or is now, if it was not or was given another token. */
async function ownIdentity(options: RelayOptions, facts: RelayFacts): Promise<RelayIdentity> {
  const { folder, token } = options;
  const known = readRelayIdentity(folder);
  if (known !== null && (token === null || known.tokenHash === tokenHash(token))) return known;
  if (token === null) {
    throw new WarrenError('not-found', `${folder} holds no relay yet`, {
      hint: 'give --token FILE with what `coordinator token create --relay` printed',
    });
  }
  const identity = await enrolRelay(token, facts);
  writeRelayIdentity(folder, identity);
  return identity;
}

function factsOf(options: RelayOptions, stun: StunServer | null, port: number): RelayFacts {
  const urls = options.urls ?? derivedUrls(options.listen.host, port);
  return { name: options.name, urls, stunServers: stunServersAt(urls, stun?.addresses ?? []) };
}

function address(host: string, port: number): string {
  const bytes = parseIp(host);
  return bytes === null ? `${host}:${port}` : formatEndpoint({ address: bytes, port });
}
