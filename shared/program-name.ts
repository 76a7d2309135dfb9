import { basename, dirname } from 'node:path';

/** Set by bin/agent and bin/coordinator: their own path, as somebody called them. */
const CALLED_AS = 'WARREN_CALLED_AS';

/** `bin/agent` or `bin/coordinator`, and in backticks what begins with `agent ` or `coordinator `: how texts name the programs. */
const NAMES = /(?<![\w./-])bin\/(agent|coordinator)\b|`(agent|coordinator)(?=[ `])/g;

/**
 * A text for people with the programs named as this one was called, so that its commands can be pasted: `warren-coordinator` of the
 * npm package, `/opt/warren/bin/coordinator`, `coordinator` in a container. As it is where that is not known.
 */
export function asCalled(text: string, env: NodeJS.ProcessEnv = process.env): string {
  const called = env[CALLED_AS];
  if (called === undefined || called === '') return text;
  const isFound = called.includes('/') && (env.PATH ?? '').split(':').includes(dirname(called));
  const name = isFound ? basename(called) : called;
  const file = basename(called);
  return text.replace(NAMES, (whole, path: string | undefined, quoted: string | undefined) => {
    const program = (path ?? quoted) as string;
    const tick = path === undefined ? '`' : '';
    if (file === program || file === `warren-${program}`) return `${tick}${name}`;
    // The other one, which may well be on another host: what is installed by npm here is so there.
    if (file.startsWith('warren-')) return `${tick}warren-${program}`;
    return isFound ? `${tick}${program}` : whole;
  });
}

/** What a program calls itself in its help. */
export function programName(program: string): string {
  return asCalled(`bin/${program}`).replace(/^bin\//, '');
}
