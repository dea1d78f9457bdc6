import type { StatusFault } from '../hosted/faults.ts';

/** An error as the API gives it. */
export function anthropicError(
  status: number,
  type: string,
  message: string,
  extra: { details?: Record<string, unknown>; headers?: Record<string, string> } = {},
): StatusFault {
  const error = { type, message, ...(extra.details ? { details: extra.details } : {}) };
  return {
    kind: 'status',
    status,
    body: JSON.stringify({ type: 'error', error, request_id: 'req_double' }),
    headers: { 'content-type': 'application/json', ...extra.headers },
  };
}

/** The errors the API really gives, ready to order. */
export const ANTHROPIC_ANSWERS = {
  rateLimited: (retryAfter: string) =>
    anthropicError(429, 'rate_limit_error', "This request would exceed your organization's rate limit.", {
      headers: { 'retry-after': retryAfter },
    }),
  spendLimit: () =>
    anthropicError(429, 'rate_limit_error', 'You have reached your specified API usage limits.', {
      details: { error_code: 'enforced_spend_limit_reached' },
      headers: { 'x-should-retry': 'false' },
    }),
  billing: () => anthropicError(402, 'billing_error', 'There is an issue with billing.'),
  overloaded: () => anthropicError(529, 'overloaded_error', 'Overloaded'),
  serverError: (status = 500) => anthropicError(status, 'api_error', 'Internal server error (of a double)'),
  forbidden: () => anthropicError(403, 'permission_error', 'Your API key does not have permission.'),
  late: () => anthropicError(504, 'timeout_error', 'The request timed out while processing.'),
  edge: (): StatusFault => ({
    kind: 'status',
    status: 413,
    body: '<html><head><title>413 Payload Too Large</title></head></html>',
    headers: { 'content-type': 'text/html' },
  }),
};
