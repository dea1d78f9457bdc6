import type { ApiAddress } from './find-api.ts';
import { ApiError, readProblem, readRetryAfter, UnreachableError } from './errors.ts';

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Values that are undefined are left out; lists become repeated parameters. */
  query?: Record<string, string | number | boolean | readonly string[] | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Longest wait for the answer's head. Milliseconds; default 30 s. 0: no limit. */
  timeoutMs?: number;
}

/**
 * HTTP to one API. Every failure leaves as a {@link CliError} that can be printed: `ApiError` when the API refused,
 * `UnreachableError` when nobody, or somebody else, answered.
 */
export class ApiClient {
  readonly address: ApiAddress;

  constructor(address: ApiAddress) {
    this.address = address;
  }

  /** @param path below the API's prefix, e.g. `/jobs` */
  url(path: string, query: RequestOptions['query'] = {}): URL {
    const url = new URL(`${this.address.url}${path}`);
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) if (one !== undefined) url.searchParams.append(name, String(one));
    }
    return url;
  }

  async json<T>(path: string, options: RequestOptions = {}): Promise<T> {
    const response = await this.fetch(path, options);
    const text = await this.#read(response);
    try {
      return JSON.parse(text) as T;
    } catch {
      throw this.stranger(response.status, response.headers.get('content-type'));
    }
  }

  /** The answer with its body unread. @throws ApiError | UnreachableError */
  async fetch(path: string, options: RequestOptions = {}): Promise<Response> {
    const { method = 'GET', body, headers = {}, signal, timeoutMs = 30_000 } = options;
    const patience = timeoutMs > 0 ? new AbortController() : undefined;
    const timer = patience && setTimeout(() => patience.abort(), timeoutMs);
    const signals = [signal, patience?.signal].filter((s) => s !== undefined);
    let response: Response;
    try {
      response = await fetch(this.url(path, options.query), {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.any(signals),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw this.unreachable(patience?.signal.aborted ? `did not answer within ${timeoutMs / 1_000} s` : error);
    } finally {
      clearTimeout(timer);
    }
    if (response.ok) return response;
    throw await this.#refusal(response, path);
  }

  /** The error for an address where nobody answers, with what was tried and how to start it. */
  unreachable(why: unknown): UnreachableError {
    const hint = [
      `Looked there because ${this.address.because}.`,
      ...this.address.passedOver,
      this.address.stack
        ? 'That stack is there: its API is starting, or starting again. Try once more in a moment.'
        : 'Start it with "npm start" in the project (or "switchyard up"), or name another with --url or SWITCHYARD_URL.',
      '"switchyard doctor" says what is away.',
    ].join('\n');
    const reason = typeof why === 'string' ? why : networkReason(why);
    return new UnreachableError(`No Switchyard API at ${this.address.url}: ${reason}`, {
      hint,
      refused: isRefused(why),
      cause: why,
    });
  }

  /** The error for an answer that no API of ours would give. */
  stranger(status: number, contentType: string | null | undefined): UnreachableError {
    return this.unreachable(
      `something answers there, but not like Switchyard (HTTP ${status}, ${contentType ?? 'no content type'})`,
    );
  }

  async #refusal(response: Response, path: string): Promise<Error> {
    const body = await this.#read(response).catch(() => '');
    const problem = readProblem(response.status, response.headers.get('content-type'), body);
    if (!problem) return this.stranger(response.status, response.headers.get('content-type'));
    const retryAfter = readRetryAfter(response.headers.get('retry-after'), Date.now());
    const hint =
      problem.code === 'not_found' && path.startsWith('/jobs/') ? '"switchyard jobs" lists them.' : undefined;
    return new ApiError(problem, retryAfter, hint);
  }

  async #read(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw this.unreachable(error);
    }
  }
}

/** fetch hides what went wrong in a chain of causes. */
export function networkReason(error: unknown): string {
  const { code, message } = rootCause(error);
  return (code && REASONS[code]) || message || String(error);
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be looked up now',
  EHOSTUNREACH: 'the host cannot be reached',
  ETIMEDOUT: 'no answer',
  UND_ERR_CONNECT_TIMEOUT: 'no answer',
  UND_ERR_SOCKET: 'the connection was cut',
  EPIPE: 'the connection was cut',
};

function isRefused(why: unknown): boolean {
  return typeof why === 'string' || ['ECONNREFUSED', 'ENOTFOUND'].includes(rootCause(why).code ?? '');
}

interface Cause {
  code?: string;
  message?: string;
  cause?: Cause;
  /** Of an AggregateError: one for each address that was tried. */
  errors?: Cause[];
}

function rootCause(error: unknown): Cause {
  let cause = (error ?? {}) as Cause;
  while (cause.cause) cause = cause.cause;
  return cause.errors?.[0] ?? cause;
}
