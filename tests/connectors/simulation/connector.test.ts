import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { ProgressUpdate } from '../../../connectors/contract/connector.ts';
import { momentOf } from '../../../connectors/simulation/progress-curve.ts';
import { SimulationConnector } from '../../../connectors/simulation/connector.ts';
import { fillMemory } from '../../../connectors/simulation/memory.ts';
import { FakeService } from '../../../connectors/simulation/fake-service.ts';
import { contextFor, eventually, jobOf, type TestContext, type TestContextOptions } from '../harness.ts';

let stateDir: string;
let connector: SimulationConnector;
const contexts: TestContext[] = [];

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'switchyard-simulation-'));
  connector = new SimulationConnector('sim', { state_dir: stateDir });
});
afterEach(async () => {
  await connector.cleanup();
  await Promise.all(contexts.splice(0).map((context) => context.remove()));
  await rm(stateDir, { recursive: true, force: true });
});

function start(payload: Record<string, unknown>, options: TestContextOptions = {}) {
  const context = contextFor(options);
  contexts.push(context);
  const reports: ProgressUpdate[] = [];
  const id = options.jobId ?? 'job1';
  const report = (update: ProgressUpdate) => void reports.push(update);
  const outcome = connector.processJob(jobOf({ duration: 20, ...payload }, { id }), report, context);
  outcome.catch(() => {});
  return { outcome, reports, context };
}
const cancelled = () => Object.assign(new Error('CANCELLED'), { name: 'CancelledFailure' });
const shutdown = () => Object.assign(new Error('WORKER_SHUTDOWN'), { name: 'CancelledFailure' });

