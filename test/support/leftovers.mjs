// What a test run left on the machine. A test host, device, socket or process that outlives its test is a failure.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const output = (file, ...args) => spawnSync(file, args, { encoding: 'utf8' }).stdout || '';

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Namespaces of test processes that have ended; those of other runs going on now are theirs. */
function namespaces() {
  return output('ip', 'netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0])
    .filter((name) => {
      const match = /^warren-(\d+)-/.exec(name);
      return match && !isAlive(Number(match[1]));
    })
    .map((name) => `namespace ${name}`);
}

/** TUN devices of this machine's own namespace. */
function devices() {
  return output('ip', '-o', 'link', 'show', 'type', 'tun')
    .split('\n')
    .map((line) => line.split(': ')[1])
    .filter(Boolean)
    .map((name) => `device ${name}`);
}

/** Processes that carry the run's mark in their environment. */
function processes(mark) {
  const found = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`WARREN_TEST_RUN=${mark}`))
        continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
      if (command) found.push(`process ${pid} ${command.slice(0, 120)}`);
    } catch {
      // Ended in the meantime, or another user's.
    }
  }
  return found;
}

/** wg(8) sockets that nobody answers on any more. */
function sockets() {
  const folder = '/var/run/wireguard';
  const connect =
    "require('net').connect(process.argv[1]).on('connect', process.exit).on('error', () => process.exit(1))";
  return (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => name.endsWith('.sock'))
    .filter((name) => spawnSync(process.execPath, ['-e', connect, `${folder}/${name}`]).status !== 0)
    .map((name) => `socket ${folder}/${name}`);
}

/** A list in words; take it before and after a run: what is new was left behind. `mark` is the run's WARREN_TEST_RUN. */
export function leftovers(mark) {
  if (process.platform !== 'linux') return [];
  return [...namespaces(), ...devices(), ...sockets(), ...processes(mark)];
}
