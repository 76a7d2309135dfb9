/**
 * Asks STUN servers (endpoints as arguments) from one socket, as the agent does, and prints what each answered as one line of
 * JSON: endpoints, or null for those that stay silent though they are asked again each half second, for 15 s in all. With
 * `--change-port` before an endpoint an answer from the other port is asked for, which may be silence by design: for 4 s.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { formatEndpoint, parseEndpoint } from '../../shared/endpoint.ts';
import { formatIp } from '../../shared/ip.ts';
import { answers, bindingRequest, parseBindingResponse } from '../../shared/stun.ts';

const asked: { to: string; changePort: boolean }[] = [];
for (const [index, to] of process.argv.entries()) {
  if (index < 2 || to === '--change-port') continue;
  asked.push({ to, changePort: process.argv[index - 1] === '--change-port' });
}
const isIpv6 = asked.some(({ to }) => to.startsWith('['));
const socket = createSocket(isIpv6 ? 'udp6' : 'udp4');
const results: (string | null)[] = [];
for (const { to, changePort } of asked) {
  const endpoint = parseEndpoint(to)!;
  const id = randomBytes(12);
  const answer = new Promise<string | null>((resolve) => {
    const ask = () =>
      socket.send(bindingRequest(id, { changePort }), endpoint.port, formatIp(endpoint.address));
    const again = setInterval(ask, 500);
    const end = (result: string | null) => {
      clearInterval(again);
      clearTimeout(patience);
      resolve(result);
    };
    const patience = setTimeout(() => end(null), changePort ? 4_000 : 15_000);
    socket.on('message', (bytes) => {
      const response = answers(bytes, id) ? parseBindingResponse(bytes) : null;
      if (response === null) return;
      end(response.kind === 'success' ? formatEndpoint(response.mapped) : `error ${response.code}`);
    });
    ask();
  });
  results.push(await answer);
}
socket.close();
process.stdout.write(`${JSON.stringify(results)}\n`);
