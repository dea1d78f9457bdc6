import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import type { JobOutcome, PreparedJob } from '../../contract/plan.ts';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { planJob } from '../../platform/routing/plan-job.ts';
import { InProcessStack, scriptedCatalog } from '../harness/in-process-stack.ts';
import { untilAborted } from '../harness/scripted-connector.ts';
import { waitUntil } from '../harness/wait-until.ts';

const catalog = scriptedCatalog({
  first: { retry_initial_interval_seconds: 0.05, retry_attempts: 2, spill_after_seconds: 1 },
  second: { retry_initial_interval_seconds: 0.05 },
  lonely: { retry_initial_interval_seconds: 0.05 },
});

let stack: InProcessStack;
let counter = 0;

beforeAll(async () => {
  stack = await InProcessStack.start({
    catalog,
    pools: ['first'],
    env: { SWITCHYARD_HEARTBEAT_TIMEOUT: '3s', SWITCHYARD_SHUTDOWN_GRACE: '0s' },
  });
});
afterAll(() => stack.stop());
beforeEach(() => {
  stack.connector.script = async () => 'done';
});

/** As the API starts a job. */
async function submit(document: object) {
  const { job, plan } = planJob({ service: 'scripted', ...document }, catalog, stack.planning, Date.now());
  return start([job, { plan } satisfies PreparedJob]);
}

/** As `temporal workflow start` does. */
function start(args: unknown[]) {
  return stack.client.workflow.start('job', {
    taskQueue: JOBS_TASK_QUEUE,
    workflowId: `job/test-${++counter}`,
    args,
    requestEagerStart: true,
  });
}

async function events(handle: WorkflowHandle): Promise<number> {
  return (await handle.fetchHistory()).events?.length ?? 0;
}

async function attributes(handle: WorkflowHandle): Promise<Record<string, unknown>> {
  const { typedSearchAttributes } = await handle.describe();
  return Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]));
}

async function failureOf(handle: WorkflowHandle): Promise<Error> {
  const error = await handle.result().then(
    () => {
      throw new Error('the job completed');
    },
    (e: unknown) => e,
  );
  if (!(error instanceof WorkflowFailedError)) throw error;
  return error.cause as Error;
}

async function untilRunning(handle: WorkflowHandle): Promise<void> {
  await waitUntil(async () => (await handle.describe()).raw.pendingActivities?.[0]?.state === 2);
}

describe('events', () => {
  test('a plain job over HTTP costs exactly 11', async () => {
    const handle = await submit({});
    const outcome = (await handle.result()) as JobOutcome;
    expect(outcome).toMatchObject({ result: 'done', pool: 'first', connector: 'ScriptedConnector', attempts: 1 });
    expect(await events(handle)).toBe(11);
  });

  test('a job started by the CLI costs at most 14 and carries its search attributes', async () => {
    const handle = await start([{ service: 'scripted', tags: ['a', 'b'], priority: 2 }]);
    await handle.result();
    expect(await events(handle)).toBeLessThanOrEqual(14);
    expect(await attributes(handle)).toMatchObject({
      SwitchyardService: 'scripted',
      SwitchyardPool: 'first',
      SwitchyardTags: ['a', 'b'],
      SwitchyardPriority: 2,
    });
  });

  test('retries add none', async () => {
    let left = 2;
    stack.connector.script = async () => {
      if (left-- > 0) throw new ConnectorError('backend_error', 'not yet');
      return 'done';
    };
    const handle = await submit({});
    expect(((await handle.result()) as JobOutcome).attempts).toBe(3);
    expect(await events(handle)).toBe(11);
  });
});

describe('bad input by the CLI', () => {
  test.each([
    ['nothing', [], 'must be a JSON object'],
    ['an unknown service', [{ service: 'nope' }], '/service "nope" is no service here; one of: scripted'],
    ['a wrong payload', [{ service: 'scripted', payload: { number: 11, extra: 1 } }], '/payload/number'],
    [
      'an unknown pool',
      [{ service: 'scripted', pool: 'moon' }],
      '/pool there is no pool "moon"; one of: first, second, lonely',
    ],
    ['a priority out of range', [{ service: 'scripted', priority: 9 }], '/priority'],
  ])('%s fails at once with a helpful message', async (_, args, message) => {
    const failure = await failureOf(await start(args));
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect((failure as ApplicationFailure).type).toBe('validation');
    expect(failure.message).toContain(message);
  });
});

