import type { WorkflowHandle } from '@temporalio/client';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import { AMEND_SIGNAL, type JobAmendment } from '../../contract/job-amendment.ts';
import { JOBS_TASK_QUEUE } from '../../contract/task-queues.ts';
import { planJob } from '../../platform/routing/plan-job.ts';
import { type InProcessStack, scriptedCatalog } from '../harness/in-process-stack.ts';
import { untilAborted } from '../harness/scripted-connector.ts';
import { waitUntil } from '../harness/wait-until.ts';

export const replayCatalog = scriptedCatalog({
  first: { retry_initial_interval_seconds: 0.05 },
  lonely: { retry_initial_interval_seconds: 0.05 },
});

const spilling = scriptedCatalog({ lonely: { spill_after_seconds: 1 }, first: {} });

/** The lives of a job whose histories every later version of the workflow must be able to replay. */
export const scenarios: Record<string, (stack: InProcessStack) => Promise<WorkflowHandle>> = {
  plain: (stack) => submit(stack, {}),
  'started-by-cli': (stack) => start(stack, 'started-by-cli', [{ service: 'scripted', tags: ['x'], priority: 1 }]),
  'refused-by-cli': (stack) => start(stack, 'refused-by-cli', [{ service: 'nope' }]),
  failed: (stack) => {
    stack.connector.script = async () => {
      throw new ConnectorError('content_policy', 'no');
    };
    return submit(stack, {});
  },
  'timed-out-waiting': (stack) => submit(stack, { pool: 'lonely', start_timeout: 1 }),
  'spilled-over': async (stack) => {
    const { job, plan } = planJob({ service: 'scripted' }, spilling, stack.planning, Date.now());
    return start(stack, 'spilled-over', [job, { plan }]);
  },
  'cancelled-while-running': async (stack) => {
    stack.connector.script = (_job, _progress, { signal }) => untilAborted(signal);
    const handle = await submit(stack, {});
    await waitUntil(async () => (await handle.describe()).raw.pendingActivities?.[0]?.state === 2);
    await handle.cancel();
    return handle;
  },
  'changed-while-queued': async (stack) => {
    const handle = await submit(stack, { pool: 'lonely', start_timeout: 2 });
    await waitUntil(async () => (await handle.describe()).raw.pendingActivities?.length === 1);
    const route = { pool: 'first', capability: 'scripted', task_queue: 'first.scripted' };
    await handle.signal(AMEND_SIGNAL, { priority: 1, tags: ['urgent'], route } satisfies JobAmendment);
    return handle;
  },
  'cancelled-while-queued': async (stack) => {
    const handle = await submit(stack, { pool: 'lonely' });
    await waitUntil(async () => (await handle.describe()).raw.pendingActivities?.length === 1);
    await handle.cancel();
    return handle;
  },
};

function submit(stack: InProcessStack, document: object): Promise<WorkflowHandle> {
  const { job, plan } = planJob({ service: 'scripted', ...document }, replayCatalog, stack.planning, Date.now());
  return start(stack, 'submitted', [job, { plan }]);
}

function start(stack: InProcessStack, name: string, args: unknown[]): Promise<WorkflowHandle> {
  const workflowId = `job/${name}-${Math.random().toString(36).slice(2)}`;
  return stack.client.workflow.start('job', { taskQueue: JOBS_TASK_QUEUE, workflowId, args });
}
