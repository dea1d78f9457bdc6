import type { Logger } from '../../platform/logging/logger.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { pause } from '../http/backoff.ts';
import { HttpError } from '../http/http-error.ts';
import { nodeErrors, refusalOf } from './backend-errors.ts';
import { cancelPrompt } from './cancel-prompt.ts';
import type { ComfyClient, PromptRequest } from './comfy-client.ts';
import { findPrompt } from './find-prompt.ts';
import type { JobPlan } from './job-plan.ts';

/** After an answer that was lost: the server may need a moment to put the prompt into its queue. Milliseconds. */
const LOOKS = [0, 200, 1_000];
const CLEAN_UP = { withinMs: 10_000 };

/**
 * Submits a prompt once. When nobody knows whether it arrived, the server is asked: it may have been queued behind a
 * lost answer, even behind a 500. It is never sent twice here. Not bound to the job's signal: a request that is cut in
 * the middle may still be taken.
 * @throws ConnectorError by what the server refused; nothing is queued then
 */
export async function submitPrompt(
  client: ComfyClient,
  plan: JobPlan,
  request: PromptRequest,
  logger: Logger,
): Promise<void> {
  const answer = await sendOnce(client, plan, request, logger);
  if (!answer) return;
  const { promptId } = answer;
  if (promptId !== request.prompt_id) {
    await cancelPrompt(client, promptId, CLEAN_UP);
    throw new ConnectorError(
      'backend_error',
      `This ComfyUI took the prompt under another id (${promptId}) than the one it was given: it is too old, update it`,
      { retryable: false },
    );
  }
  // Taken, but without the outputs that depend on these nodes: half a result is not what the job asked for.
  const dropped = nodeErrors(answer, plan);
  if (!dropped) return;
  await cancelPrompt(client, promptId, CLEAN_UP);
  throw dropped;
}

async function sendOnce(client: ComfyClient, plan: JobPlan, request: PromptRequest, logger: Logger) {
  try {
    return await client.submit(request);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const refused = refusalOf(error, plan);
    if (refused) throw refused;
    const { status = 0, delivery } = error;
    if (delivery === 'not_sent' || (status >= 400 && status < 500)) throw error;
    logger.warn({ err: error, prompt_id: request.prompt_id }, 'nobody knows whether ComfyUI took the prompt; looking');
    if (await isThere(client, request.prompt_id)) return undefined;
    throw error;
  }
}

async function isThere(client: ComfyClient, promptId: string): Promise<boolean> {
  for (const wait of LOOKS) {
    await pause(wait, undefined);
    const place = await findPrompt(client, promptId);
    if (place.state !== 'unknown') return true;
  }
  return false;
}
