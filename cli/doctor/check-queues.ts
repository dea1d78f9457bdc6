import type { Client } from '@temporalio/client';
import type { Catalog } from '../../platform/catalog/catalog.ts';
import { QueueBacklogs } from '../../platform/jobs/queue-backlog.ts';
import type { PresenceCache } from '../../platform/presence/presence-cache.ts';
import { JOBS_TASK_QUEUE, parseTaskQueue, taskQueueOf } from '../../contract/task-queues.ts';
import { count } from '../output/format.ts';
import { ANSWER_MS } from '../temporal/open-temporal.ts';
import type { SetUp } from './check-workers.ts';
import { finding, type Finding } from './finding.ts';
import { onePerQueue } from '../../workers/pool/one-per-queue.ts';

/** Who is there: the orchestrator, and for every mapped capability at least one worker in one of its pools. */
export async function checkQueues(
  client: Client,
  catalog: Catalog,
  presence: PresenceCache,
  setUp: SetUp,
): Promise<Finding[]> {
  await presence.refresh();
  if (presence.queue(JOBS_TASK_QUEUE) === 'unknown') {
    return [finding('Workers', 'skip', 'the server does not say who is there (it needs to be 1.29 or newer)')];
  }
  const present = (queue: string) => presence.queue(queue) !== 'none';
  const backlogs = new QueueBacklogs(client, ANSWER_MS);
  const findings = [orchestrator(present(JOBS_TASK_QUEUE), presence)];
  for (const { name, routes } of catalog.services.values()) {
    const queues = onePerQueue(routes).map(({ pool, capability }) => ({ pool, queue: taskQueueOf(pool, capability) }));
    const served = queues.filter(({ queue }) => present(queue));
    const missing = queues.filter(({ queue }) => !present(queue));
    const backlog = await Promise.all(missing.map(({ queue }) => waitingIn(backlogs, queue)));
    const stuck = missing.filter((_, index) => (backlog[index] ?? 0) > 0);
    const counted = backlog.reduce((sum, n) => sum + n, 0);
    const waiting = counted === 0 ? 0 : Math.min(counted, await openJobs(client, name, presence));
    const needs = setUp.missing
      .filter(({ capabilities }) => capabilities.includes(name))
      .map(({ variable }) => variable);
    const chosen = setUp.chosen?.has(name) ?? true;
    findings.push(serviceFinding({ service: name, served, missing, stuck, waiting, needs, chosen }));
  }
  return findings;
}

function orchestrator(there: boolean, presence: PresenceCache): Finding {
  if (there) {
    return finding('Orchestrator', 'ok', `there; ${count(presence.workers().length, 'worker queue')} served in all`);
  }
  return finding(
    'Orchestrator',
    'fail',
    'nobody runs the workflows: jobs are accepted and do not start',
    'npm start runs one; alone: switchyard orchestrator',
  );
}

interface Route {
  pool: string;
  queue: string;
}

interface Coverage {
  service: string;
  served: readonly Route[];
  missing: readonly Route[];
  /** Routes without a worker in which jobs wait. */
  stuck: readonly Route[];
  /** Number of these jobs. */
  waiting: number;
  /** Variables its workers must have, and this machine does not. */
  needs: readonly string[];
  /** Whether this machine is to run it. */
  chosen: boolean;
}

function serviceFinding({ service, served, missing, stuck, waiting, needs, chosen }: Coverage): Finding {
  const name = `Service ${service}`;
  const set = needs.map((variable) => `${variable}=… `).join('');
  const start = (pools: readonly Route[]) =>
    pools.map(({ pool }) => `${set}switchyard worker --pool ${pool} --capabilities ${service}`).join('\n');
  if (waiting > 0) {
    const pools = stuck.map(({ pool }) => pool).join(', ');
    const level = served.length > 0 ? 'warn' : 'fail';
    return finding(
      name,
      level,
      `about ${count(waiting, 'job')} waiting in pool ${pools}, where no worker serves it`,
      start(stuck),
    );
  }
  if (served.length === 0) {
    if (!chosen) return finding(name, 'skip', 'no worker is there, and WORKERS does not name one here');
    // A service nobody set up is no fault: the mapping lists more than one machine has.
    return needs.length > 0
      ? finding(name, 'skip', `not set up; its workers need ${needs.join(', ')}`)
      : finding(name, 'fail', 'no worker in any pool', start(missing.slice(0, 1)));
  }
  const rest = missing.length > 0 ? `; none in ${missing.map(({ pool }) => pool).join(', ')}` : '';
  return finding(name, 'ok', `workers in ${served.map(({ pool }) => pool).join(', ')}${rest}`);
}

/** Jobs that wait in a queue, as the server estimates it; 0 when it does not say. */
async function waitingIn(backlogs: QueueBacklogs, queue: string): Promise<number> {
  try {
    return (await backlogs.read(queue)).queued;
  } catch {
    return 0;
  }
}

/**
 * Jobs of a service that have neither ended nor a worker. The backlog of a queue still holds cancelled ones: the server
 * drops those when a worker asks for them.
 */
async function openJobs(client: Client, service: string, presence: PresenceCache): Promise<number> {
  const query = `WorkflowType = 'job' AND ExecutionStatus = 'Running' AND SwitchyardService = '${service}'`;
  const { count: open } = await client.withDeadline(Date.now() + ANSWER_MS, () => client.workflow.count(query));
  const running = presence.workers().filter(({ task_queue: queue }) => parseTaskQueue(queue)?.capability === service);
  return Math.max(0, open - running.reduce((sum, { slots_used: used }) => sum + used, 0));
}
