import type { StatusFault } from '../hosted/faults.ts';

/** Which requests a fault hits. */
export type OpenAiRoute = 'models' | 'chat' | 'responses' | 'retrieve' | 'cancel' | 'generations' | 'edits';

const error = (message: string, type: string, code: string | null, param: string | null = null) => ({
  message,
  type,
  param,
  code,
});

/** The errors the API really gives, ready to order. */
export const ANSWERS = {
  rateLimited: (retryAfter: string, headers: Record<string, string> = {}): StatusFault => ({
    kind: 'status',
    status: 429,
    error: error('Rate limit reached for requests', 'requests', 'rate_limit_exceeded'),
    headers: { 'retry-after': retryAfter, ...headers },
  }),
  outOfQuota: (code = 'insufficient_quota'): StatusFault => ({
    kind: 'status',
    status: 429,
    error: error('You exceeded your current quota, please check your plan.', 'insufficient_quota', code),
  }),
  overloaded: (): StatusFault => ({
    kind: 'status',
    status: 503,
    error: error('The server is overloaded', 'service_unavailable_error', 'server_is_overloaded'),
  }),
  serverError: (status = 500): StatusFault => ({
    kind: 'status',
    status,
    error: error('The server (a double) had an error while processing your request', 'server_error', null),
  }),
  proxyPage: (): StatusFault => ({
    kind: 'status',
    status: 502,
    body: '<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>',
    headers: { 'content-type': 'text/html' },
  }),
  forbidden: (): StatusFault => ({
    kind: 'status',
    status: 403,
    error: error('Your project does not have access to this', 'invalid_request_error', null),
  }),
  contentPolicy: (code = 'content_policy_violation'): StatusFault => ({
    kind: 'status',
    status: 400,
    error: error('Your request was rejected as a result of our safety system.', 'invalid_request_error', code),
  }),
  tooLong: (param: string): StatusFault => ({
    kind: 'status',
    status: 400,
    error: error(
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
      'invalid_request_error',
      'context_length_exceeded',
      param,
    ),
  }),
};
