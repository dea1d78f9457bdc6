import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { machineTaskQueue } from '../../contract/machine-card.ts';
import { MachineCache } from '../../platform/machines/machine-cache.ts';
import { readMachine } from '../../platform/machines/read-machine.ts';
import { CommandRefusedError, readOperation, sendCommand } from '../../platform/machines/send-command.ts';
import { InProcessStack } from '../harness/in-process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { pretendMachine } from './pretended-machine.ts';

let stack: InProcessStack;
const ended: (() => Promise<void>)[] = [];

beforeAll(async () => {
  stack = await InProcessStack.start({ pools: [] });
});
afterAll(async () => {
  await Promise.all(ended.map((end) => end()));
  await stack.stop();
});

async function machineOf(id: string, boot: string, handlers = {}) {
  const machine = await pretendMachine({
    address: stack.temporal.address,
    id,
    boot: { boot_id: boot, hostname: 'here', version: '0' },
    handlers,
  });
  ended.push(machine.stop);
  await machine.announcer.announce();
  return machine;
}

const read = (id: string) => readMachine(stack.client, id, 5_000);
const history = async (id: string) =>
  (await stack.client.workflow.getHandle(`machine/${id}`).fetchHistory()).events?.length ?? 0;

async function untilAlive(id: string, boot: string) {
  return waitUntil(async () => {
    const view = await read(id);
    return view?.presence === 'alive' && view.card?.boot_id === boot && view;
  });
}

describe('presence', () => {
  test('a machine that announces itself is alive with its card, and beats without a word in the history', async () => {
    await machineOf('box1', 'a');
    const first = await untilAlive('box1', 'a');
    const events = await history('box1');
    await waitUntil(async () => ((await read('box1'))?.card?.seq ?? 0) > (first.card?.seq ?? 0));
    expect(await history('box1')).toBe(events);
  });

  test('who leaves in order has left; its last card stays', async () => {
    const machine = await machineOf('leaver', 'a');
    await untilAlive('leaver', 'a');
    await machine.leave();
    const view = await waitUntil(async () => {
      const now = await read('leaver');
      return now?.presence === 'left' && now;
    });
    expect(view).toMatchObject({ reason: 'It was stopped', card: { boot_id: 'a' } });
  });

  test('a new boot takes the place of the old one, which finds out', async () => {
    const old = await machineOf('twice', 'a');
    await untilAlive('twice', 'a');
    await machineOf('twice', 'b');
    await untilAlive('twice', 'b');
    await waitUntil(() => old.replaced.length > 0);
    expect(old.replaced[0]?.boot_id).toBe('b');
  });

  test('a machine that Temporal has lost sight of announces itself again', async () => {
    const machine = await machineOf('lost', 'a');
    await untilAlive('lost', 'a');
    await stack.client.workflow.getHandle('machine/lost').terminate('by hand');
    await waitUntil(() => !machine.announcer.present);
    await untilAlive('lost', 'a');
  });

  test('an unknown machine is no machine', async () => {
    expect(await read('nobody')).toBeUndefined();
  });
});

describe('commands', () => {
  test('one is carried out once, however often it is given, and its result is kept', async () => {
    let runs = 0;
    await machineOf('worker1', 'a', { drain: async (args: object) => ({ run: ++runs, args }) });
    await untilAlive('worker1', 'a');
    const wish = { id: 'c1', kind: 'drain', args: { now: true } } as const;
    const first = await sendCommand(stack.client, 'worker1', wish, 10_000);
    const again = await sendCommand(stack.client, 'worker1', wish, 10_000);
    expect(first).toMatchObject({ id: 'c1', state: 'succeeded', result: { run: 1, args: { now: true } } });
    expect(again).toEqual(first);
    expect(await readOperation(stack.client, 'worker1', 'c1', 5_000)).toEqual(first);
  });

  test('a detached one is followed', async () => {
    let finish!: (value: string) => void;
    const handler = () => new Promise<string>((resolve) => (finish = resolve));
    await machineOf('worker2', 'a', { 'nodes.install': handler });
    await untilAlive('worker2', 'a');
    const wish = { id: 'c2', kind: 'nodes.install', args: {}, detached: true } as const;
    expect(await sendCommand(stack.client, 'worker2', wish, 10_000)).toMatchObject({ state: 'running' });
    await waitUntil(() => finish !== undefined);
    finish('installed');
    await waitUntil(async () => (await readOperation(stack.client, 'worker2', 'c2', 5_000))?.state === 'succeeded');
  });

  test('what a handler throws is told with its code; a kind it does not know too', async () => {
    const handlers = {
      drain: async () => {
        throw Object.assign(new Error('no such thing here'), { code: 'not_found' });
      },
    };
    await machineOf('worker3', 'a', handlers);
    await untilAlive('worker3', 'a');
    const failed = await sendCommand(stack.client, 'worker3', { id: 'c3', kind: 'drain', args: {} }, 10_000);
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'not_found', message: 'no such thing here' } });
    const unknown = await sendCommand(stack.client, 'worker3', { id: 'c4', kind: 'resume', args: {} }, 10_000);
    expect(unknown).toMatchObject({ state: 'failed', error: { code: 'validation' } });
  });

  test('a machine that is away, or was never there, is answered at once', async () => {
    const machine = await machineOf('gone', 'a');
    await untilAlive('gone', 'a');
    await machine.leave();
    await waitUntil(async () => (await read('gone'))?.presence === 'left');
    const refused = await sendCommand(stack.client, 'gone', { id: 'c5', kind: 'drain', args: {} }, 10_000).catch(
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(CommandRefusedError);
    expect(refused).toMatchObject({ code: 'service_unavailable' });
    expect((refused as Error).message).toMatch(/is away since .*It was stopped/);
    await expect(
      sendCommand(stack.client, 'nobody', { id: 'c6', kind: 'drain', args: {} }, 10_000),
    ).rejects.toMatchObject({ code: 'not_found' });
  });

  test('an expired one never runs', async () => {
    let runs = 0;
    await machineOf('worker4', 'a', { drain: async () => ++runs });
    await untilAlive('worker4', 'a');
    // As an orchestrator that was away finds it: given up long ago.
    const late = { id: 'late', kind: 'drain', args: {}, expires_at: Date.now() - 1 };
    const update = stack.client.workflow
      .getHandle('machine/worker4')
      .executeUpdate('command', { args: [late], updateId: 'late' });
    await expect(update).rejects.toMatchObject({ cause: { type: 'timeout' } });
    expect(runs).toBe(0);
  });
});

test('the cache knows who is there and who has gone, and says what changes', async () => {
  const cache = new MachineCache({
    client: stack.client,
    queues: () => [machineTaskQueue('cached'), 'jobs', 'first.scripted'],
    logger: pino({ level: 'silent' }),
    refreshMs: 200,
  });
  const told: string[] = [];
  cache.subscribe((id, view) => id === 'cached' && told.push(view?.presence ?? 'none'));
  cache.start();
  const machine = await machineOf('cached', 'a');
  await waitUntil(() => cache.get('cached')?.presence === 'alive');
  await machine.leave();
  await waitUntil(() => cache.get('cached')?.presence === 'left');
  expect(told).toEqual(expect.arrayContaining(['alive', 'left']));
  expect(cache.get('cached')?.card?.boot_id).toBe('a');
  cache.stop();
});