describe('errors', () => {
  test('a final code is not tried again and ends the job with that code', async () => {
    stack.connector.script = async () => {
      throw new ConnectorError('content_policy', 'no');
    };
    const handle = await submit({});
    const failure = (await failureOf(handle)) as ApplicationFailure;
    expect([failure.type, failure.message]).toEqual(['content_policy', 'no']);
    expect(stack.connector.begun.filter((id) => handle.workflowId.endsWith(id))).toHaveLength(1);
    expect(await attributes(handle)).toMatchObject({ SwitchyardError: 'content_policy' });
  });

  test('the budget is ours: rate limits do not use it up, failures do', async () => {
    let calls = 0;
    stack.connector.script = async () => {
      calls += 1;
      throw calls <= 5
        ? new ConnectorError('rate_limited', 'slow down', { retry_after_ms: 10 })
        : new ConnectorError('backend_error', 'broken');
    };
    const failure = (await failureOf(await submit({}))) as ApplicationFailure;
    expect(failure.type).toBe('backend_error');
    expect(failure.message).toContain('attempt 3 of 3');
    expect(calls).toBe(8);
  });

  test('a run time-out ends the job as timed out, even when the connector ignores it', async () => {
    stack.connector.script = () => new Promise(() => {});
    const handle = await submit({ run_timeout: 1 });
    const failure = (await failureOf(handle)) as ApplicationFailure;
    expect(failure.type).toBe('timeout');
    expect(failure.details?.[0]).toMatchObject({ timed_out: true });
    expect(await attributes(handle)).toMatchObject({ SwitchyardError: 'timed_out:timeout' });
  });

  test('a deadline ends the job as timed out', async () => {
    stack.connector.script = (_job, _progress, { signal }) => untilAborted(signal);
    const handle = await submit({ deadline: new Date(Date.now() + 2_000).toISOString() });
    const failure = (await failureOf(handle)) as ApplicationFailure;
    expect([failure.type, failure.details?.[0]]).toMatchObject(['timeout', { timed_out: true }]);
  });

  test('a result that is too large says what to do', async () => {
    stack.connector.script = async () => 'x'.repeat(300_000);
    expect(((await failureOf(await submit({}))) as ApplicationFailure).type).toBe('output_too_large');
  });
});

describe('outputs', () => {
  test('of one name get numbers, also where only the cleaned names are alike', async () => {
    const long = 'x'.repeat(250);
    const asked = ['a.txt', 'a-2.txt', 'a.txt', 'a.txt', 'left/b.png', 'right/b.png', '.', '..', long, long];
    stack.connector.script = async (_job, _progress, context) => {
      const names: string[] = [];
      for (const name of asked) names.push((await context.writeOutput(Buffer.from(name), { name })).name);
      return names;
    };
    const { result } = (await (await submit({})).result()) as JobOutcome;
    expect((result as string[]).slice(0, 8)).toEqual([
      'a.txt',
      'a-2.txt',
      'a-3.txt',
      'a-4.txt',
      'b.png',
      'b-2.png',
      'file',
      'file-2',
    ]);
    expect(new Set(result as string[]).size).toBe(asked.length);
  });
});

