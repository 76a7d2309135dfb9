import { Command } from 'commander';
import { printJson } from '../../shared/print-json.ts';
import { asCalled } from '../../shared/program-name.ts';
import { textTable } from '../../shared/text-table.ts';
import { pathWords } from '../path-words.ts';
import type { PeerStatus, Status } from '../status.ts';
import { bytesText } from './bytes-text.ts';
import { exitWords } from './exit-words.ts';
import { withState } from './options.ts';

/** `bin/agent status`: what the running agent knows. */
export function statusCommand(): Command {
  return withState(new Command('status'))
    .description('who is in the mesh, and by which path')
    .option('--json', 'for programs', false)
    .addHelpText('after', '\nExample:\n  bin/agent status --json | jq .peers')
    .action(async (options: { state: string; json: boolean }) => {
      const [{ askAgent }, { agentSocket }] = await Promise.all([
        import('../local-api/client.ts'),
        import('./agent-socket.ts'),
      ]);
      const status = await askAgent<Status>(agentSocket(options.state), 'status');
      if (options.json) printJson(status);
      else process.stdout.write(asCalled(statusText(status, Date.now())));
    });
}

function statusText({ self, peers }: Status, now: number): string {
  const head = [
    `${self.name}  ${self.addresses.join(' ')}`,
    `  interface ${self.interface}, UDP port ${self.listenPort}, driver ${self.driver}, cipher ${self.cipher}, workers ${self.workers}`,
    `  coordinator ${self.coordinator === 'connected' ? 'connected' : 'away: the last known map is in use'}`,
    `  endpoints ${self.endpoints.join(' ') || 'none'}`,
    `  NAT ${self.nat ?? 'not known: no STUN server was asked'}`,
    `  relay ${relayText(self.relays)}`,
    `  names ${namesText(self.names)}`,
    `  exit node ${exitText(self)}`,
    ...self.advertised.map((each) => `  offers ${advertisedText(each)}`),
    ...self.routes.map((each) => `  route ${routeText(each)}`),
    ...self.notices.map((notice) => `  note: ${notice}`),
    '',
  ].join('\n');
  if (peers.length === 0) return `${head}\nno peers yet\n`;
  const rows = peers.map((peer) => [
    peer.name,
    peer.addresses[0] ?? '',
    state(peer),
    path(peer),
    peer.latencyMs === null ? '-' : `${peer.latencyMs.toFixed(1)} ms`,
    peer.lastHandshake === null ? 'never' : ago(now - Date.parse(peer.lastHandshake)),
    bytesText(peer.rxBytes),
    bytesText(peer.txBytes),
  ]);
  const table = textTable(
    ['PEER', 'ADDRESS', 'STATE', 'PATH', 'LATENCY', 'HANDSHAKE', 'RECEIVED', 'SENT'],
    rows,
  );
  return `${head}\n${table}${explanations(peers, self, now)}`;
}

/** Of each peer that packets go to, by which way and why. */
function explanations(peers: readonly PeerStatus[], self: Status['self'], now: number): string {
  const lines = peers
    .filter(({ path, device }) => path !== 'none' || device)
    .flatMap((peer) => {
      const { path, advice } = pathWords(peer, self, now);
      return [`  ${peer.name}: ${path}`, ...(advice === null ? [] : [`    ${advice}`])];
    });
  return lines.length === 0 ? '' : `\nPaths:\n${lines.join('\n')}\n`;
}

function relayText(relays: Status['self']['relays']): string {
  const home = relays.find((relay) => relay.home);
  if (home === undefined) return relays.length === 0 ? 'none in this network' : 'none can be reached';
  return home.latencyMs === null ? home.id : `${home.id}, ${home.latencyMs.toFixed(1)} ms`;
}

function exitText({ exitNode, exitNodes }: Status['self']): string {
  if (exitNode !== null) return `${exitNode.name}, ${exitWords(exitNode)}`;
  const offered = exitNodes.map(({ name }) => name).join(', ');
  return offered === '' ? 'none' : `none; there are: ${offered}`;
}

function namesText(names: Status['self']['names']): string {
  if (names === null || names.address === null) return `are not answered: ${names?.reason ?? 'not started'}`;
  const where = `NAME.${names.zone} at ${names.address}`;
  return names.host === 'none'
    ? `${where}; this host does not ask there: ${names.reason}`
    : `${where}, by ${names.host}`;
}

function state({ online, device, via }: PeerStatus): string {
  if (device) return via === null && !online ? 'silent' : 'device';
  return online ? 'online' : 'offline';
}

function advertisedText({ route, sitePrefix, state }: Status['self']['advertised'][number]): string {
  return `${route}${sitePrefix === null ? '' : `, here ${sitePrefix}`}: ${state}`;
}

function routeText({ route, router, standIns, why }: Status['self']['routes'][number]): string {
  const because = why === null ? '' : ` (${why})`;
  return `${route} by ${router}${because}${standIns.length === 0 ? '' : `, else by ${standIns.join(', ')}`}`;
}

function path(peer: PeerStatus): string {
  if (peer.via !== null) return peer.via === '' ? 'none' : `via ${peer.via}`;
  return peer.endpoint === null ? peer.path : `${peer.path} ${peer.endpoint}`;
}

function ago(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
}
