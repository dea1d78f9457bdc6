import { afterEach, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { createHttpClient, type HttpClient } from '../../../connectors/http/http-client.ts';
import { readSse, type SseEvent } from '../../../connectors/http/sse-stream.ts';
import { streamToOutput } from '../../../connectors/http/stream-to-output.ts';
import { openWebSocket, type OpenWebSocket, type WebSocketOptions } from '../../../connectors/http/websocket.ts';
import { waitUntil } from '../../harness/wait-until.ts';
import { contextFor, type TestContext } from '../harness.ts';
import { failureOf, json, serve } from './local-server.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function clientFor(base_url: string, options: object = {}): HttpClient {
  const client = createHttpClient({ base_url, retries: 0, ...options });
  cleanups.push(() => client.close());
  return client;
}

function context(options: object = {}): TestContext {
  const made = contextFor(options);
  cleanups.push(() => made.remove());
  return made;
}

describe('server-sent events', () => {
  async function eventsOf(chunks: (string | Buffer)[], options = {}): Promise<SseEvent[]> {
    const local = await serve((_, response) => void Readable.from(chunks).pipe(response));
    const answer = await clientFor(local.url).request({ path: '/x' });
    const events: SseEvent[] = [];
    for await (const event of readSse(answer.stream, options)) events.push(event);
    return events;
  }

  test('events, names, ids and comments, however they are cut', async () => {
    const text = Buffer.from(
      ': hello\n\ndata: one\n\nevent: tick\nid: 7\ndata: zwei ü\ndata: lines\n\ndata: [DONE]\n\n',
    );
    const bytes = Array.from(text, (byte) => Buffer.from([byte]));
    const expected = [
      { event: 'message', data: 'one' },
      { event: 'tick', data: 'zwei ü\nlines', id: '7' },
      { event: 'message', data: '[DONE]' },
    ];
    expect(await eventsOf([text])).toEqual(expected);
    expect(await eventsOf(bytes)).toEqual(expected);
  });

  test('an event without end is cut off', async () => {
    const endless = Array.from({ length: 50 }, () => 'data: '.padEnd(10_000, 'x'));
    const error = await failureOf(eventsOf(endless, { max_event_bytes: 100_000 }));
    expect(error).toMatchObject({ code: 'backend_error', retryable: false });
  });

  test('leaving early closes the connection; silence ends with the idle deadline', async () => {
    const local = await serve((_, response) => void response.write('data: 1\n\n'));
    const client = clientFor(local.url, { idle_timeout_ms: 80 });
    const first = await client.request({ path: '/x' });
    for await (const event of readSse(first.stream)) {
      expect(event.data).toBe('1');
      break;
    }
    await waitUntil(() => local.requests[0]!.socket.destroyed);
    const second = await client.request({ path: '/x' });
    const read = (async () => {
      for await (const _ of readSse(second.stream));
    })();
    expect(await failureOf(read)).toMatchObject({ code: 'timeout' });
  });
});

describe('stream to output', () => {
  test('the bytes arrive with name and kind; what is no file of a known kind keeps the content type', async () => {
    const content = randomBytes(300_000);
    const local = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-thing; v=1' });
      response.end(content);
    });
    const answer = await clientFor(local.url).request({ path: '/x', max_response_bytes: Infinity });
    const ref = await streamToOutput(answer, context(), { name: 'thing.bin' });
    expect(ref).toMatchObject({ name: 'thing.bin', bytes: 300_000, mime: 'application/x-thing' });
  });

  test('a cut body and one that is too large leave nothing behind, and close the connection', async () => {
    const local = await serve((request, response) => {
      if (request.url === '/cut') response.write(randomBytes(70_000), () => response.socket?.destroy());
      else
        Readable.from(Array.from({ length: 400 }, () => Buffer.alloc(65_536)))
          .on('error', () => {})
          .pipe(response);
    });
    const small = context({ maxOutputBytes: 1_000_000 });
    const client = clientFor(local.url, { max_response_bytes: Infinity });
    const cut = streamToOutput(await client.request({ path: '/cut' }), small, { name: 'a' });
    expect(await failureOf(cut)).toMatchObject({ code: 'service_unavailable' });
    const large = streamToOutput(await client.request({ path: '/large' }), small, { name: 'b' });
    expect((await failureOf(large)).message).toContain('1000000');
    await waitUntil(() => local.requests.every((request) => request.socket.destroyed));
  });
});

