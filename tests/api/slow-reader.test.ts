import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { waitUntil } from '../harness/wait-until.ts';
import { ApiFixture } from './api-fixture.ts';

let api: ApiFixture;
const ids: string[] = [];

beforeAll(async () => {
  api = await ApiFixture.start({ pools: [] });
  const text = 'x'.repeat(250_000);
  for (let job = 0; job < 80; job++) ids.push((await api.submit({ payload: { text } })).id);
});
afterAll(() => api.stop());

async function connections(kind: string): Promise<number> {
  const metrics = await (await api.fetch('/metrics')).text();
  return Number(new RegExp(`switchyard_stream_connections{kind="${kind}"} (\\d+)`).exec(metrics)?.[1]);
}

test('a WebSocket client that does not read is dropped with a clear code; others are served', async () => {
  const socket = await api.socket();
  // Nothing is taken from the connection any more: the buffers of both ends fill up.
  (socket.socket as unknown as { _socket: { pause(): void; resume(): void } })._socket.pause();
  for (const id of ids) socket.send({ type: 'subscribe', job_id: id });
  await waitUntil(async () => (await connections('websocket')) === 0);
  (socket.socket as unknown as { _socket: { pause(): void; resume(): void } })._socket.resume();
  await waitUntil(() => socket.closed);
  // The code arrives when the client reads again in time; a client that stays away is cut off.
  expect([1013, 1006]).toContain(socket.closed?.code);
  const other = await api.socket();
  other.send({ type: 'subscribe', job_id: ids[0] });
  await other.until((message) => message.type === 'snapshot');
  await other.close();
});

test('an event stream whose client is gone is forgotten', async () => {
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /api/jobs/${ids[0]}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await waitUntil(async () => (await connections('sse')) === 1);
  socket.destroy();
  await waitUntil(async () => (await connections('sse')) === 0);
  await waitUntil(async () => /^switchyard_watched_jobs 0$/m.test(await (await api.fetch('/metrics')).text()));
});
