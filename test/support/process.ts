/** Child processes of tests: run to the end, or kept running with their output collected. */
import { type ChildProcess, spawn as spawnProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface RunOptions {
  /** Milliseconds until the process is killed and `run` rejects; default 60,000. */
  timeout?: number;
  /** Written to stdin, which is closed then; without it stdin is empty. */
  input?: string | Uint8Array;
  cwd?: string;
  /** Added to this process's environment; `undefined` takes a variable away. */
  env?: Record<string, string | undefined>;
  uid?: number;
  gid?: number;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  /** The exit status, or 128 + the signal's number as a shell counts. */
  status: number;
}

const SIGNAL_NUMBERS: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

/** A process that a test started; `output` grows as it speaks. */
export class Child {
  readonly command: string;
  stdout = '';
  stderr = '';
  /** stdout and stderr in the order they came. */
  output = '';
  /** Resolves when the process has ended and its output is complete. */
  readonly exited: Promise<number>;
  status: number | null = null;
  readonly #process: ChildProcess;
  readonly #watchers = new Set<() => void>();

  constructor(file: string, args: readonly string[], options: RunOptions = {}) {
    this.command = [file, ...args].join(' ');
    this.#process = spawnProcess(file, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      uid: options.uid,
      gid: options.gid,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const collect = (stream: 'stdout' | 'stderr') => (text: string) => {
      this[stream] += text;
      this.output += text;
      this.#changed();
    };
    this.#process.stdout!.setEncoding('utf8').on('data', collect('stdout'));
    this.#process.stderr!.setEncoding('utf8').on('data', collect('stderr'));
    if (options.input !== undefined) {
      this.#process.stdin!.on('error', () => {}); // the process may end without reading: its status tells
      this.#process.stdin!.end(options.input);
    }
    this.exited = new Promise((resolve) => {
      const ended = (status: number) => {
        if (this.status !== null) return;
        this.status = status;
        this.#changed();
        resolve(status);
      };
      this.#process.on('error', (error) => {
        collect('stderr')(`${error.message}\n`);
        ended(127);
      });
      // 'exit' and not 'close': a grandchild that inherited stdout must not keep a test waiting for ever.
      this.#process.on('exit', (code, signal) => {
        const status = code ?? 128 + (SIGNAL_NUMBERS[signal ?? ''] ?? 0);
        const late = setTimeout(() => ended(status), 500);
        this.#process.on('close', () => {
          clearTimeout(late);
          ended(status);
        });
      });
    });
  }

  /** Undefined only when the program could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.status === null;
  }

  signal(name: NodeJS.Signals): void {
    if (this.running) this.#process.kill(name);
  }

  /** Sends the signal, waits for the end, and kills what has not ended after `timeout` ms. The exit status. */
  async end(name: NodeJS.Signals = 'SIGTERM', timeout = 30_000): Promise<number> {
    this.signal(name);
    const killer = setTimeout(() => this.signal('SIGKILL'), timeout);
    const status = await this.exited;
    clearTimeout(killer);
    return status;
  }

  /** The first match of `pattern` in what the process has said or says within `timeout` ms. Rejects, quoting the output, when it ends or stays silent. */
  waitForOutput(pattern: RegExp, timeout = 60_000): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = (action: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        action();
      };
      const fail = (why: string) =>
        settle(() => reject(new Error(`${this.command}: ${why} ${pattern}; it said:\n${this.output}`)));
      const look = () => {
        const match = pattern.exec(this.output);
        if (match) settle(() => resolve(match));
        else if (!this.running) fail(`ended with ${this.status} without`);
      };
      const timer = setTimeout(() => fail(`nothing within ${timeout} ms like`), timeout);
      this.#watchers.add(look);
      look();
    });
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

/** The one child that a process has now, by pid; undefined without one. For nsenter and unshare, whose program in another pid namespace it is. */
export function onlyChildOf(pid: number | undefined): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? undefined : Number(children);
}

/** Runs a program to its end. Rejects only when it has to be killed for time; the status is the caller's to check. */
export async function run(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = new Child(file, args, options);
  const timeout = options.timeout ?? 60_000;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.signal('SIGKILL');
  }, timeout);
  const status = await child.exited;
  clearTimeout(timer);
  if (late) throw new Error(`${child.command}: not done after ${timeout} ms; it said:\n${child.output}`);
  return { stdout: child.stdout, stderr: child.stderr, status };
}

/** As `run`, but any status except 0 rejects with the command and its output. The answer is stdout. */
export async function runOk(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await run(file, args, options);
  if (result.status !== 0)
    throw new Error(
      `${[file, ...args].join(' ')}: status ${result.status}\n${result.stderr || result.stdout}`.trimEnd(),
    );
  return result.stdout;
}
