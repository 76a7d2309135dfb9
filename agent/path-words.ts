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
  const details = peer.pathDetails;
  const since = details === null ? '' : ` for ${span(now - Date.parse(details.since))}`;
  const why = details === null ? '' : `: ${WHY[details.why] ?? details.why}`;
  if (peer.path === 'direct') return { path: `directly to ${peer.endpoint}${since}${why}`, advice: null };
  if (peer.path === 'none') {
    if (!peer.online) return { path: 'not connected: the coordinator does not hear from it', advice: null };
    const reason =
      peer.lastHandshake === null ? 'nothing was sent to it yet' : 'nothing was sent for a while';
    return { path: `not connected: ${reason}; the first packet connects`, advice: null };
  }
  if (details === null) return { path: 'by relay', advice: null };
  if (details.probing) return { path: `by relay${since}, while direct ways are tried`, advice: null };
  const { path, advice } = whyRelay(peer, self);
  return { path: `by relay${since}: ${path}`, advice };
}

/** Both ends decide whether there is a direct way; what this host cannot know of the other is not guessed at. */
function whyRelay(peer: PeerStatus, self: Status['self']): { path: string; advice: string | null } {
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
      path: `${result}; no STUN server answers this host either, so UDP seems to be blocked here`,
      advice: 'let UDP out of this network',
    };
  }
  if (nat.startsWith('a hard NAT')) {
    return {
      path: `${result}; this host is behind a hard NAT, and ${peer.name} seems to be behind one too`,
      advice: open,
    };
  }
  return {
    path: `${result}; the NAT or firewall before ${peer.name} does not let this host in`,
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
