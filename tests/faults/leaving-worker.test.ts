import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Child } from '../../bench/child.ts';
import type { WorkerPresence } from '../../platform/presence/worker-presence.ts';
import { runCommand } from '../cli/run-command.ts';
import { ProcessStack } from '../harness/process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';

let stack: ProcessStack;
beforeAll(async () => {
  stack = await ProcessStack.start({ SWITCHYARD_SHUTDOWN_GRACE: '60s' });
  await stack.server();
});
afterAll(() => stack.stop());

const work = (duration: number) => ({ service: 'simulation', payload: { duration, steps: 50, service_job: true } });
const urlOf = (worker: Child) => String(worker.ready['health_url']);
const drain = (worker: Child, query = '', init: RequestInit = {}) =>
  fetch(`${urlOf(worker)}/drain${query}`, { method: 'POST', ...init });

async function presenceOf(worker: Child): Promise<WorkerPresence | undefined> {
  const { workers } = (await (await fetch(`${stack.api}/api/workers`)).json()) as { workers: WorkerPresence[] };
  return workers.find((each) => each.process_id === String(worker.pid) && each.task_queue.endsWith('.simulation'));
}

async function running(duration: number): Promise<string> {
  const { id } = await stack.submit(work(duration));
  await stack.until(id, (job) => job.service_job_id !== undefined && job.status === 'running');
  return id;
}

describe('a worker that is told to leave', () => {
  test('drain: it takes no more jobs, says so, ends those it has, and is gone', async () => {
    const first = await stack.worker('fast-lane');
    const id = await running(8_000);
    expect((await drain(first, '', { headers: { origin: 'http://evil.example' } })).status).toBe(403);
    expect((await drain(first, '?grace=soon')).status).toBe(422);
    expect((await fetch(`${urlOf(first)}/drain`)).status).toBe(405);
    expect((await fetch(`${urlOf(first)}/health`)).status).toBe(200);

    const answer = await drain(first, '?grace=10m');
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ why: 'drained', active_jobs: 1, until: expect.any(String) });
    const health = await fetch(`${urlOf(first)}/health`);
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({ status: 'leaving', why: 'drained' });
    await waitUntil(async () => (await presenceOf(first))?.leaving === true);
    const waiting = await stack.submit(work(10));
    await stack.until(waiting.id, (job) => job.status_reason === 'no_worker');

    const second = await stack.worker('fast-lane');
    const done = await stack.ended(waiting.id);
    expect(done).toMatchObject({ status: 'completed', worker: expect.stringContaining(`#${second.pid}`) });
    expect(await stack.ended(id)).toMatchObject({ status: 'completed', attempt: 1 });
    expect((await first.exited).code).toBe(0);
    expect(await stack.submissions(id)).toBe(1);
    await second.stop();
  });

  test('a second SIGTERM hurries: its jobs go elsewhere with their checkpoints, and pay no attempt', async () => {
    const first = await stack.worker('fast-lane');
    const id = await running(10_000);
    first.signal('SIGTERM');
    await waitUntil(async () => (await fetch(`${urlOf(first)}/health`)).status === 503);
    expect((await stack.get(id)).status).toBe('running');
    first.signal('SIGTERM');
    const { code, output } = await first.exited;
    expect(code).toBe(0);
    expect(output).not.toContain('Activity failed');
    const second = await stack.worker('fast-lane');
    expect(await stack.ended(id)).toMatchObject({ status: 'completed', result: { reattached: true } });
    const answer = await fetch(`${stack.api}/api/jobs/${id}/attempts`);
    const { attempts } = (await answer.json()) as { attempts: object[] };
    expect(attempts[0]).toMatchObject({ error: { code: 'worker_lost', message: expect.stringContaining('leaves') } });
    expect(await stack.submissions(id)).toBe(1);
    await second.stop();
  });

  test('switchyard worker drain: names those that are here, and waits until they have left', async () => {
    const worker = await stack.worker('fast-lane');
    const port = new URL(urlOf(worker)).port;
    const run = (...args: string[]) =>
      runCommand(['worker', 'drain', ...args], { env: { ...stack.env, SWITCHYARD_HEALTH_PORT: port } });
    expect(await run()).toMatchObject({ code: 2 });
    expect(await run('--pool', 'heavy')).toMatchObject({
      code: 6,
      stderr: expect.stringContaining(`fast-lane (${worker.pid})`),
    });
    const ran = await run('--pid', String(worker.pid), '--wait');
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('takes no more jobs and leaves') });
    expect((await worker.exited).code).toBe(0);
  });
});
