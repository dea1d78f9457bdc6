import { get } from 'node:http';
import { connect } from 'node:net';
import type { Probe } from './service-plan.ts';

const MAX_BODY = 64 * 1024;

/**
 * Asks once. @returns undefined when all is well, else what is wrong, in words that follow "it"
 * @param timeoutMs for the whole answer
 */
export function ask(probe: Probe, host: string, timeoutMs: number): Promise<string | undefined> {
  return probe.kind === 'http' ? askHttp(probe, host, timeoutMs) : askTcp(probe.port, host, timeoutMs);
}

function askTcp(port: number, host: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (problem?: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(problem);
    };
    const timer = setTimeout(() => end(`does not take a connection on port ${port} within ${timeoutMs} ms`), timeoutMs);
    socket.once('connect', () => end());
    socket.once('error', (error: NodeJS.ErrnoException) => end(`takes no connection on port ${port} (${error.code})`));
  });
}

function askHttp(
  probe: Extract<Probe, { kind: 'http' }>,
  host: string,
  timeoutMs: number,
): Promise<string | undefined> {
  const { port, path, status, contains } = probe;
  const what = `GET http://${host}:${port}${path}`;
  return new Promise((resolve) => {
    // A connection of its own each time: a kept one says nothing about whether new ones are taken.
    const request = get({ host, port, path, agent: false, headers: { connection: 'close' } });
    const end = (problem?: string) => {
      clearTimeout(timer);
      request.destroy();
      resolve(problem);
    };
    const timer = setTimeout(() => end(`does not answer ${what} within ${timeoutMs} ms`), timeoutMs);
    request.once('error', (error: NodeJS.ErrnoException) => end(`does not answer ${what} (${error.code})`));
    request.once('response', (response) => {
      const code = response.statusCode ?? 0;
      if (!(status?.includes(code) ?? (code >= 200 && code < 300))) return end(`answers ${what} with status ${code}`);
      if (contains === undefined) return end();
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.includes(contains)) end();
        else if (body.length > MAX_BODY) end(`answers ${what} without ${JSON.stringify(contains)}`);
      });
      response.once('end', () => end(`answers ${what} without ${JSON.stringify(contains)}`));
      response.once('error', () => end(`breaks off its answer to ${what}`));
    });
  });
}
