import { createHmac } from 'node:crypto';

/**
 * Headers of a signed POST as Standard Webhooks has them (https://github.com/standard-webhooks/standard-webhooks, spec):
 * HMAC-SHA256 over `id.timestamp.body`, base64, after `v1,`.
 * @param secret `whsec_` and base64, or any text, which counts as the key itself
 * @param at epoch milliseconds; sent in seconds
 */
export function signWebhook(secret: string, id: string, at: number, body: string): Record<string, string> {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret);
  const timestamp = String(Math.floor(at / 1_000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
