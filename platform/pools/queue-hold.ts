import type { Client } from '@temporalio/client';
import type { PoolState } from '../../contract/pool-control.ts';
import { readQueueLimit, writeQueueLimit, type QueueLimit } from './queue-config.ts';

const MARK = 'Switchyard: pool ';

/** What `temporal task-queue config get` shows of a held queue; an operator's own limit is kept in it. */
function holdReason(pool: string, state: PoolState, before: QueueLimit | undefined): string {
  const kept = before && !before.reason.startsWith(MARK) ? ` [before: ${before.perSecond}/s]` : keptIn(before);
  return `${MARK}${pool} is ${state}; switchyard pools resume ${pool}${kept}`;
}

function keptIn(before: QueueLimit | undefined): string {
  return / \[before: [^\]]*\]$/.exec(before?.reason ?? '')?.[0] ?? '';
}

/** The limit that stood before ours. */
function restored(held: QueueLimit): QueueLimit | undefined {
  const perSecond = /\[before: ([\d.e+-]+)\/s\]$/.exec(held.reason)?.[1];
  return perSecond === undefined ? undefined : { perSecond: Number(perSecond), reason: 'Restored by Switchyard' };
}

/**
 * Makes one queue hold its jobs back or let them go, as the pool's state wants it: a rate limit of 0 that the server keeps,
 * so that no worker has to take part. A queue that is as wanted costs one read.
 * @throws TemporalUnavailableError, TemporalBusyError
 */
export async function applyState(
  client: Client,
  taskQueue: string,
  pool: string,
  state: PoolState,
  ms: number,
): Promise<void> {
  const present = await readQueueLimit(client, taskQueue, ms);
  const ours = present?.reason.startsWith(MARK) ?? false;
  if (state === 'active') {
    if (present && ours) await writeQueueLimit(client, taskQueue, restored(present), ms);
    return;
  }
  const reason = holdReason(pool, state, present);
  if (ours && present?.perSecond === 0 && present.reason === reason) return;
  await writeQueueLimit(client, taskQueue, { perSecond: 0, reason }, ms);
}
