import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { WarrenError } from '../../shared/errors.ts';
import type { RelayedDatagrams, TunnelEvent, TunnelOptions, TunnelReply, TunnelRequest } from './commands.ts';
import type { Commands, OpenDriver } from './driver.ts';
import { Engine, plainError } from './engine.ts';

/** Entry of a tunnel's worker thread. It speaks with tunnel.ts by the messages of commands.ts. */
if (parentPort === null) throw new WarrenError('internal', 'this file is the entry of a worker thread');
const port = parentPort;
const options = workerData as TunnelOptions;
const tell = (message: TunnelEvent | TunnelReply) => port.postMessage(message);

/** Drivers are loaded when chosen, so that a package which one of them lacks does not keep the other from running. */
async function driverOpener(): Promise<OpenDriver> {
  try {
    if (options.driver === 'linux') return (await import('../drivers/linux/driver.ts')).openLinuxDriver;
    return (await import('../drivers/portable/driver.ts')).openPortableDriver;
  } catch (cause) {
    if (cause instanceof WarrenError) throw cause;
    throw new WarrenError('unsupported', `the ${options.driver} driver cannot be loaded: ${String(cause)}`, {
      hint: 'try the other one with --driver, or run npm install again',
      cause,
    });
  }
}

/** The requests that wait, for a driver that blocks in poll() (wakeDescriptor) or lives on the event loop (onWake). */
class RequestQueue implements Commands {
  readonly wakeDescriptor: number;
  readonly #drain: () => void;
  readonly #engine: Engine;
  readonly #waiting: (TunnelRequest | RelayedDatagrams)[] = [];

  constructor(engine: Engine, wake: { descriptor: number; drain: () => void } | null) {
    this.#engine = engine;
    this.wakeDescriptor = wake?.descriptor ?? -1;
    this.#drain = () => wake?.drain();
  }

  onWake(listener: () => void): void {
    port.on('message', (request: TunnelRequest | RelayedDatagrams) => {
      this.#waiting.push(request);
      listener();
    });
  }

  async run(): Promise<boolean> {
    this.#drain();
    for (;;) {
      const request = (this.#waiting.shift() ?? receiveMessageOnPort(port)?.message) as
        | TunnelRequest
        | RelayedDatagrams
        | undefined;
      if (request === undefined) return true;
      if (request.verb === 'relayed') {
        this.#engine.relayed(request);
        continue;
      }
      const reply = await this.#engine.answer(request);
      tell(reply);
      if (request.verb === 'close') return false;
    }
  }
}

async function main(): Promise<void> {
  const open = await driverOpener();
  const driver = await open(options, { networkChanged: () => tell({ event: 'network-changed' }) });
  const engine = await Engine.create(driver, options, tell);
  const wake =
    options.driver === 'linux' ? (await import('../drivers/linux/eventfd.ts')).Eventfd.open() : null;
  tell({ event: 'ready', facts: driver.facts, wakeDescriptor: wake?.descriptor ?? -1 });
  try {
    const reason = await driver.run(engine.device, new RequestQueue(engine, wake));
    engine.close();
    tell({ event: 'closed', reason });
  } finally {
    wake?.close();
    port.close();
  }
}

main().catch((error: unknown) => {
  tell({ event: 'failed', ...plainError(error) });
  port.close();
});
