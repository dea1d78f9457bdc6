import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Child } from '../../bench/child.ts';
import { readProcessTable } from '../../platform/processes/process-table.ts';
import { runCommand } from '../cli/run-command.ts';
import { ROOT } from '../house/repository.ts';
import { waitUntil } from '../harness/wait-until.ts';
import { MachineSite } from './machine-site.ts';

let site: MachineSite;

beforeAll(async () => {
  site = await MachineSite.start();
});
afterAll(() => site.stop());

const isThere = (pid: number | undefined) => readProcessTable().some((one) => one.pid === pid);

const command = (...args: string[]) =>
  runCommand(args, { cwd: site.stack.dataDir, env: { ...site.stack.env, SWITCHYARD_URL: site.stack.api } });

describe('a machine with two pretended GPUs', () => {
  let machine: Child;

  beforeAll(async () => {
    machine = await site.machine('box1');
  });
  afterAll(() => site.stopMachines());

  test('shows two services, their workers and a card that lives', async () => {
    const view = await site.until('box1', ({ presence, card }) => presence === 'alive' && card?.state === 'ready');
    expect(view.card?.facts).toMatchObject({ type: 'gpu', gpus: [{ vendor: 'mock' }, { vendor: 'mock' }] });
    expect(view.card?.services).toMatchObject([
      { name: 'painter-gpu0', state: 'running', port: site.port, gpus: [0] },
      { name: 'painter-gpu1', state: 'running', port: site.port + 1, gpus: [1] },
    ]);
    expect(view.card?.workers).toMatchObject([
      { name: 'painter-1', state: 'running', task_queues: ['standard.simulation'], slots: 1 },
      { name: 'painter-2', state: 'running' },
    ]);

    const health = String(machine.ready['health_url']);
    expect(await (await fetch(`${health}/health`)).json()).toMatchObject({ healthy: true, status: 'ready' });
    const status = (await (await fetch(`${health}/status`)).json()) as { start_up: { name: string }[] };
    expect(status.start_up.map(({ name }) => name)).toEqual([
      'configuration loaded',
      'machine type detected',
      'left-overs cleaned',
      'Temporal reached',
      'folders prepared',
      'services installed',
      'services started',
      'workers started',
      'health server started',
      'presence announced',
    ]);
    expect(await (await fetch(`${health}/metrics`)).text()).toContain('switchyard_service_up{service="painter-gpu0"');

    const listed = await command('machines');
    expect(listed.stdout).toMatch(/box1 +ready +2 +2\/2 +2\/2/);
    const shown = await command('machine', 'get', 'box1');
    expect(shown.stdout).toMatch(/painter-gpu1 +running[\s\S]*painter-2 +running/);
    const logs = await command('machine', 'logs', 'box1', 'painter-gpu0');
    expect(logs.stdout).toContain(`serving on ${site.port}`);
    expect((await command('machine', 'drain', 'nobody')).code).toBe(6);
    // A second one on the same data would take its ports and pid files away.
    await expect(site.machine('box1')).rejects.toThrow(/box1 runs already/);
  });

  test('gives no jobs to a worker whose program is sick, and restarts a program that dies', async () => {
    site.sick(0, true);
    site.sick(1, true);
    const held = await site.until(
      'box1',
      ({ card }) => card?.workers.every(({ state }) => state === 'paused') ?? false,
    );
    expect(held.card?.workers[0]?.reason).toMatch(/painter-gpu0 does not answer/);
    const job = await site.stack.submit({ service: 'simulation', payload: { steps: 1 } });
    site.sick(1, false);
    await site.until('box1', ({ card }) => card?.workers[1]?.state === 'running');
    expect(await site.stack.ended(job.id)).toMatchObject({ status: 'completed', attempt: 1 });
    site.sick(0, false);
    await site.die();
    const back = await site.until(
      'box1',
      ({ card }) =>
        card?.services[0]?.state === 'running' &&
        card.services[0].restarts === 1 &&
        card.workers[0]?.state === 'running',
    );
    expect(back.card?.state).toBe('ready');
    const logs = await site.command('box1', 'service.logs', { name: 'painter-gpu0' });
    expect(JSON.stringify(logs.result)).toContain(`serving on ${site.port}`);
    expect(await site.command('box1', 'service.restart', { name: 'nope' })).toMatchObject({
      state: 'failed',
      error: { code: 'not_found' },
    });
    expect(await site.command('box1', 'slots.set', { worker: 'painter-1', slots: 3 })).toMatchObject({
      state: 'succeeded',
    });
    await site.until('box1', ({ card }) => card?.workers[0]?.state === 'running' && card.workers[0].slots === 3);
  });

  test('drains, comes back, and leaves in order', async () => {
    const { card } = await site.view('box1');
    const job = await site.stack.submit({ service: 'simulation', payload: { steps: 100 } });
    await site.stack.until(job.id, ({ status: now }) => now === 'running');
    expect(await site.command('box1', 'drain')).toMatchObject({ state: 'succeeded' });
    const waiting = await site.stack.submit({ service: 'simulation', payload: { steps: 1 } });
    await site.until('box1', ({ card: now }) => now?.state === 'drained');
    // What ran came to its end on the machine; what came later waits.
    expect(await site.stack.get(job.id)).toMatchObject({ status: 'completed', attempt: 1 });
    expect((await site.stack.get(waiting.id)).status).toBe('queued');
    expect(await site.command('box1', 'resume')).toMatchObject({ state: 'succeeded' });
    expect(await site.stack.ended(waiting.id)).toMatchObject({ status: 'completed' });

    const pids = [...(card?.services ?? []), ...(card?.workers ?? [])].map(({ pid }) => pid);
    expect(await site.command('box1', 'stop')).toMatchObject({ state: 'succeeded' });
    expect(await machine.exited).toMatchObject({ code: 0 });
    await site.until('box1', ({ presence }) => presence === 'left');
    expect(pids.filter(isThere)).toEqual([]);
    const refused = await site.command('box1', 'drain');
    expect(refused).toMatchObject({ code: 'service_unavailable' });
  });
});

