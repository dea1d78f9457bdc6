import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TokenServer {
  /** What OPENAI_BASE_URL takes. */
  url: string;
  stop(): Promise<void>;
}

/** This process' clock, in fractions of a millisecond; what each token of the server says. */
export function clock(): number {
  return performance.now();
}

/**
 * A server that speaks chat completions well enough for a stream: each token is the time of its sending, so that whoever
 * reads it here knows how old it is. The prompt names how many tokens, at how many a second, after what silence.
 */
export async function startTokenServer(): Promise<TokenServer> {
  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'bench', object: 'model' }] }));
      return;
    }
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const { messages } = JSON.parse(body) as { messages: { content: string }[] };
      const [count = 1, perSecond = 1, silence = 0] = messages.at(-1)!.content.split(' ').map(Number);
      void stream(response, count, perSecond, silence);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function stream(response: ServerResponse, count: number, perSecond: number, silence: number): Promise<void> {
  response.socket?.setNoDelay(true);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const write = (delta: object, finish: string | null) => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    const chunk = { id: 'bench', object: 'chat.completion.chunk', created: 0, model: 'bench', choices };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  write({ role: 'assistant' }, null);
  await new Promise((resolve) => setTimeout(resolve, silence));
  const started = clock();
  for (let sent = 0; sent < count; ) {
    // Each token of its own, as a model sends it; a late timer is made up for.
    const due = Math.min(count, Math.floor(((clock() - started) / 1_000) * perSecond) + 1);
    for (; sent < due; sent++) write({ content: `${clock().toFixed(2)} ` }, null);
    if (sent < count) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  write({}, 'stop');
  response.end('data: [DONE]\n\n');
}
