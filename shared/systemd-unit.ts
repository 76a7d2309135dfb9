import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { WarrenError } from './errors.ts';

const FOLDER = '/etc/systemd/system';
/** There exactly where systemd is the first process (sd_booted(3)). */
const BOOTED = '/run/systemd/system';
const RUN_OTHERWISE =
  'print the unit with --dry-run, and have your own supervisor run the command of its ExecStart=';

/** A service of systemd's: `NAME.service` with this text. */
export interface SystemdUnit {
  readonly name: string;
  readonly text: string;
}

/**
 * Writes the unit, and those beside it that it wants, enables it and starts it anew. Doing it again brings it up to date. Throws
 * `unsupported` without systemd, `permission-denied` for who is not root, `unavailable` where systemd refuses.
 */
export function installUnit(unit: SystemdUnit, beside: readonly SystemdUnit[] = []): void {
  checkSystemd(RUN_OTHERWISE);
  for (const { name, text } of [...beside, unit]) {
    const path = pathOf(name);
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text, { mode: 0o644 });
  }
  systemctl('daemon-reload');
  systemctl('enable', unit.name);
  systemctl('restart', unit.name);
}

/** Stops and disables it and takes the file away, and those of units beside it; whether there was one. Throws as `installUnit` does. */
export function uninstallUnit(name: string, beside: readonly string[] = []): boolean {
  checkSystemd('there is no service of it to take away');
  if (!existsSync(pathOf(name))) return false;
  systemctl('disable', '--now', name);
  for (const each of [name, ...beside]) rmSync(pathOf(each), { force: true });
  systemctl('daemon-reload');
  return true;
}

/** Whether a service runs now; throws as `installUnit` does. */
export function isActive(name: string): boolean {
  checkSystemd(RUN_OTHERWISE);
  return spawnSync('systemctl', ['is-active', '--quiet', name]).status === 0;
}

/** An argument of ExecStart= as systemd reads it back (systemd.service(5), "Command lines"). Throws `usage` as `unitValue` does. */
export function unitArgument(text: string): string {
  return unitValue(text).replaceAll('$', '$$$$');
}

/**
 * A value of Environment= and the like (systemd.exec(5); systemd.unit(5), "Specifiers"). Throws `usage` for control characters,
 * which no path has for a good reason.
 */
export function unitValue(text: string): string {
  const escaped = wholeLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** The value of a setting that takes all of its line as it is, such as ConditionPathExists=. Throws `usage` as `unitValue` does. */
export function wholeLine(text: string): string {
  if (/\p{Cc}/u.test(text)) {
    throw new WarrenError('usage', `${JSON.stringify(text)} holds a control character`);
  }
  return text.replaceAll('%', '%%');
}

function pathOf(name: string): string {
  return `${FOLDER}/${name}.service`;
}

function checkSystemd(hint: string): void {
  if (!existsSync(BOOTED)) {
    throw new WarrenError('unsupported', 'this host is not run by systemd', { hint });
  }
  if (process.geteuid?.() !== 0) {
    throw new WarrenError('permission-denied', 'not allowed to change the services of this host', {
      hint: 'run as root',
    });
  }
}

function systemctl(...args: string[]): void {
  try {
    execFileSync('systemctl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (cause) {
    const why = String((cause as { stderr?: string }).stderr ?? cause)
      .trim()
      .split('\n')[0];
    throw new WarrenError('unavailable', `systemctl ${args.join(' ')}: ${why}`, {
      hint: `look at \`systemctl status ${args.at(-1)}\` and \`journalctl -u ${args.at(-1)}\``,
      cause,
    });
  }
}
