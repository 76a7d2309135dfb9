import { InvalidArgumentError, Option } from 'commander';
import { parseListen } from './endpoint.ts';
import { canonicalPrefix } from './prefix.ts';

/** Readers of flag values, shared by both programs. Each throws with what was expected, which the program shows. */

export function listenAddress(text: string): { host: string; port: number } {
  const listen = parseListen(text);
  if (listen === null) throw new InvalidArgumentError('expected HOST:PORT, IPv6 in brackets.');
  return listen;
}

/** `--listen HOST:PORT` and such, with what it is when it is not given. */
export function listenOption(flags: string, description: string, standard: string): Option {
  return new Option(flags, description).argParser(listenAddress).default(listenAddress(standard), standard);
}

export function cidr(text: string): string {
  const prefix = canonicalPrefix(text);
  if (prefix === null || !text.includes('/'))
    throw new InvalidArgumentError('expected a CIDR such as 10.0.0.0/8.');
  return prefix;
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `30m`, `1h`, `7d` as milliseconds. */
export function duration(text: string): number {
  const match = /^([1-9]\d{0,5})([smhd])$/.exec(text);
  if (match === null) throw new InvalidArgumentError('expected a duration such as 30m, 1h or 7d.');
  return Number(match[1]) * (UNITS[match[2] as string] as number);
}

export function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535)
    throw new InvalidArgumentError('expected a port from 0 to 65535.');
  return port;
}

export function megabits(text: string): number {
  const rate = Number(text);
  if (!/^\d{1,6}(\.\d{1,3})?$/.test(text) || rate <= 0)
    throw new InvalidArgumentError('expected megabits a second, such as 100.');
  return rate;
}

/** For options that may be given more than once. */
export function collect<T>(read: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before = []) => [...before, read(text)];
}
