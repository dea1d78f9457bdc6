import { pause } from '../http/backoff.ts';
import type { A1111Client } from './a1111-client.ts';
import { lookAt, runsNow } from './task-state.ts';

/** Between two looks. Milliseconds. */
const FIRST_WAIT = 20;
const LONGEST_WAIT = 1_000;

export interface StopOptions {
  /** How long it is tried. Milliseconds. */
  withinMs: number;
  /** The request that brought the task, while it is on its way: until it ends, a task that is not there may yet come. */
  request?: Promise<unknown>;
  signal?: AbortSignal;
}

/**
 * Stops a task, and no other: the server's interrupt hits whatever runs, so it is sent only while this task does. One
 * that waits cannot be taken out of the queue; it is stopped as soon as it comes up.
 * @returns whether it has gone
 */
export async function stopTask(
  client: A1111Client,
  taskId: string,
  { withinMs, request, signal }: StopOptions,
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  let mayStillCome = request !== undefined;
  const settled = () => {
    mayStillCome = false;
  };
  request?.then(settled, settled);
  let wait = FIRST_WAIT;
  for (;;) {
    // Read before the look: what arrives after it is seen by the next one.
    const last = !mayStillCome;
    const { place } = await lookAt(client, taskId, signal);
    if (place === 'finished' || (place === 'unknown' && last)) return true;
    if (place === 'active') {
      if (await runsNow(client, taskId, signal)) await client.interrupt();
      else if (last) return true;
    }
    if (performance.now() + wait > deadline) return false;
    await pause(wait, signal);
    wait = Math.min(LONGEST_WAIT, wait * 1.5);
  }
}
