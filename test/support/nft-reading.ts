/**
 * Reads what the agent writes for nft(8) as nftables does: chains line by line, each line from left to right until something does
 * not match. It knows the words of chains that judge by addresses, protocols and ports, and no others.
 */
import { compareIp, type IpBytes } from '../../shared/ip.ts';
import { parsePrefix, prefixContains } from '../../shared/prefix.ts';

/** What a packet has where rules look. */
export interface ReadPacket {
  source: IpBytes;
  destination: IpBytes;
  protocol: number;
  /** Null for a packet that has none. */
  ports: { source: number; destination: number } | null;
}

/** What became of it, and which counters have counted it. */
export interface Read {
  verdict: 'accept' | 'drop' | null;
  counted: string[];
}

/** Reads lines as if a chain of this table had them. */
export function readLines(table: string, lines: readonly string[], packet: ReadPacket): Read {
  const read: Read = { verdict: null, counted: [] };
  const ask = (asked: readonly string[]): void => {
    for (const line of asked) {
      const target = readLine(table, tokensOf(line), packet, read.counted);
      if (target === null) continue;
      const [verdict, name] = target.split(' ') as [string, string?];
      if (verdict === 'accept' || verdict === 'drop') read.verdict = verdict;
      else ask(linesOfChain(table, name as string) ?? []);
      if (read.verdict !== null || verdict === 'goto') return;
    }
  };
  ask(lines);
  return read;
}

/** The lines of one chain; undefined if there is none of this name. */
export function linesOfChain(table: string, name: string): string[] | undefined {
  const text = new RegExp(`chain ${name} \\{\\n([^]*?)\\n? {2}\\}`).exec(table)?.[1];
  return text?.trim().split(/\n\s*/);
}

/** The verdict of a line; null where it has none for this packet. */
function readLine(table: string, tokens: string[], packet: ReadPacket, counted: string[]): string | null {
  /** Everything up to the brace that closes; a lone word as it is. */
  const items = (): string[] => {
    const first = tokens.shift() as string;
    if (first.startsWith('@')) return elementsOf(table, first.slice(1));
    return first.startsWith('{') ? first.slice(1, -1).split(',') : [first];
  };
  while (tokens.length > 0) {
    const word = tokens.shift() as string;
    if (word === 'accept' || word === 'drop') return word;
    if (word === 'goto' || word === 'jump') return `${word} ${tokens.shift()}`;
    if (word === 'counter') {
      tokens.shift();
      if (tokens[1] === 'accept' || tokens[1] === 'drop') {
        counted.push(tokens.shift() as string);
        continue;
      }
      const has = fieldOf([tokens.shift(), tokens.shift()].join(' '), packet);
      tokens.shift();
      const found = items()
        .map(pairOf)
        .find(([key]) => has?.(key));
      if (found === undefined) return null;
      counted.push(found[1].replaceAll('"', ''));
      continue;
    }
    const has = fieldOf(`${word} ${tokens.shift()}`, packet);
    if (has === null) return null;
    if (tokens[0] === 'vmap') {
      tokens.shift();
      return (
        items()
          .map(pairOf)
          .find(([key]) => has(key))?.[1] ?? null
      );
    }
    if (!items().some((item) => has(item.trim()))) return null;
  }
  return null;
}

/** Whether a packet has one of these in that field; null where it has no such field at all. */
function fieldOf(
  field: string,
  { source, destination, protocol, ports }: ReadPacket,
): ((item: string) => boolean) | null {
  const address = (ip: string, bytes: IpBytes) =>
    bytes.length === (ip === 'ip' ? 4 : 16) ? (item: string) => isAddressIn(bytes, item) : null;
  const number = (value: number | undefined) =>
    value === undefined ? null : (item: string) => isNumberIn(value, item);
  const [first, second] = field.split(' ') as [string, string];
  switch (second) {
    case 'saddr':
      return address(first, source);
    case 'daddr':
      return address(first, destination);
    case 'l4proto':
      return number(protocol);
    case 'sport':
      return number(ports?.source);
    case 'dport':
      return number(ports?.destination);
    default:
      throw new Error(`no reading of ${JSON.stringify(field)}`);
  }
}

function isAddressIn(address: IpBytes, item: string): boolean {
  const [first, last] = item.split('-').map((text) => parsePrefix(text));
  if (first === null || first === undefined) throw new Error(`no address: ${item}`);
  if (!last) return prefixContains(first, address);
  return compareIp(first.bytes, address) <= 0 && compareIp(address, last.bytes) <= 0;
}

function isNumberIn(value: number, item: string): boolean {
  const [first, last] = item.split('-').map(Number) as [number, number?];
  return first <= value && value <= (last ?? first);
}

function elementsOf(table: string, map: string): string[] {
  const text = new RegExp(`map ${map} \\{\\n([^]*?)\\n {2}\\}`).exec(table)?.[1];
  if (text === undefined) throw new Error(`there is no map ${map}`);
  return /elements = \{([\s\S]*)\}/.exec(text)?.[1]?.split(',') ?? [];
}

function pairOf(element: string): [key: string, value: string] {
  const [key, value] = element.split(' : ') as [string, string];
  return [key.trim(), value.trim()];
}

function tokensOf(line: string): string[] {
  return line.match(/\{[^}]*\}|\S+/g) ?? [];
}
