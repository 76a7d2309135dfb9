import { parseIp } from '../../shared/ip.ts';

/** What a resolv.conf says (resolv.conf(5)). */
export interface ResolvConf {
  /** Addresses, link-local ones with `%interface`. */
  nameservers: string[];
  search: string[];
  /** `options` lines' words. */
  options: string[];
}

/** More search domains are as good as none: glibc takes all, others six or 256 characters. */
const MOST_SEARCHED = 6;

/** Reads what can be read; lines that nobody understands are passed over, as the resolver does. */
export function parseResolvConf(text: string): ResolvConf {
  const found: ResolvConf = { nameservers: [], search: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && words[0] !== undefined) {
      if (parseIp(words[0].replace(/%[^%]+$/, '')) !== null) found.nameservers.push(words[0]);
      // The last of both counts.
    } else if (keyword === 'search' || keyword === 'domain') found.search = words;
    else if (keyword === 'options') found.options.push(...words);
  }
  return found;
}

/**
 * A resolv.conf by which programs ask `address` alone: a second server would be asked for names it cannot know. The host's own
 * search domains come first, so that nobody in the mesh can take a short name from them.
 */
export function ownResolvConf(address: string, zone: string, host: ResolvConf, writer: string): string {
  const search = [...new Set([...host.search.filter((domain) => domain !== '.'), zone])];
  const kept = search.length > MOST_SEARCHED ? [...search.slice(0, MOST_SEARCHED - 1), zone] : search;
  const options = host.options.filter((option) => option !== 'rotate');
  return [
    `# Written by ${writer}; what was here before comes back when it ends.`,
    '# It answers for the mesh, and asks the resolvers that were here for the rest. `agent join --accept-dns=false` leaves this file',
    '# alone.',
    `nameserver ${address}`,
    `search ${kept.join(' ')}`,
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
    '',
  ].join('\n');
}
