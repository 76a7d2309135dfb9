import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';

/** Where ip-netns(8) keeps namespaces with names. */
const NAMED = '/run/netns';

/**
 * Whether a resolv.conf belongs to the network that this process is in. In a network namespace that has none of its own
 * (/etc/netns/NAME/resolv.conf, ip-netns(8)) a program sees the machine's, for which loopback is another: that is not to be
 * touched.
 */
export function isOfThisNetwork(path: string): boolean {
  return !isBorrowedByName(path) && !isBorrowedFromFirst(path);
}

/** In a namespace with a name, without a mount for the file. */
function isBorrowedByName(path: string): boolean {
  const own = statSync('/proc/self/ns/net').ino;
  const named = attempt(() => readdirSync(NAMED)) ?? [];
  if (!named.some((name) => attempt(() => statSync(`${NAMED}/${name}`).ino) === own)) return false;
  const real = attempt(() => realpathSync(path)) ?? path;
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4]);
  return !points.includes(real) && !points.includes(path.slice(0, path.lastIndexOf('/')));
}

/** Of another network than the first process, which has the very same file; false where that one cannot be looked at. */
function isBorrowedFromFirst(path: string): boolean {
  const first = attempt(() => readlinkSync('/proc/1/ns/net'));
  if (first === null || first === readlinkSync('/proc/self/ns/net')) return false;
  const here = attempt(() => statSync(path));
  const there = attempt(() => statSync(`/proc/1/root${path}`));
  return here !== null && there !== null && here.dev === there.dev && here.ino === there.ino;
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
