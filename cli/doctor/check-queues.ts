import type { Client } from '@temporalio/client';
import type { Catalog } from '../../platform/catalog/catalog.ts';
import { QueueBacklogs } from '../../platform/jobs/queue-backlog.ts';
import type { PresenceCache } from '../../platform/presence/presence-cache.ts';
import { JOBS_TASK_QUEUE, taskQueueOf } from '../../contract/task-queues.ts';
import { count } from '../output/format.ts';
import { ANSWER_MS } from './check-temporal.ts';
import { finding, type Finding } from './finding.ts';

/** Who is there: the orchestrator, and for every mapped capability at least one worker in one of its pools. */
export async function checkQueues(client: Client, catalog: Catalog, presence: PresenceCache): Promise<Finding[]> {
  await presence.refresh();
  if (presence.queue(JOBS_TASK_QUEUE) === 'unknown') {
    return [finding('Workers', 'skip', 'the server does not say who is there (it needs to be 1.29 or newer)')];
  }
  const present = (queue: string) => presence.queue(queue) !== 'none';
  const backlogs = new QueueBacklogs(client, ANSWER_MS);
  const findings = [orchestrator(present(JOBS_TASK_QUEUE), presence)];
  for (const { name, routes } of catalog.services.values()) {
    const queues = routes.map(({ pool, capability }) => ({ pool, queue: taskQueueOf(pool, capability) }));
    const served = queues.filter(({ queue }) => present(queue));
    const missing = queues.filter(({ queue }) => !present(queue));
    const waiting = await Promise.all(missing.map(({ queue }) => waitingIn(backlogs, queue)));
    const stuck = missing.filter((_, index) => (waiting[index] ?? 0) > 0);
    findings.push(serviceFinding(name, served, missing, stuck, waiting));
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

function serviceFinding(
  service: string,
  served: readonly Route[],
  missing: readonly Route[],
  stuck: readonly Route[],
  waiting: readonly number[],
): Finding {
  const name = `Service ${service}`;
  const jobs = count(
    waiting.reduce((sum, n) => sum + n, 0),
    'job',
  );
  const start = (pools: readonly Route[]) => pools.map(({ pool }) => `switchyard worker --pool ${pool}`).join('\n');
  if (stuck.length > 0) {
    const pools = stuck.map(({ pool }) => pool).join(', ');
    const level = served.length > 0 ? 'warn' : 'fail';
    return finding(name, level, `${jobs} waiting in pool ${pools}, where no worker serves it`, start(stuck));
  }
  if (served.length === 0) return finding(name, 'fail', `no worker in any pool`, start(missing.slice(0, 1)));
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