describe('a machine that dies', () => {
  afterAll(() => site.stopMachines());

  test('is noticed; its left-overs are cleaned at the next start, which takes its place', async () => {
    const machine = await site.machine('box2');
    const { card } = await site.until('box2', (view) => view.card?.state === 'ready');
    const services = card?.services.map(({ pid }) => pid) ?? [];
    await machine.kill();
    await site.until('box2', ({ presence }) => presence === 'away');
    expect(services.every(isThere)).toBe(true);
    const again = await site.machine('box2');
    expect(services.some(isThere)).toBe(false);
    await site.until('box2', (view) => view.card?.boot_id === again.ready['boot_id'] && view.presence === 'alive');

    const restarted = await site.command('box2', 'restart');
    expect(restarted).toMatchObject({ state: 'succeeded' });
    await site.until(
      'box2',
      (view) =>
        view.presence === 'alive' && view.card?.state === 'ready' && view.card.boot_id !== again.ready['boot_id'],
    );

    // And once its program has spent its restarts it fails: its jobs go elsewhere, and it ends with an error.
    const dying = setInterval(() => void site.die(), 100);
    const { code } = await again.exited;
    clearInterval(dying);
    expect(code).toBe(1);
    const view = await site.until('box2', ({ presence }) => presence === 'left');
    expect(view.reason).toMatch(/painter-gpu0 .*restarts are spent/);
    expect(view.card?.state).toBe('failed');
  });
});

test('a machine that is told nothing but to pretend GPUs shows an instance on each', async () => {
  const machine = await site.stack.machine(['--id', 'pretender', '--mock-gpus', '2'], {
    SWITCHYARD_CONFIG_DIR: join(ROOT, 'config'),
  });
  const { card } = await site.until('pretender', (view) => view.card?.state === 'ready');
  expect(card?.services).toMatchObject([
    { name: 'simulation-gpu0', state: 'running', gpus: [0] },
    { name: 'simulation-gpu1', state: 'running', gpus: [1] },
  ]);
  expect(card?.workers).toMatchObject([{ state: 'running' }, { state: 'running' }]);
  await machine.stop();
});

describe('a start-up that fails', () => {
  test('says what to do, and leaves nothing behind', async () => {
    const failing = site.machine('box5', {}, 'painter:1,broken');
    await expect(failing).rejects.toThrow(/services started failed[\s\S]*broken[\s\S]*Its log: /);
    expect(readProcessTable().length).toBeGreaterThan(0);
    await waitUntil(async () => {
      const answers = await fetch(`http://127.0.0.1:${site.port}/`).then(
        () => true,
        () => false,
      );
      return !answers;
    });
    await expect(site.view('box5')).rejects.toThrow(/404/);
  });

  test('an unknown worker is refused before anything is touched', async () => {
    await expect(site.machine('box6', {}, 'paintre')).rejects.toThrow(/there is no worker "paintre"/);
  });
});
