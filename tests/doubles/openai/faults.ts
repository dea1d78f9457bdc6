/** Which requests a fault hits: of OpenAI, and of Anthropic. */
export type Route = OpenAiRoute | 'messages';
export type OpenAiRoute = 'models' | 'chat' | 'responses' | 'retrieve' | 'cancel' | 'generations' | 'edits';

/** An answer instead of the work: nothing is done, nothing is paid. */
export interface StatusFault {
  kind: 'status';
  status: number;
  error?: Record<string, unknown>;
  /** Instead of an error document, e.g. a proxy's HTML page. */
  body?: string;
  headers?: Record<string, string>;
}

/**
 * Something that goes wrong after the request was taken, and so is paid.
 * `reset`: the connection is cut before the answer. `hang`: no answer ever. `malformed`: an answer that is no JSON.
 * `drop`: the stream is cut after so many tokens. `end`: it ends properly, but too early. `stall`: it falls silent.
 * `garbage`: an event that is no JSON. `error`: an error inside the stream. `filtered`: the content filter stops it.
 * `failed` and `lost` are for stored responses: it ends as failed; it is forgotten.
 */
export interface WorkFault {
  kind:
    | 'reset'
    | 'hang'
    | 'malformed'
    | 'drop'
    | 'end'
    | 'stall'
    | 'garbage'
    | 'error'
    | 'filtered'
    | 'failed'
    | 'lost';
  /** Tokens (or partial images) that come before it. Default 0. */
  after?: number;
  error?: Record<string, unknown>;
}

/** The connection is cut before anything is taken up. */
export interface RefusalFault {
  kind: 'cut';
}

export type Fault = StatusFault | WorkFault | RefusalFault;

/** Faults to order, each for a number of requests; the first of a route goes first. */
export class Faults {
  #ordered: { route: Route; fault: Fault; left: number }[] = [];

  order(route: Route, fault: Fault, times = 1): void {
    this.#ordered.push({ route, fault, left: times });
  }

  take(route: Route): Fault | undefined {
    const found = this.#ordered.find((each) => each.route === route);
    if (found) found.left -= 1;
    this.#ordered = this.#ordered.filter((each) => each.left > 0);
    return found?.fault;
  }

  clear(): void {
    this.#ordered = [];
  }
}

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
