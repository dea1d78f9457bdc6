import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import { parseEventId } from '../../contract/job-events.ts';
import { splitEventId, type LiveEvent } from '../../contract/live-events.ts';
import { LiveSource } from '../../platform/live/live-source.ts';
import type { Uplink } from '../../platform/live/ws-uplink.ts';
import { ApiFixture, type EventStream } from '../api/api-fixture.ts';
import { scriptedCatalog } from '../harness/in-process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { liveApi, PictureSocket, textOf, TOKEN, uplinkTo, writer } from './live-fixture.ts';

const catalog = scriptedCatalog({ first: { retry_initial_interval_seconds: 0.05 } });
const source = new LiveSource();
let api: ApiFixture;
let uplink: Uplink;
/** Where the worker finds the API at present. */
let address: string | undefined;
const others: ApiFixture[] = [];

beforeAll(async () => {
  api = await ApiFixture.start({ catalog, pools: [] }, {}, liveApi());
  await api.stack.startPool('first', { live: source });
  address = api.url;
  uplink = uplinkTo(() => address, source);
});
afterEach(async () => {
  for (const other of others.splice(0)) await other.close();
});
afterAll(async () => {
  uplink.close();
  source.close();
  await api.stop();
});

function live(stream: EventStream): LiveEvent[] {
  const types = ['token', 'preview', 'reset', 'dropped'];
  return (stream.events as unknown as LiveEvent[]).filter(({ type }) => types.includes(type));
}

async function running(): Promise<string> {
  const { id } = await api.submit();
  return id;
}

describe('server-sent events', () => {
  test('text and pictures come while the job goes on, for early and late watchers, with no history event', async () => {
    const attempt = writer(api.stack);
    const id = await running();
    const early = api.events(id);
    const job = await attempt();
    job.write('Once ');
    job.write('upon ');
    job.draw(Buffer.from('half a picture'), 0);
    await early.until((event) => (event as { type: string }).type === 'preview');
    expect(textOf(live(early))).toBe('Once upon ');
    const late = api.events(id);
    await waitUntil(() => textOf(live(late)) === 'Once upon ');
    const textOnly = api.events(id, undefined, '?live=tokens');
    const nothing = api.events(id, undefined, '?live=none');
    await waitUntil(() => textOf(live(textOnly)) === 'Once upon ');
    job.write('a time');
    job.end({ text: 'Once upon a time' });
    for (const stream of [early, late, textOnly, nothing]) await stream.done;
    for (const stream of [early, late]) {
      expect(textOf(live(stream))).toBe('Once upon a time');
      const preview = live(stream).find(({ type }) => type === 'preview');
      const data_url = `data:image/png;base64,${Buffer.from('half a picture').toString('base64')}`;
      expect(preview).toMatchObject({ job_id: id, attempt: 1, index: 0, mime: 'image/png', bytes: 14, data_url });
      const order = stream.events.map((event) => event.type);
      expect(order[0]).toBe('snapshot');
      expect(order.at(-1)).toBe('end');
      const numbers = live(stream).map(({ seq }) => seq);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    }
    expect(live(textOnly).map(({ type }) => type)).not.toContain('preview');
    expect(live(nothing)).toEqual([]);
    const history = await api.stack.client.workflow.getHandle(`job/${id}`).fetchHistory();
    expect(history.events).toHaveLength(11);
  });

  test('a new attempt resets the text and says so', async () => {
    const attempt = writer(api.stack);
    const id = await running();
    const stream = api.events(id);
    const first = await attempt(1);
    first.write('a bad start');
    await waitUntil(() => textOf(live(stream)) === 'a bad start');
    first.fail(new ConnectorError('backend_error', 'broke'));
    const second = await attempt(2);
    first.write(' goes on after its end');
    second.write('a good one');
    second.end('ok');
    await stream.done;
    expect(live(stream).filter(({ type }) => type === 'reset')).toMatchObject([
      { attempt: 2, reason: 'new_attempt', job_id: id },
    ]);
    expect(textOf(live(stream))).toBe('a good one');
  });

  test('Last-Event-ID goes on in both: after an API restart nothing is missed and nothing comes twice', async () => {
    const attempt = writer(api.stack);
    const id = await running();
    const before = api.events(id);
    const job = await attempt();
    job.write('before ');
    await waitUntil(() => textOf(live(before)) === 'before ');
    const seen = before.events.at(-1)!.id;
    expect(parseEventId(splitEventId(seen).eventId)).toBeDefined();
    await before.close();
    // The other process is at another address; the worker finds it when its connection breaks.
    const other = await ApiFixture.before(api.stack, {}, liveApi());
    others.push(other);
    address = other.url;
    uplink.close();
    job.write('between ');
    uplink = uplinkTo(() => address, source);
    const after = other.events(id, seen);
    await waitUntil(() => live(after).length > 0);
    job.write('after');
    job.end('ok');
    await after.done;
    const pieces = live(after).map((event) => (event.type === 'token' ? event.text : event.type));
    expect(pieces.join('')).toBe('between after');
    expect(live(after)[0]).toMatchObject({ position: 'before '.length });
    expect(after.events.at(-1)!.type).toBe('end');
    address = api.url;
    uplink.close();
    uplink = uplinkTo(() => address, source);
  });

  test('without a live channel the job does not notice', async () => {
    const lonely = await ApiFixture.before(api.stack);
    others.push(lonely);
    const attempt = writer(api.stack);
    const id = await running();
    const stream = lonely.events(id);
    const job = await attempt();
    for (let n = 0; n < 1_000; n++) job.write(`${n} `);
    job.end('ok');
    await stream.done;
    expect(live(stream)).toEqual([]);
    expect(stream.events.at(-1)).toMatchObject({ type: 'end', job: { status: 'completed' } });
  });
});

