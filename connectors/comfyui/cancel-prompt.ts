import type { Logger } from '../../platform/logging/logger.ts';
import { pause } from '../http/backoff.ts';
import type { ComfyClient } from './comfy-client.ts';
import { findPrompt } from './find-prompt.ts';

/** Between two tries; the first ones come fast, for an interrupt right after a submission is lost now and then. */
const FIRST_WAIT = 10;
const LONGEST_WAIT = 1_000;

export interface CancelOptions {
  /** How long it is tried. Milliseconds. */
  withinMs: number;
  /** A submission of this prompt that is on its way; until it has ended a prompt that is not there may yet come. */
  submission?: Promise<unknown>;
}

/**
 * Takes a prompt out of the queue, or interrupts it, and does so again until it has taken: an interrupt that arrives
 * just before a prompt starts is forgotten, and one that waits may start between two requests. Only ever names this
 * prompt. A node in one long call lets go at its end only.
 * @returns whether the prompt is out of the queue
 */
export async function cancelPrompt(
  client: ComfyClient,
  promptId: string,
  { withinMs, submission }: CancelOptions,
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  let mayStillCome = submission !== undefined;
  const settled = () => {
    mayStillCome = false;
  };
  submission?.then(settled, settled);
  let wait = FIRST_WAIT;
  for (;;) {
    // Read before the look: what arrives after it is seen by the next one.
    const last = !mayStillCome;
    const { state } = await findPrompt(client, promptId);
    if (state === 'finished' || (state === 'unknown' && last)) return true;
    if (state === 'pending') await client.deletePending(promptId);
    if (state === 'running') await client.interrupt(promptId);
    if (state !== 'unknown') mayStillCome = false;
    if (performance.now() + wait > deadline) return false;
    await pause(wait, undefined);
    wait = Math.min(LONGEST_WAIT, wait * 2);
  }
}

/** As {@link cancelPrompt}; a prompt that does not let go is told of in the log. */
export async function cancelOrTell(
  client: ComfyClient,
  promptId: string,
  { logger, jobId, ...options }: CancelOptions & { logger: Logger; jobId: string },
): Promise<void> {
  if (await cancelPrompt(client, promptId, options)) return;
  logger.warn(
    { job_id: jobId, prompt_id: promptId },
    'the prompt does not let go: a node is in one long call; it ends with that node',
  );
}
