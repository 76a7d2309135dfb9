// A web server of an office, which knows nothing of the mesh.
import { createServer } from 'node:http';

createServer((request, response) => {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`the web server of the southern office; you come from ${request.socket.remoteAddress}\n`);
}).listen(80, '0.0.0.0');
