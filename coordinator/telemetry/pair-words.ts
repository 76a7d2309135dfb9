import type { PairEnd, PairFacts } from './pair.ts';
import type { MachineState } from './picture.ts';

/** How two machines are connected and why, in sentences for people. */
export interface PairWords {
  /** `By relay: both are behind hard NATs, …`. */
  reason: string;
  /** What would help; null where nothing is to be done. */
  advice: string | null;
}

const OPEN = (name: string) =>
  `forward a UDP port to ${name}, and name it there with --listen-port and --endpoint`;

const STATES: Readonly<Partial<Record<MachineState, { what: string; advice: string }>>> = {
  unapproved: { what: 'waits for approval: it sees nobody, and nobody sees it', advice: 'approve it' },
  disabled: { what: 'is disabled: it sees nobody, and nobody sees it', advice: 'enable it again' },
  expired: {
    what: 'has a key that expired, and its peers drop what it sends',
    advice: 'give its key more time, or let it join again with a new token',
  },
};

/** The words for any two machines, whether or not they ever exchanged anything. */
export function pairWords(pair: PairFacts): PairWords {
  return standing(pair) ?? policy(pair) ?? presence(pair) ?? path(pair);
}

function standing({ ends }: PairFacts): PairWords | null {
  for (const { node, state } of ends) {
    const words = STATES[state];
    if (words !== undefined) {
      return {
        reason: `Not connected: ${node.name} ${words.what}.`,
        advice: `${words.advice}: ${node.name}`,
      };
    }
  }
  return null;
}

function policy({ ends: [a, b], mayMeet, hasPolicy }: PairFacts): PairWords | null {
  if (mayMeet) return null;
  const [one, other] = [a.node.name, b.node.name];
  if (!hasPolicy) return { reason: 'Not connected: they are not told of each other.', advice: null };
  return {
    reason: `Kept apart by the policy: no rule lets ${one} reach ${other} or ${other} reach ${one}, so neither is told that the other exists.`,
    advice: `if they should talk, add a rule to the policy that has one of them as source and the other as destination`,
  };
}

function presence({ ends, edge }: PairFacts): PairWords | null {
  // Devices without an agent are connected to no coordinator.
  const away = ends.filter(({ node, state }) => state === 'away' && node.device === null);
  const [first] = away;
  if (first === undefined || (edge !== null && edge.kind !== 'none')) return null;
  const names = away.map(({ node }) => node.name).join(' and ');
  return {
    reason: `Not connected: ${names} ${away.length === 1 ? 'is' : 'are'} away; no coordinator hears from ${away.length === 1 ? 'it' : 'them'}.`,
    advice: `start the agent on ${names} (bin/agent up), and look whether it reaches the coordinator (bin/agent netcheck)`,
  };
}

function path(pair: PairFacts): PairWords {
  const { ends, edge } = pair;
  if (edge === null) return silence(ends);
  if (edge.kind === 'direct') {
    const told = ends.filter((end) => end.reports && end.path?.kind === 'direct' && end.path.endpoint !== '');
    const ways = told.map(({ node, path }) => `${node.name} sends to ${path?.endpoint}`);
    const why = told.find(({ path }) => path?.reason !== '')?.path?.reason;
    return { reason: sentence(`Direct: ${ways.join(', ')}`, why), advice: null };
  }
  if (edge.kind === 'none') {
    return {
      reason: 'Not connected now: nothing was sent between them for a while. The next packet connects them.',
      advice: null,
    };
  }
  return relayed(ends);
}

function silence(ends: readonly PairEnd[]): PairWords {
  const mute = ends.filter((end) => !end.reports && end.node.device === null);
  if (mute.length === 2) {
    return {
      reason: `Not known: neither ${mute.map(({ node }) => node.name).join(' nor ')} tells its paths, as an agent of an older release does not.`,
      advice: null,
    };
  }
  return {
    reason: 'Not connected yet: nothing was sent between them. The first packet connects them.',
    advice: null,
  };
}

/** Both ends decide whether there is a direct way: what both NATs are is known here, as it is to neither of them. */
function relayed(ends: readonly [PairEnd, PairEnd]): PairWords {
  const blocked = ends.filter(({ nat }) => nat?.mapping === 'no answer');
  if (blocked.length > 0) {
    const names = blocked.map(({ node }) => node.name).join(' and ');
    return {
      reason: `By relay: UDP seems to be blocked where ${names} ${blocked.length === 1 ? 'is' : 'are'}; no STUN server answers there.`,
      advice: `let UDP out of the network of ${names}`,
    };
  }
  const [a, b] = ends.map(({ node }) => node.name) as [string, string];
  const hard = ends.filter(({ nat }) => nat?.mapping.startsWith('address-') === true);
  if (hard.length === 2) {
    return {
      reason: `By relay: both are behind hard NATs, which give each destination another outer port, so that neither ${a} nor ${b} can tell where it can be reached.`,
      advice: OPEN(`${a} or to ${b}`),
    };
  }
  if (ends.some(({ path }) => path?.kind === 'relay' && path.reason === 'direct ways are tried')) {
    return { reason: 'By relay, while direct ways are tried.', advice: null };
  }
  const own = ends.find(({ path }) => path?.kind === 'relay' && path.reason !== '');
  const [behind] = hard;
  if (behind !== undefined) {
    const other = ends.find((end) => end !== behind) as PairEnd;
    return {
      reason: `By relay: ${behind.node.name} is behind a hard NAT, which gives each destination another outer port, and what stands before ${other.node.name} lets in only what was sent to.`,
      advice: OPEN(other.node.name),
    };
  }
  const said = own?.path;
  return {
    reason:
      said === undefined || said === null
        ? 'By relay.'
        : sentence(`By relay, says ${own?.node.name}`, said.reason),
    advice: said?.advice ? said.advice : OPEN(`${a} or to ${b}`),
  };
}

function sentence(what: string, why: string | undefined): string {
  return why === undefined || why === '' ? `${what}.` : `${what}: ${why}.`;
}
