import type { PeerStatus, Status } from './status.ts';

/** What a path is and why, in a sentence for people, and what would help; for `agent status` and `agent ping`. */
export interface PathWords {
  /** `directly to 192.0.2.7:51820 for 3 min: it answered first`. */
  path: string;
  /** What to do for a better one; null where nothing is to be done. */
  advice: string | null;
}

const WHY: Readonly<Record<string, string>> = {
  'answered first': 'it was the first way to answer',
  'within one site': 'both are within one site',
  'shorter round trip': 'its round trip is shorter than that of the way before',
  'IPv6, no slower': 'IPv6, and no slower than the way before',
  'the one before stopped answering': 'the direct way before it stopped answering',
  idle: 'nothing was sent for a while, and the direct way was given up',
  'the relay is away': 'the relay cannot be reached',
  'no relay has it': 'it last answered there, and no relay has it',
  'the relay is back': 'the relay can be reached again',
};

/** `now`: this host's clock, milliseconds since the epoch. */
export function pathWords(peer: PeerStatus, self: Status['self'], now: number): PathWords {
  if (peer.device) return { path: deviceWords(peer, now), advice: null };
  const details = peer.pathDetails;
  const since = details === null ? '' : ` for ${span(now - Date.parse(details.since))}`;
  const { reason, advice } = pathReason(peer, self);
  const colon = reason === '' ? '' : `: ${reason}`;
  if (peer.path === 'direct') return { path: `directly to ${peer.endpoint}${since}${colon}`, advice };
  if (peer.path === 'none') return { path: `not connected${colon}`, advice };
  if (details?.probing) return { path: `by relay${since}, while ${reason}`, advice };
  return { path: `by relay${since}${colon}`, advice };
}

/** Why a path is what it is, without what the reader knows already: its kind, its end, and since when. Empty if not known. */
export function pathReason(
  peer: PeerStatus,
  self: Status['self'],
): { reason: string; advice: string | null } {
  const details = peer.pathDetails;
  if (peer.path === 'direct') {
    return { reason: details === null ? '' : (WHY[details.why] ?? details.why), advice: null };
  }
  if (peer.path === 'none') {
    if (!peer.online) return { reason: 'the coordinator does not hear from it', advice: null };
    const sent = peer.lastHandshake === null ? 'nothing was sent to it yet' : 'nothing was sent for a while';
    return { reason: `${sent}; the first packet connects`, advice: null };
  }
  if (details === null) return { reason: '', advice: null };
  return details.probing ? { reason: 'direct ways are tried', advice: null } : whyRelay(peer, self);
}

/** A device calls and cannot be called, so there is nothing to be done from here. */
function deviceWords({ via, path, endpoint, lastHandshake }: PeerStatus, now: number): string {
  const what = 'plain WireGuard device';
  if (via === '') return `${what}: the agent that it was to be reached through is no longer there`;
  if (via !== null) {
    const way = path === 'direct' ? ` at ${endpoint}` : path === 'relay' ? ', which is reached by relay' : '';
    return `${what}, through ${via}${way}`;
  }
  if (path === 'direct') return `${what}, at ${endpoint}, from where it called`;
  if (lastHandshake === null) return `${what}: it has not called yet`;
  return `${what}: it called last ${span(now - Date.parse(lastHandshake))} ago`;
}

/** Both ends decide whether there is a direct way; what this host cannot know of the other is not guessed at. */
function whyRelay(peer: PeerStatus, self: Status['self']): { reason: string; advice: string | null } {
  const tried = peer.pathDetails?.tried ?? [];
  const answered = tried.filter((each) => each.answered !== null).length;
  const result =
    tried.length === 0
      ? `no address of ${peer.name} is known`
      : answered === 0
        ? `${tried.length === 1 ? `1 address of ${peer.name} was` : `${tried.length} addresses of ${peer.name} were`} tried, and none answered`
        : `of ${tried.length} ways tried ${answered} answered before, and none does now`;
  const open =
    'forward a UDP port to one of the two hosts, and name it there with --listen-port and --endpoint';
  const nat = self.nat ?? '';
  if (nat.startsWith('no STUN server answers')) {
    return {
      reason: `${result}; no STUN server answers this host either, so UDP seems to be blocked here`,
      advice: 'let UDP out of this network',
    };
  }
  if (nat.startsWith('a hard NAT')) {
    return {
      reason: `${result}; this host is behind a hard NAT, and ${peer.name} seems to be behind one too`,
      advice: open,
    };
  }
  return {
    reason: `${result}; the NAT or firewall before ${peer.name} does not let this host in`,
    advice: open,
  };
}

/** A span of time in its largest unit. */
function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