describe('cancel', () => {
  test('running: waits until the connector has stopped', async () => {
    let stopped = false;
    stack.connector.script = async (_job, _progress, { signal }) => {
      await untilAborted(signal).catch(async (reason: unknown) => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        stopped = true;
        throw reason;
      });
    };
    const handle = await submit({});
    await untilRunning(handle);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(stopped).toBe(true);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  });

  test('finishing: a connector that completes all the same leaves a cancelled job', async () => {
    stack.connector.script = async (_job, _progress, { signal }) => {
      await untilAborted(signal).catch(() => {});
      return 'finished anyway';
    };
    const handle = await submit({});
    await untilRunning(handle);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
  });

  test('never answered: its worker gives up after the run time-out, and has the slot back', async () => {
    stack.connector.script = () => new Promise(() => {});
    const handle = await submit({ run_timeout: 1 });
    await untilRunning(handle);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    // Said by the worker. The server's own time-out would end the job as well, but leave the worker waiting for good.
    const history = await handle.fetchHistory();
    expect(history.events?.filter((event) => event.activityTaskCanceledEventAttributes)).toHaveLength(1);
  });

  test('answered with another error: cancelled all the same', async () => {
    stack.connector.script = async (_job, _progress, { signal }) => {
      await untilAborted(signal).catch(() => {});
      throw new ConnectorError('backend_error', 'connection closed');
    };
    const handle = await submit({});
    await untilRunning(handle);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
  });

  test('queued, with nobody to take it: cancelled at once', async () => {
    const handle = await submit({ pool: 'lonely' });
    await waitUntil(async () => (await handle.describe()).raw.pendingActivities?.length === 1);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
  });
});

describe('progress and checkpoints', () => {
  test('progress never falls, the sequence rises over attempts, a checkpoint reaches the next one', async () => {
    const seen: unknown[] = [];
    stack.connector.script = async (job, progress, context) => {
      seen.push(context.checkpoint, context.serviceJobId);
      if (context.attempt === 1) {
        await progress({ job_id: job.id, progress: 60, message: 'far', current_step: 3, total_steps: 5 });
        await context.saveCheckpoint({ tiles: [1, 2] });
        await context.trackServiceJob('backend-7', 'http://box:1');
        throw new ConnectorError('backend_error', 'lost');
      }
      await progress({ job_id: job.id, progress: 10 });
      await untilAborted(context.signal);
    };
    const handle = await submit({});
    const doc = await waitUntil(async () => {
      const [activity] = (await handle.describe()).raw.pendingActivities ?? [];
      const payload = activity?.heartbeatDetails?.payloads?.[0];
      const value = payload && (JSON.parse(Buffer.from(payload.data!).toString()) as Record<string, number>);
      return value?.['attempt'] === 2 && value;
    });
    expect(doc).toMatchObject({
      progress: 60,
      failures: 1,
      ended: 1,
      service_job_id: 'backend-7',
      instance: 'http://box:1',
      checkpoint: { tiles: [1, 2] },
    });
    expect(doc['seq']).toBeGreaterThan(4);
    expect(seen).toEqual([undefined, undefined, { tiles: [1, 2] }, 'backend-7']);
    await handle.cancel();
    await failureOf(handle);
  });
});

describe('routes', () => {
  test('a job nobody takes spills over to the next pool', async () => {
    const alone = scriptedCatalog({ lonely: { spill_after_seconds: 1 }, first: {} });
    const { job, plan } = planJob({ service: 'scripted' }, alone, stack.planning, Date.now());
    const handle = await start([job, { plan }]);
    expect(await handle.result()).toMatchObject({ pool: 'first' });
    expect(await events(handle)).toBe(16);
  });

  test('start_timeout ends a job nobody takes, naming the queue', async () => {
    const failure = (await failureOf(await submit({ pool: 'lonely', start_timeout: 1 }))) as ApplicationFailure;
    expect([failure.type, failure.details?.[0]]).toMatchObject(['timeout', { timed_out: true }]);
    expect(failure.message).toContain('lonely.scripted');
  });
});

describe('a worker that leaves', () => {
  test('the attempt goes elsewhere with its checkpoint and costs no attempt', async () => {
    const leaving = await stack.startPool('second');
    const attempts: unknown[] = [];
    stack.connector.script = async (_job, _progress, context) => {
      attempts.push(context.checkpoint);
      if (attempts.length > 1) return 'done elsewhere';
      await context.saveCheckpoint('half');
      leaving.shutdown();
      return untilAborted(context.signal);
    };
    const handle = await submit({ pool: 'second', retry: { max_attempts: 1 } });
    await leaving.done;
    await stack.startPool('second');
    expect(await handle.result()).toMatchObject({ result: 'done elsewhere', attempts: 2 });
    expect(attempts).toEqual([undefined, 'half']);
  });
});
