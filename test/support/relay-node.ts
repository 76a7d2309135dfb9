/**
 * A node that talks by relay and by nothing else, with what the agent does it by: joins with the token in a file, connects to
 * every relay of its map, takes the nearest as its home, and twenty times a second sends a number to another node, which sends
 * it back. Prints `home ID`, and `N via ID` for each number that came back.
 *
 *     relay-node.ts TOKEN-FILE OWN-NAME OTHER-NAME
 */
import { readFileSync } from 'node:fs';
import { enrol } from '../../agent/control/enrol.ts';
import { SyncClient } from '../../agent/control/sync-client.ts';
import type { NetworkMap } from '../../agent/mesh/network-map.ts';
import { chooseHome } from '../../agent/relay/choose-home.ts';
import { RelayClient } from '../../agent/relay/client.ts';
import { systemClock } from '../../shared/clock.ts';
import { parseJoinToken } from '../../shared/join-token.ts';
import { keyToBase64 } from '../../shared/key.ts';
import { x25519KeyPair } from '../../shared/key-proof.ts';
import { createLogger } from '../../shared/log.ts';
import { syncOptions } from './sync-options.ts';

const [, , tokenFile, ownName, otherName] = process.argv as [string, string, string, string, string];
const say = (text: string) => process.stdout.write(`${text}\n`);
const log = createLogger('warn', ownName);
const identity = await enrol({
  token: parseJoinToken(readFileSync(tokenFile, 'utf8').trim()),
  name: ownName,
  advertiseRoutes: [],
  mappings: [],
  advertiseExitNode: false,
  privateKey: keyToBase64((await x25519KeyPair()).privateKey),
  progress: () => {},
});
const clients = new Map<string, RelayClient>();
let map: NetworkMap | null = null;
let home: string | null = null;

function onMap(newer: NetworkMap): void {
  map = newer;
  for (const relay of newer.self.relays) {
    if (clients.has(relay.id)) continue;
    const client = new RelayClient(
      { ...relay, authority: Buffer.from(identity.caCertificate, 'base64') },
      () => ({
        certificate: Buffer.from(identity.certificate, 'base64'),
        privateKey: identity.certificateKey,
      }),
      systemClock,
      log,
      {
        onDatagram: (from, bytes) => {
          const text = Buffer.from(bytes).toString();
          if (text.startsWith('>')) client.send(from, Buffer.from(`<${text.slice(1)}`));
          else say(`${text.slice(1)} via ${relay.id}`);
        },
        onState: (state) => say(`${relay.id} is ${state}`),
        onPeerGone: () => {},
        onUnsent: () => {},
      },
    );
    clients.set(relay.id, client);
    client.start();
  }
}

const sync = new SyncClient(
  syncOptions(() => identity, log),
  {
    onMap,
    onConnected: () => {},
    onWatch: () => {},
    onRefused: (error) => say(`refused: ${error.message}`),
    onIdentity: () => {},
  },
);
sync.start();

let number = 0;
const timer = setInterval(() => {
  const relays = [...clients.values()].map(({ target, latency }) => ({ id: target.id, latency }));
  const chosen = chooseHome(home, relays);
  if (chosen !== home) say(`home ${chosen}`);
  home = chosen;
  const other = map?.peers.find(({ name }) => name === otherName);
  if (home !== null && other !== undefined)
    clients.get(home)?.send(other.nodeId, Buffer.from(`>${number++}`));
}, 50);

process.once('SIGTERM', () => {
  clearInterval(timer);
  sync.close();
  for (const client of clients.values()) client.close();
});
