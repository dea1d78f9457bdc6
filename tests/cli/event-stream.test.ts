import { afterEach, describe, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import type { JobEvent } from '../../contract/job-events.ts';
import { followJob, type FollowOptions } from '../../cli/api-client/event-stream.ts';
import { waitForEnd } from '../../cli/api-client/wait-for-end.ts';
import { exampleJob, exampleProgress } from './job-examples.ts';
import { httpDouble, problem, type HttpDouble } from './http-double.ts';

let server: HttpDouble | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

const HEAD = { 'content-type': 'text/event-stream' };
const QUICK: FollowOptions = { retryMs: 5, maxRetryMs: 20 };

const snapshot: JobEvent = { type: 'snapshot', id: '0-1-1-1-1', job: exampleJob() };
const end: JobEvent = { type: 'end', id: '1-1-1-0-0', job: exampleJob({ status: 'completed' }) };

function progress(seq: number): JobEvent {
  return { type: 'progress', id: `0-1-1-1-${seq}`, job_id: 'j', attempt: 1, progress: exampleProgress({ seq }) };
}

function record(event: JobEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function stream(response: ServerResponse, ...events: JobEvent[]): void {
  response.writeHead(200, HEAD).write('retry: 2000\n\n');
  for (const event of events) response.write(record(event));
}

async function collect(options: FollowOptions = QUICK): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of followJob(server!.api, 'a/b', options)) events.push(event as JobEvent);
  return events;
}

describe('following a job', () => {
  test('gives every event and ends at the end, though the server keeps the connection open', async () => {
    server = await httpDouble((_request, response) => stream(response, snapshot, progress(2), end));
    expect(await collect()).toEqual([snapshot, progress(2), end]);
    expect(server.requests).toEqual([
      expect.objectContaining({ method: 'GET', url: '/api/jobs/a%2Fb/events?live=none' }),
    ]);
  });

  test('puts events together from whatever pieces the network makes of them', async () => {
    const message = { ...snapshot, job: exampleJob({ status_message: 'zwölf 日本' }) } as JobEvent;
    const bytes = Buffer.from(`: keep-alive\r\n\r\n${record(message)}${record(end)}`);
    server = await httpDouble(async (_request, response) => {
      response.writeHead(200, HEAD);
      for (const byte of bytes) {
        response.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    expect(await collect()).toEqual([message, end]);
  });

  test('goes on after a cut from the last event it has seen, and says so once', async () => {
    let away = 0;
    let back = 0;
    server = await httpDouble((_request, response, count) => {
      if (count === 1) {
        stream(response, snapshot, progress(2));
        setTimeout(() => server?.cut(), 20);
      } else if (count === 2) problem(response, 503, 'service_unavailable', 'Temporal is away', { 'retry-after': '0' });
      else if (count === 3) response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
      else if (count === 4) response.destroy();
      else stream(response, snapshot, end);
    });
    const events = await collect({ ...QUICK, onAway: () => away++, onBack: () => back++ });
    expect(events).toEqual([snapshot, progress(2), snapshot, end]);
    expect(server.requests.map(({ headers }) => headers['last-event-id'])).toEqual([
      undefined,
      ...Array(4).fill('0-1-1-1-2'),
    ]);
    expect([away, back]).toEqual([1, 1]);
  });

  test('a stream that ends before its end is opened again', async () => {
    server = await httpDouble((_request, response, count) => {
      stream(response, count === 1 ? snapshot : end);
      response.end();
    });
    expect(await collect()).toEqual([snapshot, end]);
  });

  test('a silent connection counts as dead; keep-alives count as life', async () => {
    server = await httpDouble((_request, response, count) => {
      stream(response, snapshot);
      if (count === 1) return;
      const beat = setInterval(() => response.write(': keep-alive\n\n'), 20);
      setTimeout(() => {
        clearInterval(beat);
        response.write(record(end));
      }, 500);
    });
    expect(await collect({ ...QUICK, idleMs: 200 })).toEqual([snapshot, snapshot, end]);
    expect(server.requests).toHaveLength(2);
  });

  test('events of an unknown kind and broken ones are passed over', async () => {
    server = await httpDouble((_request, response) => {
      response.writeHead(200, HEAD).write('event: preview\ndata: {"x":1}\n\ndata: {broken\n\ndata: 7\n\n');
      response.write(record(end));
    });
    expect(await collect()).toEqual([end]);
  });

  test('a job that does not exist is told at once', async () => {
    server = await httpDouble((_request, response) => problem(response, 404, 'not_found', 'no such job'));
    await expect(collect()).rejects.toMatchObject({ exitCode: 6, message: 'no such job' });
    expect(server.requests).toHaveLength(1);
  });

  test('an API that is not there is told at once, unless the job is known to exist', async () => {
    server = await httpDouble((_request, response) => problem(response, 503, 'service_unavailable', 'away'));
    await expect(collect()).rejects.toMatchObject({ exitCode: 7 });
    await server.close();
    await expect(collect()).rejects.toMatchObject({
      exitCode: 7,
      message: expect.stringContaining('connection refused'),
    });
    const patient = collect({ ...QUICK, patient: true });
    server = await httpDouble((_request, response) => stream(response, end), server.port);
    expect(await patient).toEqual([end]);
  });

  test('leaves when told to, and closes the connection', async () => {
    let closed: Promise<void> | undefined;
    const leave = new AbortController();
    server = await httpDouble((request, response) => {
      closed = new Promise((resolve) => request.once('close', resolve));
      stream(response, snapshot);
    });
    const seen: JobEvent[] = [];
    const following = (async () => {
      for await (const event of followJob(server.api, 'j', { ...QUICK, signal: leave.signal })) {
        seen.push(event as JobEvent);
        leave.abort(new Error('enough'));
      }
    })();
    await expect(following).rejects.toThrow('enough');
    expect(seen).toEqual([snapshot]);
    await closed;
  });
});

describe('waiting for the end', () => {
  test('outlives a cut and gives the finished job', async () => {
    server = await httpDouble((request, response, count) => {
      if (!request.url?.includes('/events')) {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(exampleJob()));
      } else if (count < 4) response.destroy();
      else stream(response, end);
    });
    expect((await waitForEnd(server.api, 'j', 60)).status).toBe('completed');
  });

  test('gives the job as it is when the time is up', async () => {
    server = await httpDouble((request, response) => {
      if (request.url?.includes('/events')) stream(response, snapshot);
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(exampleJob()));
    });
    expect((await waitForEnd(server.api, 'j', 0.2)).status).toBe('running');
  });
});
