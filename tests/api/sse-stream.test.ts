import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SseStream } from '../../api/watch/sse-stream.ts';
import type { JobEvent } from '../../contract/job-events.ts';
import { EventStream } from './api-fixture.ts';
import { waitUntil } from '../harness/wait-until.ts';

let server: Server;
let url: string;
let serve: (res: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((_req, res) => serve(res)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const event: JobEvent = {
  type: 'state',
  id: '0-1-1-0-0',
  job_id: 'ü\n\r\u2028"',
  status: 'queued',
  attempt: 1,
  status_message: 'two\nlines',
};

test('events arrive whole, whatever they hold; silence is filled with comments', async () => {
  let stream!: SseStream;
  serve = (res) => {
    stream = new SseStream(res, 20);
    stream.send(event);
  };
  const client = new EventStream(url);
  await waitUntil(() => client.events.length === 1);
  expect(client.events).toEqual([event]);
  await waitUntil(() => client.comments.length >= 3);
  stream.close('ended');
  await client.done;
  expect(client.error).toBeUndefined();
  // Nothing of it lives on.
  stream.send(event);
  expect(client.events).toHaveLength(1);
});

test('a client that is too slow is cut off', async () => {
  serve = (res) => {
    const stream = new SseStream(res, 20);
    stream.send(event);
    stream.close('slow');
  };
  const client = new EventStream(url);
  await client.done;
  expect(client.error).toBeDefined();
});

test('before the first event the answer can still be another one', async () => {
  serve = (res) => {
    const stream = new SseStream(res, 20);
    expect(res.headersSent).toBe(false);
    expect(stream.backlog()).toBe(0);
    res.writeHead(404).end('no');
  };
  const client = new EventStream(url);
  await client.done;
  expect(String(client.error)).toContain('404 no');
});