describe('work', () => {
  test('takes its time, reports each step with an estimate, echoes the result', async () => {
    const before = performance.now();
    const { outcome, reports } = start({ duration: '100ms', steps: 5, result: { answer: [42] } });
    expect(await outcome).toMatchObject({ job_id: 'job1', status: 'completed', result: { answer: [42] } });
    expect(performance.now() - before).toBeGreaterThanOrEqual(99);
    expect(reports.map((report) => report.progress)).toEqual([20, 40, 60, 80, 100]);
    expect(reports.map((report) => report.current_step)).toEqual([1, 2, 3, 4, 5]);
    expect(reports.at(-1)).toMatchObject({ job_id: 'job1', total_steps: 5, estimated_completion_ms: 0 });
  });

  test('gives a result back as it is, null too', async () => {
    for (const result of [null, false, 0, '', [], { answer: 42 }]) {
      expect((await start({ duration: 0, result }).outcome).result).toEqual(result);
    }
  });

  test('varies within the spread, the same way for the same seed', async () => {
    const durationOf = async (seed: number) => {
      const { result } = await start({ duration: 40, spread: 0.5, seed, steps: 1 }).outcome;
      return (result as { duration_ms: number }).duration_ms;
    };
    const seen = [await durationOf(1), await durationOf(2), await durationOf(3)];
    for (const duration of seen) expect(Math.abs(duration - 40)).toBeLessThanOrEqual(20);
    expect(new Set(seen).size).toBeGreaterThan(1);
    expect(await durationOf(1)).toBe(seen[0]);
  });

  test.each([
    // Six of ten steps within the first fifth of the time, the seventh in its last tenth.
    ['stall' as const, [0.1, 0.2, 0.925, 1]],
    // Several at one moment.
    ['burst' as const, [0.5, 0.75, 0.75, 1]],
    ['linear' as const, [0.3, 0.6, 0.7, 1]],
  ])('%s: when 3, 6, 7 and 10 of 10 steps are done', async (progress_curve, moments) => {
    expect([3, 6, 7, 10].map((step) => momentOf(progress_curve, step / 10))).toEqual(
      moments.map((moment) => expect.closeTo(moment) as unknown),
    );
    const { outcome, reports } = start({ duration: 50, steps: 10, progress_curve });
    await outcome;
    expect(reports.map((report) => report.current_step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('with checkpoints the next attempt goes on from the last step', async () => {
    const first = start({ steps: 4, checkpoints: true });
    await first.outcome;
    expect(first.context.checkpoints).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }, { step: 4 }]);
    const second = start({ steps: 4, checkpoints: true }, { attempt: 2, checkpoint: { step: 3 } });
    expect((await second.outcome).result).toMatchObject({ resumed_from_step: 3 });
    expect(second.reports.map((report) => report.current_step)).toEqual([4]);
  });

  test('fills memory while it works', async () => {
    // Buffers of earlier tests may be let go meanwhile.
    let least = process.memoryUsage().arrayBuffers;
    const { outcome, context } = start({ memory_mb: 100, duration: '10m' });
    await eventually(() => {
      const now = process.memoryUsage().arrayBuffers;
      least = Math.min(least, now);
      expect(now - least).toBeGreaterThan(60 * 1_048_576);
    });
    context.abort(cancelled());
    await expect(outcome).rejects.toThrow();
  });
});

describe('failure', () => {
  test('of the first attempts, with code and Retry-After', async () => {
    const payload = { fail_attempts: 2, failure_code: 'rate_limited', retry_after: '3s' };
    for (const attempt of [1, 2]) {
      await expect(start(payload, { attempt }).outcome).rejects.toMatchObject({
        name: 'ConnectorError',
        code: 'rate_limited',
        retry_after_ms: 3_000,
      });
    }
    expect(await start(payload, { attempt: 3 }).outcome).toMatchObject({ status: 'completed' });
  });

  test('by rate: always at 1, never at 0, repeatable in between', async () => {
    await expect(start({ failure_rate: 1 }).outcome).rejects.toMatchObject({ code: 'backend_error' });
    await start({ failure_rate: 0 }).outcome;
    const fate = async (seed: number) =>
      start({ failure_rate: 0.5, seed, duration: 0 }).outcome.then(
        () => 'ok',
        () => 'failed',
      );
    const fates: string[] = [];
    for (let seed = 0; seed < 40; seed++) fates.push(await fate(seed));
    const failures = fates.filter((each) => each === 'failed').length;
    expect(failures).toBeGreaterThan(8);
    expect(failures).toBeLessThan(32);
    for (let seed = 0; seed < 40; seed += 7) expect(await fate(seed)).toBe(fates[seed]);
  });

  test('comes after its share of the work', async () => {
    const { outcome, reports } = start({ failure_rate: 1, failure_at: 0.3, steps: 10 });
    await expect(outcome).rejects.toThrow('Simulated failure of attempt 1');
    expect(reports.at(-1)?.progress).toBe(30);
  });

  test('a bad payload names each field', async () => {
    await expect(start({ steps: 0, nonsense: 1 }).outcome).rejects.toMatchObject({
      code: 'validation',
      errors: expect.arrayContaining([
        expect.objectContaining({ pointer: '/payload/steps' }),
        expect.objectContaining({ pointer: '/payload/nonsense' }),
      ]),
    });
  });
});

describe('stopping', () => {
  test('each wait ends at once with the very reason', async () => {
    for (const payload of [{ duration: '10m' }, { hang: true, duration: 0 }, { duration: '10m', service_job: true }]) {
      const { outcome, context, reports } = start({ steps: 2, ...payload });
      if (payload.hang) await eventually(() => expect(reports).toHaveLength(1));
      else await eventually(() => expect(connector.getStatus()).toBe('active'));
      const reason = cancelled();
      context.abort(reason);
      expect(await outcome.catch((error: unknown) => error)).toBe(reason);
      expect(connector.getStatus()).toBe('idle');
    }
  });

  test('filling memory too', async () => {
    const reason = cancelled();
    await expect(fillMemory(64, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test('ignore_cancel works to the end', async () => {
    const { outcome, context, reports } = start({ ignore_cancel: true, duration: 200, steps: 4 });
    await eventually(() => expect(reports.length).toBeGreaterThan(0));
    context.abort(cancelled());
    expect(await outcome).toMatchObject({ status: 'completed' });
    expect(reports).toHaveLength(4);
  });

  test('hang "hard" does not even end when told to', async () => {
    const { outcome, context, reports } = start({ hang: 'hard', duration: 0, steps: 2 });
    await eventually(() => expect(reports).toHaveLength(1));
    context.abort(cancelled());
    const ended = await Promise.race([
      outcome.then(
        () => true,
        () => true,
      ),
      new Promise((resolve) => setTimeout(() => resolve(false), 100)),
    ]);
    expect(ended).toBe(false);
    expect(connector.getStatus()).toBe('active');
    // Keeps the clean-up of this file quick: this connector's job will never settle.
    connector = new SimulationConnector('sim', { state_dir: stateDir });
  });
});

describe('outputs', () => {
  test('have the size and the kind asked for', async () => {
    const { outcome, context } = start({
      seed: 1,
      artifacts: [
        { name: 'noise.bin', bytes: 200_001 },
        { name: 'words.txt', bytes: 70_000, kind: 'text' },
        { name: 'noise.png', bytes: 30_000, kind: 'png' },
        { name: 'empty.txt', bytes: 0, kind: 'text' },
      ],
    });
    const [random, text, png, empty] = (await outcome).artifacts ?? [];
    expect(random).toMatchObject({ name: 'noise.bin', bytes: 200_001, mime: 'application/octet-stream' });
    expect(text).toMatchObject({ bytes: 70_000, mime: 'text/plain' });
    expect(empty).toMatchObject({ bytes: 0 });
    expect(png).toMatchObject({ mime: 'image/png', meta: { width: 100, height: 100 } });
    expect(Math.abs((png?.bytes ?? 0) - 30_000)).toBeLessThan(3_000);
    const path = await context.store.localPath(png?.uri ?? '');
    const picture = await sharp(path).raw().toBuffer({ resolveWithObject: true });
    expect(picture.info).toMatchObject({ width: 100, height: 100 });
    expect(new Set(picture.data).size).toBeGreaterThan(200);
  });

  test('are the same for the same seed', async () => {
    const hash = async () =>
      (await start({ seed: 7, artifacts: [{ name: 'a', bytes: 100_000 }] }).outcome).artifacts?.[0]?.sha256;
    expect(await hash()).toBe(await hash());
  });

  test('over the cap: the store says so', async () => {
    const { outcome } = start({ artifacts: [{ name: 'a', bytes: 2_000_000 }] }, { maxOutputBytes: 1_000_000 });
    await expect(outcome).rejects.toMatchObject({ name: 'ArtifactTooLargeError' });
  });
});

describe('a service job', () => {
  const service = () => new FakeService(stateDir);

  test('is tracked before the service hears of it, and done once', async () => {
    const { outcome, context, reports } = start({ service_job: true, duration: 60 });
    const result = await outcome;
    const [tracked] = context.tracked;
    expect(result.service_info?.service_job_id).toBe(tracked?.serviceJobId);
    expect(result.result).toMatchObject({ reattached: false });
    expect(await service().submissions('job1')).toEqual([tracked?.serviceJobId]);
    expect(reports.length).toBeGreaterThan(0);
  });

  test('survives the worker: another one re-attaches, nothing is submitted twice', async () => {
    const first = start({ service_job: true, duration: 400 });
    await eventually(() => expect(first.reports.length).toBeGreaterThan(0));
    first.context.abort(shutdown());
    await expect(first.outcome).rejects.toThrow('WORKER_SHUTDOWN');
    const id = first.context.tracked[0]?.serviceJobId as string;
    expect(await connector.queryJobStatus(id)).toMatchObject({
      status: 'running',
      canReconnect: true,
      canCancel: true,
    });

    connector = new SimulationConnector('other-worker', { state_dir: stateDir });
    const second = start({ service_job: true, duration: 400 }, { attempt: 2, serviceJobId: id });
    expect((await second.outcome).result).toMatchObject({ reattached: true, service_job_id: id });
    expect(second.context.tracked).toEqual([]);
    expect(await service().submissions('job1')).toEqual([id]);
  });

  test('finished meanwhile: only collected', async () => {
    await start({ service_job: true, duration: 0 }).outcome;
    const [id] = await service().submissions('job1');
    const { outcome } = start({ service_job: true, duration: 0 }, { attempt: 2, serviceJobId: id });
    expect((await outcome).result).toMatchObject({ reattached: true });
    expect(await service().submissions('job1')).toHaveLength(1);
  });

  test('tracked, but never submitted: submitted now, under the tracked id', async () => {
    const { outcome, context } = start({ service_job: true }, { attempt: 2, serviceJobId: 'sim-tracked' });
    expect((await outcome).result).toMatchObject({ reattached: false, service_job_id: 'sim-tracked' });
    expect(context.tracked).toEqual([]);
    expect(await service().submissions('job1')).toEqual(['sim-tracked']);
  });

  test('is cancelled in the service when the job is cancelled', async () => {
    const { outcome, context, reports } = start({ service_job: true, duration: '10m' });
    await eventually(() => expect(reports.length).toBeGreaterThan(0));
    context.abort(cancelled());
    await expect(outcome).rejects.toThrow('CANCELLED');
    expect(await connector.queryJobStatus(context.tracked[0]?.serviceJobId ?? '')).toMatchObject({
      status: 'cancelled',
    });
  });

  test('that failed is submitted anew by the next attempt', async () => {
    const payload = { service_job: true, fail_attempts: 1, failure_code: 'timeout' };
    const first = start(payload);
    await expect(first.outcome).rejects.toMatchObject({ code: 'timeout' });
    const id = first.context.tracked[0]?.serviceJobId;
    expect(await connector.queryJobStatus(id ?? '')).toMatchObject({ status: 'failed' });
    const second = start(payload, { attempt: 2, serviceJobId: id });
    expect((await second.outcome).result).toMatchObject({ reattached: false });
    expect(await service().submissions('job1')).toEqual([id, second.context.tracked[0]?.serviceJobId]);
  });

  test('nobody knows an unknown one, whatever its name', async () => {
    for (const id of ['nothing', '../../etc/passwd', '..']) {
      expect(await connector.queryJobStatus(id)).toMatchObject({ serviceJobId: id, status: 'unknown' });
    }
  });
});

describe('load and health', () => {
  test('more jobs than it takes are refused, as unavailable or as rate limited', async () => {
    for (const busy_code of ['service_unavailable', 'rate_limited'] as const) {
      await connector.updateConfiguration({ max_concurrent: 1, busy_code, busy_retry_after: 70 });
      const busy = start({ duration: '10m' }, { jobId: 'a' });
      await eventually(async () => expect((await connector.getServiceInfo()).status).toBe('busy'));
      await expect(start({}, { jobId: 'b' }).outcome).rejects.toMatchObject({ code: busy_code, retry_after_ms: 70 });
      busy.context.abort(cancelled());
      await expect(busy.outcome).rejects.toThrow();
      await start({}, { jobId: 'c' }).outcome;
    }
  });

  test('of many at once exactly as many get in', async () => {
    await connector.updateConfiguration({ max_concurrent: 3 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => start({ duration: 100 }, { jobId: `job${i}` }).outcome),
    );
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(3);
  });

  test('flaps by the clock; jobs are refused while it is down', async () => {
    await connector.updateConfiguration({ health_period: 86_400_000_000, health_up: 1 });
    expect(await connector.checkHealth()).toBe(true);
    await start({}).outcome;
    await connector.updateConfiguration({ health_up: 0 });
    expect(await connector.checkHealth()).toBe(false);
    expect(await connector.getServiceInfo()).toMatchObject({ status: 'offline' });
    await expect(start({}).outcome).rejects.toMatchObject({ code: 'service_unavailable' });
    await connector.updateConfiguration({ health_period: 60, health_up: 0.5 });
    await eventually(async () => expect(await connector.checkHealth()).toBe(true));
    await eventually(async () => expect(await connector.checkHealth()).toBe(false));
  });
});

describe('settings', () => {
  test('come from the environment', () => {
    Object.assign(process.env, { SIMULATION_DURATION: '7', SIMULATION_MODELS: 'a, b' });
    try {
      expect(new SimulationConnector().getConfiguration()).toMatchObject({
        service_type: 'simulation',
        duration: '7',
        models: 'a, b',
      });
    } finally {
      delete process.env['SIMULATION_DURATION'];
      delete process.env['SIMULATION_MODELS'];
    }
  });

  test('bad ones are all named', () => {
    expect(() => new SimulationConnector('sim', { spread: 3, busy_code: 'internal' })).toThrow(
      /SIMULATION_SPREAD must be 0–1; SIMULATION_BUSY_CODE must be service_unavailable or rate_limited/,
    );
  });

  test('a bad change is refused and changes nothing', async () => {
    await expect(connector.updateConfiguration({ latency: -1 })).rejects.toThrow('SIMULATION_LATENCY');
    expect(connector.getConfiguration()['latency']).toBe('0');
  });

  test('each declared variable has a default', () => {
    for (const [name, template] of Object.entries(SimulationConnector.getRequiredEnvVars())) {
      expect(template.startsWith(`\${${name}:-`)).toBe(true);
    }
  });
});
