import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OpenAiDouble } from '../doubles/openai/openai-double.ts';
import { Forwarder } from '../harness/forwarder.ts';
import { ProcessStack } from '../harness/process-stack.ts';
import { waitUntil } from '../harness/wait-until.ts';

let stack: ProcessStack;
let double: OpenAiDouble;
let backend: Forwarder;

beforeAll(async () => {
  double = await OpenAiDouble.start();
  backend = await Forwarder.to(Number(new URL(double.url).port));
  stack = await ProcessStack.start({
    OPENAI_BASE_URL: `http://127.0.0.1:${backend.port}/v1`,
    OPENAI_API_KEY: 'sk-double',
    OPENAI_TEXT_MODEL: 'gpt-double-mini',
  });
  await stack.server();
});
afterAll(async () => {
  await stack?.stop();
  await backend?.off();
  await double?.stop();
});

const question = { service: 'openai-text', payload: { prompt: 'Say hello' }, retry: { initial_interval: '200ms' } };
async function healthOf(service: string): Promise<string | undefined> {
  const { services } = (await (await fetch(`${stack.api}/api/services`)).json()) as {
    services: { name: string; health: string }[];
  };
  return services.find(({ name }) => name === service)?.health;
}
const work = (duration: number) => ({ service: 'simulation', payload: { duration, steps: 50, service_job: true } });

describe('a worker whose backend is away', () => {
  test('takes no jobs, says why they wait, and takes them when it is back; they have lost no attempt', async () => {
    const worker = await stack.worker('fast-lane', ['--capabilities', 'openai-text']);
    const { id } = await stack.submit(question);
    const waiting = await stack.until(id, (job) => job.status_reason === 'backend_unavailable');
    expect(waiting).toMatchObject({ status: 'queued', status_message: expect.stringContaining('switchyard services') });
    const status = (await (await fetch(`${String(worker.ready['health_url'])}/status`)).json()) as object;
    expect(status).toMatchObject({
      closed_queues: [{ task_queue: 'fast-lane.openai-text', reason: expect.stringContaining('reach') }],
    });
    await backend.on();
    const job = await stack.ended(id);
    expect(job.status).toBe('completed');
    expect(job.error).toBeUndefined();
    await waitUntil(async () => (await healthOf('openai-text')) === 'healthy');
  });

  test('that goes away later: the first job that meets it closes the queue, and is done when it is back', async () => {
    expect(await healthOf('openai-text')).toBe('healthy');
    await backend.off();
    const first = await stack.submit(question);
    await stack.until(first.id, (job) => job.status_reason === 'backend_unavailable' || job.attempt > 1);
    const second = await stack.submit(question);
    await stack.until(second.id, (job) => job.status_reason === 'backend_unavailable');
    await backend.on();
    expect((await stack.ended(first.id)).status).toBe('completed');
    expect((await stack.ended(second.id)).status).toBe('completed');
  });
});

test('SIGSTOP: its jobs go on elsewhere; woken, it does no harm and works again', async () => {
  const first = await stack.worker('fast-lane', ['--capabilities', 'simulation']);
  const jobs = await Promise.all([1, 2, 3].map(() => stack.submit(work(8_000))));
  for (const { id } of jobs) await stack.until(id, (job) => job.service_job_id !== undefined);
  const second = await stack.worker('fast-lane', ['--capabilities', 'simulation']);
  first.signal('SIGSTOP');
  for (const { id } of jobs) {
    await stack.until(id, (job) => job.status === 'running' && job.attempt === 2);
  }
  first.signal('SIGCONT');
  for (const { id } of jobs) {
    expect(await stack.ended(id)).toMatchObject({ status: 'completed', result: { reattached: true } });
    expect(await stack.submissions(id)).toBe(1);
  }
  await second.stop();
  const { id } = await stack.submit(work(10));
  const last = await stack.ended(id);
  expect(last).toMatchObject({ status: 'completed', worker: expect.stringContaining(`#${first.pid}`) });
  await first.stop();
});

describe('a worker whose disk is full', () => {
  const onSmallDisk = process.platform === 'linux' && process.getuid?.() === 0 ? test : test.skip;

  onSmallDisk(
    'the attempt fails with the reason, leaves nothing behind, and the next one works when there is room',
    async () => {
      const disk = join(stack.dataDir, 'artifacts');
      await mkdir(disk, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'ignore' });
      const worker = await stack.worker('fast-lane', ['--capabilities', 'simulation']);
      try {
        await writeFile(join(disk, '.filler'), Buffer.alloc(1_800_000));
        const artifacts = [{ name: 'big.bin', bytes: 1_000_000 }];
        const { id } = await stack.submit({
          service: 'simulation',
          payload: { duration: 10, artifacts },
          retry: { initial_interval: '1s', max_attempts: 20 },
        });
        const failing = await stack.until(id, (job) => job.error !== undefined);
        expect(failing.error).toMatchObject({
          code: 'service_unavailable',
          message: expect.stringContaining('ENOSPC'),
        });
        expect(await stack.storedFiles()).toEqual([]);
        const small = await stack.submit({ service: 'simulation', payload: { duration: 10 } });
        expect((await stack.ended(small.id)).status).toBe('completed');
        await writeFile(join(disk, '.filler'), '');
        expect(await stack.ended(id)).toMatchObject({ status: 'completed' });
        expect(await waitUntil(() => stack.storedFiles())).toEqual(['big.bin']);
      } finally {
        await worker.kill();
        execFileSync('umount', ['-l', disk]);
      }
    },
  );
});
