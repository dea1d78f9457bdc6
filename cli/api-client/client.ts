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
      throw this.#stranger(response);
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
    throw await this.#refusal(response);
  }

  /** The error for an address where nobody answers, with what was tried and how to start it. */
  unreachable(why: unknown): UnreachableError {
    const reason = typeof why === 'string' ? why : networkReason(why);
    return new UnreachableError(
      `No Switchyard API at ${this.address.url}: ${reason}`,
      [
        `Looked there because ${this.address.because}.`,
        ...this.address.passedOver,
        'Start it with "npm start" in the project (or "switchyard up"), or name another with --url or SWITCHYARD_URL.',
        '"switchyard doctor" says what is away.',
      ].join('\n'),
      why,
    );
  }

  async #refusal(response: Response): Promise<Error> {
    const body = await this.#read(response).catch(() => '');
    const problem = readProblem(response.status, response.headers.get('content-type'), body);
    if (!problem) return this.#stranger(response);
    return new ApiError(problem, readRetryAfter(response.headers.get('retry-after'), Date.now()));
  }

  async #read(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw this.unreachable(error);
    }
  }

  #stranger(response: Response): UnreachableError {
    const type = response.headers.get('content-type') ?? 'no content type';
    return this.unreachable(`something answers there, but not like Switchyard (HTTP ${response.status}, ${type})`);
  }
}

/** fetch hides what went wrong in a chain of causes. */
export function networkReason(error: unknown): string {
  let cause: unknown = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) cause = cause.errors[0];
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const known: Record<string, string> = {
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
  return (code && known[code]) || (cause instanceof Error ? cause.message : String(cause));
}
