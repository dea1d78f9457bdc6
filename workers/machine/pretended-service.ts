import { createServer } from 'node:http';

/** The program of a pretended GPU: answers that it is well, and does nothing else. Its port is its only argument. */
const [port] = process.argv.slice(2);
createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}');
}).listen(Number(port), '127.0.0.1', () => process.stdout.write(`pretending on port ${port}\n`));
