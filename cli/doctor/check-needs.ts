import type { Client } from '@temporalio/client';
import { NEEDS_MEMO, NEEDS_WORKFLOW_ID, type Need } from '../../contract/needs.ts';
import { ANY_POOL, taskQueueOf } from '../../contract/task-queues.ts';
import { QueueBacklogs } from '../../platform/jobs/queue-backlog.ts';
import type { PresenceCache } from '../../platform/presence/presence-cache.ts';
import { needInWords } from '../../platform/routing/need-of.ts';
import { count } from '../output/format.ts';
import { ANSWER_MS } from '../temporal/open-temporal.ts';
import { finding, type Finding } from './finding.ts';

/** Jobs that wait for what no worker has; nothing to say when there are none. */
export async function checkNeeds(client: Client, presence: Pick<PresenceCache, 'queue'>): Promise<Finding[]> {
  const board = await client
    .withDeadline(Date.now() + ANSWER_MS, () => client.workflow.getHandle(NEEDS_WORKFLOW_ID).describe())
    .catch(() => undefined);
  const needs = (board?.memo?.[NEEDS_MEMO] ?? []) as Need[];
  const unmet = needs
    .map((need) => ({ need, queue: taskQueueOf(ANY_POOL, need.capability, need.label) }))
    .filter(({ queue }) => presence.queue(queue) === 'none');
  const backlogs = new QueueBacklogs(client, ANSWER_MS);
  const waiting = await Promise.all(unmet.map(({ queue }) => backlogs.read(queue).catch(() => ({ queued: 0 }))));
  return unmet.flatMap(({ need }, index) => {
    const queued = waiting[index]?.queued ?? 0;
    if (queued === 0) return [];
    return finding(
      `Needs of ${need.capability}`,
      'warn',
      `about ${count(queued, 'job')} waiting for a worker with ${needInWords(need)}; none that is there has it`,
      'start a worker that has it; where it cannot be found out, SWITCHYARD_WORKER_FACTS tells it (docs/routing.md)',
    );
  });
}