test('WebSocket: text as JSON, pictures as binary frames, each job by its own choice', async () => {
  const attempt = writer(api.stack);
  const id = await running();
  const [binary, inside, none] = await Promise.all([1, 2, 3].map(() => PictureSocket.open(api.url)));
  binary!.send({ type: 'subscribe', job_id: id });
  inside!.send({ type: 'subscribe', job_id: id, pictures: 'data_url' });
  none!.send({ type: 'subscribe', job_id: id, live: 'none' });
  const job = await attempt();
  job.write('words ');
  const picture = Buffer.alloc(300_000, 7);
  job.draw(picture, 3);
  await waitUntil(() => binary!.pictures.length === 1);
  job.end('ok');
  for (const socket of [binary, inside, none]) {
    await waitUntil(() => socket!.messages.some(({ type }) => type === 'end'));
  }
  const { head, picture: came } = binary!.pictures[0]!;
  expect(head).toMatchObject({ type: 'preview', job_id: id, index: 3, bytes: 300_000 });
  expect(came.equals(picture)).toBe(true);
  const url = inside!.messages.find(({ type }) => type === 'preview')!['data_url'] as string;
  expect(url).toBe(`data:image/png;base64,${picture.toString('base64')}`);
  for (const socket of [binary, inside]) expect(textOf(socket!.messages)).toBe('words ');
  expect(none!.messages.map(({ type }) => type)).not.toContain('token');
  expect(none!.pictures).toEqual([]);
  for (const socket of [binary, inside, none]) await socket!.close();
});

test('a client that does not read gets the end, and is told exactly what it missed', async () => {
  const attempt = writer(api.stack);
  const id = await running();
  const stream = await fetch(`${api.url}/api/jobs/${id}/events`);
  const quick = api.events(id);
  const job = await attempt();
  const count = 60;
  // Far more than the buffers of the connection take while nothing is read.
  for (let index = 0; index < count; index++) {
    job.draw(Buffer.alloc(1_000_000, index), index);
    await waitUntil(() => live(quick).some((event) => event.type === 'preview' && event.index === index), 60_000, 5);
  }
  job.write('last words');
  job.end('ok');
  await quick.done;
  const text = await stream.text();
  const events = [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!) as LiveEvent);
  const came = events.filter(({ type }) => type === 'preview').length;
  const dropped = events.reduce((sum, event) => sum + (event.type === 'dropped' ? event.previews : 0), 0);
  expect(dropped).toBeGreaterThan(0);
  expect(came + dropped).toBe(count);
  expect(textOf(events)).toHaveLength('last words'.length);
  expect((events.at(-1) as { type: string }).type).toBe('end');
});

describe('who may bring streams', () => {
  function refused(headers: Record<string, string>): Promise<string> {
    return new Promise((resolve) => {
      const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/live`, { headers });
      socket.on('error', (error) => resolve(error.message));
      socket.on('open', () => {
        socket.close();
        resolve('taken');
      });
    });
  }

  test('only who has the token, and no page in a browser', async () => {
    expect(await refused({})).toContain('401');
    expect(await refused({ authorization: 'Bearer wrong' })).toContain('401');
    expect(await refused({ authorization: `Bearer ${TOKEN}`, origin: api.url })).toContain('401');
    expect(await refused({ authorization: `Bearer ${TOKEN}` })).toBe('taken');
  });

  test('nonsense from a worker harms nobody', async () => {
    const authorization = `Bearer ${TOKEN}`;
    const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/live`, { headers: { authorization } });
    await new Promise((resolve) => socket.once('open', resolve));
    for (const message of ['', 'x', '\u0000\u0000\u0000\u0002{}', '\u00ff\u00ff\u00ff\u00ff', '{"m":"want"}']) {
      socket.send(Buffer.from(message, 'latin1'));
    }
    const attempt = writer(api.stack);
    const id = await running();
    const stream = api.events(id);
    const job = await attempt();
    job.write('fine');
    job.end('ok');
    await stream.done;
    expect(textOf(live(stream))).toBe('fine');
    socket.close();
  });
});
