/** A UDP socket in a test host, for tests of NATs: `UdpEnd.open` starts this file there as a program of its own. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Lab, TestHost } from './netns.ts';
import type { Child } from './process.ts';
import { waitFor } from './wait-for.ts';

export interface Heard {
  ip: string;
  port: number;
  text: string;
}

export class UdpEnd {
  readonly heard: Heard[] = [];
  readonly #child: Child;
  readonly #control: Socket;

  private constructor(child: Child, control: Socket) {
    this.#child = child;
    this.#control = control;
    createInterface({ input: control }).on('line', (line) => void this.heard.push(JSON.parse(line) as Heard));
  }

  /** Binds a socket in `host`. What reaches it and begins with `who` is answered with where it came from. */
  static async open(lab: Lab, host: TestHost, address: string, port = 51820): Promise<UdpEnd> {
    const path = join(lab.directory('udp'), 'control');
    const child = host.spawn(process.execPath, [import.meta.filename, address, String(port), path]);
    await child.waitForOutput(/ready/);
    const control = createConnection(path);
    await once(control, 'connect');
    return new UdpEnd(child, control);
  }

  send(ip: string, port: number, text: string): void {
    this.#control.write(`${JSON.stringify({ ip, port, text })}\n`);
  }

  /** Where this socket seems to be, as an end at that address sees it; asked until it answers. */
  async seenBy(ip: string, port: number): Promise<string> {
    const word = `who ${Math.random()}`;
    const answer = await waitFor(`an answer of ${ip} port ${port}`, () => {
      const found = this.heard.find((one) => one.ip === ip && one.port === port && one.text.endsWith(word));
      if (found === undefined) this.send(ip, port, word);
      return found;
    });
    return answer.text.split(' ')[1] as string;
  }

  /** Resolves when what `from` sends to this address arrives here; it is sent until it does. */
  async hears(from: UdpEnd, ip: string, port: number): Promise<void> {
    const word = `hello ${Math.random()}`;
    await waitFor(`what is sent to ${ip} port ${port} to arrive`, () => {
      if (this.heard.some(({ text }) => text === word)) return true;
      from.send(ip, port, word);
      return false;
    });
  }

  /** Whether nothing of what `from` sends to this address arrives here, of several, within half a second. */
  async hearsNothing(from: UdpEnd, ip: string, port: number): Promise<boolean> {
    const word = `hello ${Math.random()}`;
    for (let i = 0; i < 5; i++) {
      from.send(ip, port, word);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return !this.heard.some(({ text }) => text === word);
  }

  async close(): Promise<void> {
    this.#control.destroy();
    await this.#child.end();
  }
}

/** The program: datagrams and lines of JSON, one each way. */
function serve(address: string, port: number, path: string): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const controls = new Set<Socket>();
  socket.on('message', (message, from) => {
    const text = message.toString();
    const heard: Heard = { ip: from.address, port: from.port, text };
    for (const control of controls) control.write(`${JSON.stringify(heard)}\n`);
    if (text.startsWith('who'))
      socket.send(`you ${from.address}|${from.port} ${text}`, from.port, from.address);
  });
  // An error that ICMP brought says nothing here; what does not arrive is seen at the other end.
  socket.on('error', () => {});
  const server = createServer((control) => {
    controls.add(control);
    control.on('error', () => {});
    control.on('close', () => controls.delete(control));
    createInterface({ input: control }).on('line', (line) => {
      const { ip, port: to, text } = JSON.parse(line) as Heard;
      socket.send(text, to, ip, () => {});
    });
  });
  socket.bind(port, address, () => server.listen(path, () => console.log('ready')));
}

if (process.argv[1] === import.meta.filename) {
  const [address, port, path] = process.argv.slice(2) as [string, string, string];
  serve(address, Number(port), path);
}
