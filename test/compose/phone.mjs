// Pings for whoever asks, for a plain WireGuard client has no status of its own: GET /ADDRESS answers { "milliseconds": 0.7 }, or null.
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';

createServer((request, response) => {
  const address = decodeURIComponent(request.url.slice(1));
  execFile('ping', ['-n', '-c', '1', '-W', '2', '--', address], (_, output) => {
    const time = /time=([\d.]+) ms/.exec(output)?.[1];
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ milliseconds: time === undefined ? null : Number(time) }));
  });
}).listen(8000);
