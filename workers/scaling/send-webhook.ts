import { setTimeout as sleep } from 'node:timers/promises';
import type { ScalingPolicy } from '../../platform/scaling/policy.schema.ts';
import { signWebhook } from '../../platform/webhooks/sign-webhook.ts';
import type { PassedOrder } from './passing-driver.ts';

export interface WebhookOptions {
  policy: (pool: string) => ScalingPolicy;
  env: NodeJS.ProcessEnv;
  /** Pause before the second try; doubles. Default 1 s. Milliseconds. */
  pauseMs?: number;
}

const TRIES = 5;
const TIMEOUT_MS = 10_000;
/** Of a 4xx only these pass by themselves. */
const PASSING = new Set([408, 409, 425, 429]);

/** The receiver does not want this order, however often it comes. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/**
 * POSTs `{pool, workers, reason}`. Tried five times; every try, and every reminder of the same order, carries the same
 * `webhook-id`, by which a receiver knows what it has done already.
 */
export function sendToWebhook({ policy, env, pauseMs = 1_000 }: WebhookOptions) {
  return async ({ id, pool, workers, reason }: PassedOrder, signal: AbortSignal): Promise<void> => {
    const { webhook_url: url, webhook_secret_env: variable } = policy(pool);
    const secret = variable === undefined ? undefined : env[variable];
    if (variable !== undefined && !secret)
      throw new Error(`the variable ${variable} is not set, so it cannot be signed`);
    const body = JSON.stringify({ pool, workers, reason });
    for (let attempt = 1; ; attempt++) {
      try {
        await post(url!, id, body, secret, signal);
        return;
      } catch (error) {
        if (signal.aborted || error instanceof RefusedError || attempt === TRIES) throw error;
        await sleep(pauseMs * 2 ** (attempt - 1), undefined, { signal });
      }
    }
  };
}

async function post(url: string, id: string, body: string, secret: string | undefined, signal: AbortSignal) {
  const signed = secret ? signWebhook(secret, id, Date.now(), body) : { 'webhook-id': id };
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...signed },
    // An order must not wander off to an address nobody has configured.
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  }).catch((error: unknown) => {
    const cause = (error as Error).cause as Error | undefined;
    throw new Error(`the webhook cannot be reached: ${cause?.message ?? (error as Error).message}`, { cause: error });
  });
  await response.body?.cancel();
  if (response.ok) return;
  const message = `the webhook answered ${response.status}`;
  if (response.status < 500 && !PASSING.has(response.status)) throw new RefusedError(message);
  throw new Error(message);
}
