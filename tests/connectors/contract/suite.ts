import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import { pino } from 'pino';
import { CONTRACT_CHECKS, type ContractCheck } from '../../../cli/connector-test/contract-checks.ts';
import { RESERVED } from '../../../connectors/base/logging/pick-fields.ts';
import { isErrorCode } from '../../../contract/errors.ts';
import type { JobOutcome } from '../../../contract/plan.ts';
import { ConfigError } from '../../../platform/config/config-error.ts';
import { knownSecrets } from '../../../platform/logging/known-secrets.ts';
import type { InvalidJobError } from '../../../platform/routing/invalid-job-error.ts';
import { withRequiredEnv } from '../../../workers/pool/required-env.ts';
import { waitUntil } from '../../harness/wait-until.ts';
import { ContractStack, endOf, MAX_OUTPUT_BYTES, type ContractWorker, type Ended } from './contract-stack.ts';
import type { BackendDouble, Stage } from './double.ts';
import { DoubleBench } from './double-bench.ts';
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

  const bench: DoubleBench = new DoubleBench({
    subject,
    double: () => double,
    site: () => site,
    worker: {
      get: () => worker,
      set: (next) => {
        worker = next;
      },
    },
    newMarker,
  });

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

    // What is asked of a live service too (`switchyard connector test`).
    const supported: Record<ContractCheck['id'], Support> = {
      runs: true,
      progress: true,
      underway: supports.progress,
      apart: true,
      cancel: supports.cancelWhileRunning,
      handover: supports.reattach,
    };
    for (const { id, title, run } of CONTRACT_CHECKS) check(title, supported[id], () => run(bench));

    const cancels: [Stage, Support][] = [
      ['submitting', supports.cancelWhileSubmitting],
      ['finishing', supports.cancelWhileFinishing],
    ];
    for (const [stage, support] of cancels) {
      check(`a cancel while ${stage} ends this job and no other`, support, async () => {
        double.hold(stage);
        const first = await submit();
        await atStage(stage, first.marker);
        const second = await submit();
        if (!subject.oneAtATime) await atStage(stage, second.marker);
        // The one that the backend has; the other one waits for it there, or in the worker.
        const [job, other] = subject.oneAtATime ? [first, second] : [second, first];
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

    // Last but one: it looks at what all the checks above have logged.
    test('the log tells the life of a job with normalized fields, and holds neither payload nor secret', async () => {
      const { handle } = await submit();
      expectCompleted(await endOf(handle));
      const records = site.log.map((line) => JSON.parse(line) as Record<string, unknown>);
      const own = records.filter((record) => `job/${String(record['job_id'])}` === handle.workflowId);
      const life = own.filter(({ event }) => event !== undefined && event !== 'job_progress');
      expect(life.map(({ event }) => event)).toEqual(['job_received', 'job_started', 'job_completed']);
      for (const record of life) {
        expect(record).toMatchObject({ pool: 'first', attempt: 1, connector_id: worker.connector.connector_id });
      }
      expect(Object.keys(life[2] ?? {}).filter((key) => !RESERVED.has(key))).not.toEqual([]);
      expect(site.log.filter((line) => line.includes('marker-'))).toEqual([]);
      const secrets = knownSecrets(await subject.env(double.url));
      expect(site.log.filter((line) => secrets.some((secret) => line.includes(secret)))).toEqual([]);
    });

    test('a worker that lacks variables names all of them at once', async () => {
      const load = subject.connectorClass;
      const connectors = new Map([[subject.className, { load, file: '', family: 'its-family' }]]);
      const routes = [...site.stack.catalog.services.values()].flatMap((service) => service.routes);
      const asked = routes.map((route) => ({ ...route, required_env: [...subject.requiredEnv] }));
      const silent = pino({ level: 'silent' });
      const error = await withRequiredEnv(
        asked,
        { discovered: { connectors }, env: {}, folder: '/site' },
        silent,
        true,
      ).then(
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