describe('WebSocket', () => {
  async function socketServer(speak: (socket: WebSocket) => void): Promise<{ url: string; server: WebSocketServer }> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      speak(socket);
    });
    cleanups.push(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    return { url: `ws://127.0.0.1:${(server.address() as { port: number }).port}/ws?token=secret1`, server };
  }

  async function open(url: string, options: Partial<WebSocketOptions> = {}): Promise<OpenWebSocket> {
    const socket = await openWebSocket({ url, ...options });
    cleanups.push(() => socket.close());
    return socket;
  }

  async function textsOf(socket: OpenWebSocket): Promise<string[]> {
    const texts: string[] = [];
    for await (const message of socket.messages) texts.push(message.text ?? `${message.binary.length} bytes`);
    return texts;
  }

  test('messages in order, both kinds, those right behind the upgrade too; ends with the other side', async () => {
    const { url } = await socketServer((socket) => {
      socket.send('hello');
      socket.on('message', (data) => {
        socket.send(`got ${(data as Buffer).toString()}`);
        socket.send(Buffer.alloc(5));
        socket.close(1000);
      });
    });
    const socket = await open(url);
    socket.send('x');
    expect(await textsOf(socket)).toEqual(['hello', 'got x', '5 bytes']);
    expect(() => socket.send('y')).toThrow(/not open/);
  });

  test('a slow reader stops the sender instead of filling memory, and loses nothing', async () => {
    const count = 3_000;
    const part = 'x'.repeat(10_000);
    let sent = 0;
    const { url, server } = await socketServer((socket) => {
      for (let n = 0; n < count; n++) socket.send(`${n} ${part}`, () => (sent += 1));
      socket.close();
    });
    const socket = await open(url, { max_queue: 10 });
    const [peer] = server.clients;
    await waitUntil(() => sent > 20);
    expect(peer!.bufferedAmount).toBeGreaterThan(1_000_000);
    const texts = await textsOf(socket);
    expect(texts.map((text) => parseInt(text, 10))).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  test('a reader that leaves early does not read on: the sender is cut off', async () => {
    let sent = 0;
    const part = Buffer.alloc(65_536);
    const { url } = await socketServer((socket) => {
      const more = () => {
        if (socket.readyState === socket.OPEN) socket.send(part, () => ((sent += 1), more()));
      };
      more();
    });
    for await (const message of (await open(url)).messages) {
      expect(message.binary).toHaveLength(65_536);
      break;
    }
    let before = -1;
    await waitUntil(() => {
      const still = sent === before;
      before = sent;
      return still;
    });
    expect(sent * part.length).toBeLessThan(50_000_000);
  });

  test('a connection that breaks, one that falls silent, one that stops answering pings', async () => {
    const broken = await socketServer((socket) => {
      socket.send('a');
      setImmediate(() => socket.terminate());
    });
    expect(await failureOf(textsOf(await open(broken.url)))).toMatchObject({ code: 'service_unavailable' });
    const silent = await socketServer((socket) => socket.send('a'));
    expect(await failureOf(textsOf(await open(silent.url, { idle_timeout_ms: 60 })))).toMatchObject({
      code: 'timeout',
    });
    const deaf = await socketServer((socket) => void setImmediate(() => socket.pause()));
    const error = await failureOf(textsOf(await open(deaf.url, { ping_interval_ms: 40 })));
    expect(error).toMatchObject({ code: 'service_unavailable' });
    expect(error.message).toContain('ping');
    expect(error.message).not.toContain('secret1');
  });

  test('a close with a code is not a normal end', async () => {
    const { url } = await socketServer((socket) => socket.close(1011, 'out of order'));
    const error = await failureOf(textsOf(await open(url)));
    expect(error).toMatchObject({ code: 'service_unavailable' });
    expect(error.message).toContain('1011 out of order');
  });

  test('a message that is too large', async () => {
    const { url } = await socketServer((socket) => socket.send('x'.repeat(20_000)));
    const error = await failureOf(textsOf(await open(url, { max_message_bytes: 10_000 })));
    expect(error).toMatchObject({ code: 'output_too_large' });
  });

  test('refused upgrades, nobody there, nobody answering', async () => {
    const local = await serve(() => {});
    local.server.on('upgrade', (request, socket) => {
      if (request.url === '/hang') return;
      socket.end('HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\n\r\n');
    });
    const refused = await failureOf(openWebSocket({ url: `${local.url}/x` }));
    expect(refused).toMatchObject({ code: 'rate_limited', retry_after_ms: 3_000, status: 429 });
    const hanging = await failureOf(openWebSocket({ url: `${local.url}/hang`, connect_timeout_ms: 50 }));
    expect(hanging).toMatchObject({ code: 'timeout', delivery: 'not_sent' });
    const plain = await serve((_, response) => json(response, 'no socket here', 404));
    expect(await failureOf(openWebSocket({ url: plain.url }))).toMatchObject({ code: 'not_found' });
    await plain.stop();
    expect(await failureOf(openWebSocket({ url: plain.url }))).toMatchObject({ code: 'service_unavailable' });
  });

  test('an address out of an answer does not lead into our own network', async () => {
    const { url, server } = await socketServer(() => {});
    for (const inside of [url, url.replace('127.0.0.1', 'localhost')]) {
      const error = await failureOf(openWebSocket({ url: inside, public_only: true }));
      expect(error).toMatchObject({ code: 'permission' });
    }
    expect(server.clients.size).toBe(0);
  });

  test('the signal ends the opening and the reading with its reason', async () => {
    const reason = new Error('cancelled');
    const hanging = await serve(() => {});
    hanging.server.on('upgrade', () => {});
    const early = new AbortController();
    const opening = failureOf(openWebSocket({ url: hanging.url, signal: early.signal }));
    await once(hanging.server, 'upgrade');
    early.abort(reason);
    expect(await opening).toBe(reason);
    const { url, server } = await socketServer((socket) => socket.send('a'));
    const stop = new AbortController();
    const reading = failureOf(textsOf(await open(url, { signal: stop.signal })));
    stop.abort(reason);
    expect(await reading).toBe(reason);
    await waitUntil(() => server.clients.size === 0);
  });
});
