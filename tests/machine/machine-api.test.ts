import { once } from 'node:events';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readSse } from '../../connectors/http/sse-stream.ts';
import type { MachineOperation } from '../../contract/machine-command.ts';
import type { MachineEvent, MachineView } from '../../contract/machine-view.ts';
import { WebSocket } from 'ws';
import { ApiFixture } from '../api/api-fixture.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { pretendMachine } from './pretended-machine.ts';

let api: ApiFixture;
const ended: (() => Promise<void>)[] = [];

beforeAll(async () => {
  api = await ApiFixture.start({ pools: [] });
});
afterAll(async () => {
  await Promise.all(ended.map((end) => end()));
  await api.stop();
});

async function machineOf(id: string, handlers = {}) {
  const { address } = api.stack.temporal;
  const machine = await pretendMachine({
    address,
    id,
    boot: { boot_id: 'a', hostname: 'here', version: '0' },
    handlers,
  });
  ended.push(machine.stop);
  await machine.announcer.announce();
  await waitUntil(async () => (await view(id)).presence === 'alive');
  return machine;
}

async function view(id: string): Promise<MachineView> {
  const response = await api.fetch(`/api/machines/${id}`);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as MachineView;
}

async function post(path: string, body?: object) {
  const response = await api.fetch(`/api/machines/${path}`, {
    method: 'POST',
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  });
  return {
    status: response.status,
    body: (await response.json()) as MachineOperation & { code?: string; detail: string },
  };
}

describe('GET /api/machines', () => {
  test('lists machines with their cards, and does not take them for pools', async () => {
    await machineOf('listed');
    const { machines } = await api.json<{ machines: MachineView[] }>('/api/machines');
    expect(machines.find(({ id }) => id === 'listed')).toMatchObject({
      presence: 'alive',
      card: { machine_id: 'listed' },
    });
    const { workers } = await api.json<{ workers: { task_queue: string }[] }>('/api/workers');
    expect(workers.map((worker) => worker.task_queue)).not.toContain('machine.listed');
  });

  test.each(['nobody', 'NO-SUCH', '..%2fetc'])('%s is not found', async (id) => {
    const response = await api.fetch(`/api/machines/${id}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'not_found' });
  });
});

describe('commands', () => {
  test('are carried out, by kind and at addresses of their own', async () => {
    await machineOf('told', {
      drain: async () => 'drained',
      'service.restart': async ({ name }: { name: string }) => ({ restarted: name }),
    });
    expect(await post('told/drain')).toMatchObject({ status: 200, body: { state: 'succeeded', result: 'drained' } });
    const command = { kind: 'service.restart', args: { name: 'x' }, id: 'mine', issued_by: 'me' };
    const restarted = await post('told/commands', command);
    expect(restarted).toMatchObject({ status: 200, body: { id: 'mine', result: { restarted: 'x' } } });
    expect(await api.json('/api/machines/told/operations/mine')).toEqual(restarted.body);
    const missing = await api.fetch('/api/machines/told/operations/other');
    expect(missing.status).toBe(404);
  });

  test('that take longer than is waited for can be followed', async () => {
    let finish!: () => void;
    await machineOf('slow', { drain: () => new Promise<void>((resolve) => (finish = resolve)) });
    const begun = await post('slow/drain', { wait: 0 });
    expect(begun).toMatchObject({ status: 202, body: { state: 'running' } });
    await waitUntil(() => finish !== undefined);
    finish();
    await waitUntil(async () => {
      const operation = await api.json<MachineOperation>(`/api/machines/slow/operations/${begun.body.id}`);
      return operation.state === 'succeeded';
    });
  });

  test('a machine that has left is told at once, an unknown one and an unknown kind too', async () => {
    const machine = await machineOf('gone');
    await machine.leave();
    await waitUntil(async () => (await view('gone')).presence === 'left');
    const refused = await post('gone/drain');
    expect(refused).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
    expect(refused.body.detail).toMatch(/gone is away since .*stopped/);
    expect(await post('nobody/drain')).toMatchObject({ status: 404 });
    expect(await post('gone/commands', { kind: 'explode' })).toMatchObject({ status: 422 });
  });
});

describe('events', () => {
  test('over SSE: all of them first, then each as it changes', async () => {
    const machine = await machineOf('watched');
    const stop = new AbortController();
    const response = await api.fetch('/api/machines/events?machine=watched', { signal: stop.signal });
    const events: MachineEvent[] = [];
    const reading = (async () => {
      const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
      for await (const { data } of readSse(body)) events.push(JSON.parse(data) as MachineEvent);
    })().catch(() => {});
    await waitUntil(() => events[0]?.type === 'machines');
    expect(events[0]).toMatchObject({ machines: [{ id: 'watched', presence: 'alive' }] });
    await machine.leave();
    await waitUntil(() => events.some((event) => event.type === 'machine' && event.machine.presence === 'left'));
    stop.abort();
    await reading;
  });

  test('over WebSocket', async () => {
    const machine = await machineOf('socketed');
    const socket = new WebSocket(`${api.url.replace('http', 'ws')}/api/ws`);
    const messages: { type: string; machine?: MachineView; code?: string }[] = [];
    socket.on('message', (data) => messages.push(JSON.parse((data as Buffer).toString()) as (typeof messages)[number]));
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'subscribe', machines: true, ref: 1 }));
    await waitUntil(() => messages.some(({ type }) => type === 'machines'));
    expect(messages[0]).toEqual({ type: 'subscribed', machines: true, ref: 1 });
    await machine.leave();
    await waitUntil(() => messages.some(({ machine: one }) => one?.id === 'socketed' && one.presence === 'left'));
    socket.send(JSON.stringify({ type: 'subscribe', machines: 'NO' }));
    await waitUntil(() => messages.some(({ code }) => code === 'validation'));
    socket.close();
    await once(socket, 'close');
  });
});
