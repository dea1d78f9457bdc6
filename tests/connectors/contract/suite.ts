import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { pino } from 'pino';
import { isErrorCode } from '../../../contract/errors.ts';
import type { JobOutcome } from '../../../contract/plan.ts';
import { ConfigError } from '../../../platform/config/config-error.ts';
import type { InvalidJobError } from '../../../platform/routing/invalid-job-error.ts';
import { withRequiredEnv } from '../../../workers/pool/required-env.ts';
import { waitUntil } from '../../harness/wait-until.ts';
import { ContractStack, endOf, MAX_OUTPUT_BYTES, type ContractWorker, type Ended } from './contract-stack.ts';
import type { BackendDouble, Stage } from './double.ts';
import type { ContractSubject, Support } from './subject.ts';

/** Sockets and pipes between double and store may hold so much beyond the cap. Bytes. */
const IN_FLIGHT = 16 * 1_024 * 1_024;

let counter = 0;
/** A marker of its own for every job. */
const newMarker = () => `marker-${++counter}-${process.pid}`;

/**
 * What every connector must do, over the real way of a job (Temporal, workflow, activity, artifact store) and real
 * sockets to a double of its backend. A check that a protocol rules out is skipped with its reason in the title.
 * @param name of the connector, for the report
 */
export function connectorContract(name: string, subject: ContractSubject): void {
  const { supports } = subject;
  let double: BackendDouble;
  let site: ContractStack;
  let worker: ContractWorker;

  /** Submits a job; the marker finds it at the double. */
  const submit = async (job: object = {}): Promise<{ marker: string; handle: WorkflowHandle }> => {
    const marker = newMarker();
    return { marker, handle: await site.submit(subject.job(marker), job) };
  };
  const takenOf = (marker: string) => double.taken().filter((job) => job.marker === marker);
  const atStage = (stage: Stage, marker: string) => waitUntil(() => double.held(stage).includes(marker), 30_000);
  const expectCompleted = (ended: Ended): JobOutcome => {
    expect(ended).toEqual({ completed: expect.anything() });
    return (ended as { completed: JobOutcome }).completed;
  };
  const expectFailed = (ended: Ended, code: string): string => {
    expect(ended).toMatchObject({ failed: { code } });
    return (ended as { failed: { message: string } }).failed.message;
  };

  describe(`${name}: the contract of connectors`, () => {
    beforeAll(async () => {
      double = await subject.double();
      site = await ContractStack.start(subject, double.url);
      worker = await site.worker();
    });
    afterEach(() => double.reset());
    afterAll(async () => {
      double.reset();
      await site.stop();
      await double.stop();
    });

    test('a job runs once, with a result or outputs', async () => {
      const { marker, handle } = await submit();
      const outcome = expectCompleted(await endOf(handle));
      expect(takenOf(marker)).toHaveLength(1);
      expect(outcome.attempts).toBe(1);
      expect(outcome.result !== null || outcome.artifacts.length > 0).toBe(true);
      for (const ref of outcome.artifacts) {
        expect(ref.bytes).toBeGreaterThan(0);
        expect(await site.stack.artifacts.stat(ref.uri)).toEqual(ref);
      }
    });

    test('jobs at one time do not mix', async () => {
      const jobs = await Promise.all([submit(), submit(), submit()]);
      const outcomes = await Promise.all(jobs.map(async ({ handle }) => expectCompleted(await endOf(handle))));
      for (const { marker } of jobs) expect(takenOf(marker)).toHaveLength(1);
      const ids = outcomes.map((outcome) => outcome.service_job_id).filter(Boolean);
      expect(new Set(ids).size).toBe(ids.length);
    });

    test('progress never falls and ends at 100', async () => {
      const { handle } = await submit();
      expectCompleted(await endOf(handle));
      const values = (worker.told.get(handle.workflowId) ?? []).map((update) => update.progress);
      expect(values.length).toBeGreaterThan(0);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      expect(values.at(-1)).toBe(100);
      for (const value of values) expect(Number.isFinite(value) && value >= 0).toBe(true);
    });

    check('progress is told on the way', supports.progress, async () => {
      const { handle } = await submit();
      expectCompleted(await endOf(handle));
      const values = (worker.told.get(handle.workflowId) ?? []).map((update) => update.progress);
      expect(values.some((value) => value > 0 && value < 100)).toBe(true);
    });

    const cancels: [Stage, Support][] = [
      ['submitting', supports.cancelWhileSubmitting],
      ['running', supports.cancelWhileRunning],
      ['finishing', supports.cancelWhileFinishing],
    ];
    for (const [stage, support] of cancels) {
      check(`a cancel while ${stage} ends this job and no other`, support, async () => {
        double.hold(stage);
        const other = await submit();
        await atStage(stage, other.marker);
        const job = await submit();
        await atStage(stage, job.marker);
        await job.handle.cancel();
        expect(await endOf(job.handle)).toEqual({ cancelled: true });
        if (stage !== 'finishing') await waitUntil(() => double.stopped().includes(job.marker), 30_000);
        expect(double.stopped()).not.toContain(other.marker);
        double.release();
        expectCompleted(await endOf(other.handle));
        expect(takenOf(other.marker)).toHaveLength(1);
        expect(takenOf(job.marker).length).toBeLessThanOrEqual(1);
      });
    }

    check('a worker that leaves hands the job on, and nothing is submitted twice', supports.reattach, async () => {
      double.hold('running');
      const { marker, handle } = await submit();
      await atStage('running', marker);
      const leaving = worker;
      worker = await site.worker();
      await leaving.leave();
      await waitUntil(() => worker.begun.includes(handle.workflowId));
      expect(double.stopped()).not.toContain(marker);
      double.release();
      const outcome = expectCompleted(await endOf(handle));
      expect(outcome.attempts).toBe(2);
      expect(takenOf(marker)).toHaveLength(1);
    });

    check('a job that ends while no worker is there is collected by the next', supports.reattach, async () => {
      double.hold('running');
      const { marker, handle } = await submit();
      await atStage('running', marker);
      await worker.leave();
      double.release();
      worker = await site.worker();
      expectCompleted(await endOf(handle));
      expect(takenOf(marker)).toHaveLength(1);
    });

    check('a worker process that is killed loses nothing', supports.crash, async () => {
      const process = await site.workerProcess('crash');
      double.hold('running');
      const { marker, handle } = await submit({ pool: 'crash' });
      await atStage('running', marker);
      await untilDurable(handle);
      await process.kill();
      const next = await site.worker('crash');
      await waitUntil(() => next.begun.includes(handle.workflowId));
      double.release();
      const outcome = expectCompleted(await endOf(handle));
      expect(outcome.attempts).toBe(2);
      expect(takenOf(marker)).toHaveLength(1);
      await next.leave();
    });

    test('429 is waited out as long as Retry-After says, and costs no attempt', async () => {
      double.order({ kind: 'rate_limit', retry_after_seconds: 1, times: 2 });
      const before = double.arrivals().length;
      const { marker, handle } = await submit({ retry: { max_attempts: 1 } });
      expectCompleted(await endOf(handle));
      expect(takenOf(marker)).toHaveLength(1);
      const [first = 0, second = 0, third = 0] = double.arrivals().slice(before);
      expect(second - first).toBeGreaterThan(950);
      expect(third - second).toBeGreaterThan(950);
    });

    test('a 5xx is tried again', async () => {
      double.order({ kind: 'server_error', status: 500, times: 1 });
      const { marker, handle } = await submit();
      expectCompleted(await endOf(handle));
      expect(takenOf(marker)).toHaveLength(1);
    });

    test('a 5xx that stays fails the job, in the words of the backend', async () => {
      double.order({ kind: 'server_error', status: 500, times: Infinity });
      const { handle } = await submit({ retry: { max_attempts: 2 } });
      expect(expectFailed(await endOf(handle), 'backend_error')).toMatch(/double/i);
    });

    test('silence ends as a time-out, and the worker takes the next job', async () => {
      const calmed = await subject.impatient?.(worker.connector);
      double.order({ kind: 'silence' });
      const { handle } = await submit({ retry: { max_attempts: 1 } });
      expectFailed(await endOf(handle), 'timeout');
      double.reset();
      await calmed?.();
      expectCompleted(await endOf((await submit()).handle));
    });

    test('a connection reset before the backend has taken the job: never two submissions', async () => {
      double.order({ kind: 'reset', taken: false, times: 1 });
      const { marker, handle } = await submit();
      const ended = await endOf(handle);
      if ('completed' in ended) expect(takenOf(marker)).toHaveLength(1);
      else {
        // In doubt, a job that may have been paid for is not submitted again.
        expectFailed(ended, 'service_unavailable');
        expect(takenOf(marker)).toHaveLength(0);
      }
    });

    check('the answer to the submission is lost: the job is found again', supports.lostAnswer, async () => {
      double.order({ kind: 'reset', taken: true, times: 1 });
      const { marker, handle } = await submit();
      expectCompleted(await endOf(handle));
      expect(takenOf(marker)).toHaveLength(1);
    });

    check('a connection that drops while the backend works costs nothing', supports.drop, async () => {
      double.order({ kind: 'drop', times: 1 });
      const { marker, handle } = await submit();
      expectCompleted(await endOf(handle));
      expect(takenOf(marker)).toHaveLength(1);
    });

    check('an output without end is cut off at the cap', supports.hugeOutput, async () => {
      const before = double.bytesSent();
      double.order({ kind: 'huge', bytes: 2_000_000_000 });
      const { handle } = await submit();
      expect(expectFailed(await endOf(handle), 'output_too_large')).toContain(String(MAX_OUTPUT_BYTES));
      // What is never sent cannot fill the memory.
      expect(double.bytesSent() - before).toBeLessThan(MAX_OUTPUT_BYTES + IN_FLIGHT);
    });

    test('an answer that makes no sense is the fault of the backend, and is shown', async () => {
      double.order({ kind: 'malformed' });
      const { handle } = await submit({ retry: { max_attempts: 1 } });
      const message = expectFailed(await endOf(handle), 'backend_error');
      expect(message.length).toBeGreaterThan(20);
    });

    test('health: up, then away, then up again', async () => {
      expect(await worker.connector.checkHealth()).toBe(true);
      const calmed = await subject.impatient?.(worker.connector);
      double.order({ kind: 'silence' });
      expect(await worker.connector.checkHealth().catch(() => false)).toBe(false);
      double.reset();
      await calmed?.();
      await waitUntil(() => worker.connector.checkHealth().catch(() => false));
      expect((await worker.connector.getServiceInfo()).status).toMatch(/online|busy/);
    });

    for (const { payload, pointer } of subject.badPayloads ?? []) {
      test(`a bad payload is refused before anything is sent, naming ${pointer}`, async () => {
        const before = double.arrivals().length;
        const refused = await site.submit(payload).then(
          async (handle) => (await endOf(handle)) as { failed: { code: string; errors?: { pointer: string }[] } },
          (error: unknown) => ({ failed: error as InvalidJobError }),
        );
        expect(isErrorCode(refused.failed.code)).toBe(true);
        expect(refused.failed.errors?.map((error) => error.pointer)).toContain(pointer);
        expect(double.arrivals()).toHaveLength(before);
      });
    }

    test('a worker that lacks variables names all of them at once', async () => {
      const load = subject.connectorClass;
      const connectors = new Map([[subject.className, { load, file: '' }]]);
      const routes = [...site.stack.catalog.services.values()].flatMap((service) => service.routes);
      const asked = routes.map((route) => ({ ...route, required_env: [...subject.requiredEnv] }));
      const silent = pino({ level: 'silent' });
      const error = await withRequiredEnv(asked, { manifests: [], connectors, problems: [] }, {}, silent, true).then(
        () => undefined,
        (failure: unknown) => failure,
      );
      expect(error).toBeInstanceOf(ConfigError);
      for (const variable of subject.requiredEnv) expect((error as ConfigError).message).toContain(variable);
    });
  });
}

/** A test, or a skipped one that says why. */
function check(title: string, support: Support, body: () => Promise<void>): void {
  if (support === true) test(title, body);
  // oxlint-disable-next-line jest/no-disabled-tests -- the reason is part of the report
  else test.skip(`${title} (${support})`, body);
}

/** Until the server knows the backend's id: before, a kill would lose it. */
async function untilDurable(handle: WorkflowHandle): Promise<void> {
  await waitUntil(async () => {
    const [activity] = (await handle.describe()).raw.pendingActivities ?? [];
    const details = activity?.heartbeatDetails?.payloads?.[0]?.data;
    return details && Buffer.from(details).toString('utf8').includes('"service_job_id"');
  });
}
