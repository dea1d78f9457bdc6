import type { Readable } from 'node:stream';
import { Agent, type FormData } from 'undici';
import { checkLiteralHost, guardedLookup, isPublicAddress } from '../../platform/inputs/address-guard.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { backoffMs, pause } from './backoff.ts';
import { secretHider } from './hide-secrets.ts';
import { HttpError } from './http-error.ts';
import { errorAnswer, readAnswer, type HttpResponse } from './http-response.ts';
import { resolveUrl, shownUrl, type Query } from './request-url.ts';
import { limitedBody } from './response-body.ts';
import { transportError } from './transport-error.ts';

export interface HttpClientOptions {
  /** `http(s)://host[:port][/prefix]`; a path of a request is put behind the prefix. */
  base_url: string;
  /** Sent with every request to the base URL's origin, and to no other. */
  headers?: Readonly<Record<string, string>>;
  /** Until the answer's headers, and again for reading a whole body with `json()` or `text()`. Default 30,000. */
  timeout_ms?: number;
  /** Longest silence within a body. Default: `timeout_ms`. 0: none. */
  idle_timeout_ms?: number;
  /** Largest answer. Default 64 MiB; `stream` of a single request may be allowed more. */
  max_response_bytes?: number;
  /** How often a request that may be repeated is repeated. Default 2. */
  retries?: number;
  /** Connections per origin. Default 64; a request waits for a free one within its `timeout_ms`. */
  connections?: number;
  /** Values that must not show in an error's message, besides those of the headers. */
  secrets?: readonly string[];
  /**
   * Where other origins than the base URL's may lead, be it by an absolute URL or by a redirect: a backend's answer must
   * not make us ask around in our own network. Default `public`.
   */
  foreign_addresses?: 'public' | 'any';
  /** Where the base URL itself may lead; names are looked up at the moment of the connection. Default: anywhere. */
  home_addresses?: (address: string) => boolean;
}

export interface HttpRequest {
  /** Default `GET`. */
  method?: string;
  /** Path under the base URL, or an absolute URL, which gets the client's own headers only at the same origin. */
  path: string;
  /** Added to those of the path; undefined values are left out, lists repeat the name. */
  query?: Query;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is; a stream can be sent once only, a function makes a new one for each try. */
  body?: string | Buffer | FormData | Readable | (() => Readable);
  headers?: Readonly<Record<string, string>>;
  /** Ends the request and the reading of its answer; both then throw its reason. */
  signal?: AbortSignal;
  timeout_ms?: number;
  idle_timeout_ms?: number;
  max_response_bytes?: number;
  /**
   * Whether the request may be sent again when nobody knows if it arrived. Default: GET, HEAD, OPTIONS, PUT, DELETE.
   * Any request is sent again when the connection was never made.
   */
  idempotent?: boolean;
  /** Statuses besides 2xx that are returned instead of thrown, e.g. `[404]`. */
  ok_statuses?: readonly number[];
}

export interface HttpClient {
  readonly base_url: string;
  /**
   * Sends a request. The answer's body must be read, or let go with `discard()`.
   * @throws HttpError by the one table (`status-codes.ts`, `transport-error.ts`), with the backend's own words
   * @throws the signal's reason on abort
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Closes all connections; requests under way fail. */
  close(): Promise<void>;
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
const BACKOFF = { firstMs: 200, maxMs: 5_000, growth: 3, jitter: 0.5 };
/** A longer `Retry-After` is left to the job's own retry, which frees the slot meanwhile. Milliseconds. */
const LONGEST_WAIT = 5_000;
const MAX_REDIRECTS = 5;
const CONNECT_TIMEOUT = 10_000;
/** Deadlines are kept here, by exact timers. */
const NO_TIMEOUTS = { headersTimeout: 0, bodyTimeout: 0 };

/**
 * The HTTP client of one connector: pooled connections, deadlines, bounded bodies, retries only where they are safe.
 * Make it in `initializeService`, close it in `cleanupService`. Opens nothing before the first request.
 * @throws ConnectorError `validation` when `base_url` is no http(s) URL
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const base = parseBase(options.base_url);
  const agent = new Agent({
    connections: options.connections ?? 64,
    connect: {
      timeout: Math.min(CONNECT_TIMEOUT, options.timeout_ms ?? CONNECT_TIMEOUT),
      ...(options.home_addresses ? { lookup: guardedLookup(options.home_addresses) } : {}),
    },
    ...NO_TIMEOUTS,
  });
  // Names are checked at the moment of the connection, addresses in URLs before.
  const outside =
    options.foreign_addresses === 'any'
      ? agent
      : new Agent({ connect: { timeout: CONNECT_TIMEOUT, lookup: guardedLookup(isPublicAddress) }, ...NO_TIMEOUTS });
  const limits = {
    timeout: options.timeout_ms ?? 30_000,
    idle: options.idle_timeout_ms ?? options.timeout_ms ?? 30_000,
    bytes: options.max_response_bytes ?? 64 * 1_024 * 1_024,
    retries: options.retries ?? 2,
  };

  async function request(asked: HttpRequest): Promise<HttpResponse> {
    const once = asked.body !== undefined && typeof asked.body === 'object' && 'pipe' in asked.body;
    for (let tries = 1; ; tries++) {
      try {
        return await follow(asked);
      } catch (error) {
        asked.signal?.throwIfAborted();
        const wait = once || tries > limits.retries ? undefined : retryWait(error, asked, tries);
        if (wait === undefined) throw error;
        await pause(wait, asked.signal);
      }
    }
  }

  async function follow(asked: HttpRequest): Promise<HttpResponse> {
    const first = resolveUrl(base, asked.path, asked.query);
    let url = first;
    for (let hops = 0; ; hops++) {
      const response = await send(hops === 0 ? asked : { ...asked, headers: travelling(asked, first, url) }, url);
      const { location } = response.headers;
      if (response.status < 300 || response.status >= 400 || location === undefined) return response;
      await response.discard();
      const method = asked.method ?? 'GET';
      if ((method !== 'GET' && method !== 'HEAD') || hops >= MAX_REDIRECTS) {
        const text = `${method} ${shownUrl(url)} is redirected to ${location}; name the final address instead`;
        throw new HttpError('backend_error', text, { delivery: 'answered', status: response.status, retryable: false });
      }
      url = new URL(location, url);
    }
  }

  async function send(asked: HttpRequest, url: URL): Promise<HttpResponse> {
    const { signal, method = 'GET' } = asked;
    const atHome = url.origin === base.origin;
    const own = atHome ? (options.headers ?? {}) : {};
    const headers = requestHeaders(own, asked);
    const hide = secretHider(headers, options.secrets);
    const where = hide(`${method} ${shownUrl(url)}`);
    signal?.throwIfAborted();
    const timeout = asked.timeout_ms ?? limits.timeout;
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const release = () => signal?.removeEventListener('abort', onAbort);
    const overdue = new HttpError('timeout', `${where}: no answer within ${timeout} ms`, { delivery: 'in_doubt' });
    const timer = setTimeout(() => stop.abort(overdue), timeout);
    try {
      if (outside !== agent && !atHome) checkLiteralHost(url, isPublicAddress);
      if (atHome && options.home_addresses) checkLiteralHost(url, options.home_addresses);
      const {
        statusCode,
        headers: raw,
        body,
      } = await (atHome ? agent : outside).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers,
        body: bodyOf(asked),
        signal: stop.signal,
      });
      const answer = { status: statusCode, headers: flatHeaders(raw), where, timeout };
      const stream = limitedBody(body, {
        ...answer,
        idleMs: asked.idle_timeout_ms ?? limits.idle,
        maxBytes: asked.max_response_bytes ?? limits.bytes,
        signal,
        onEnd: release,
      });
      const redirect = statusCode >= 300 && statusCode < 400 && answer.headers['location'] !== undefined;
      if (statusCode < 300 || redirect || asked.ok_statuses?.includes(statusCode)) return readAnswer(stream, answer);
      clearTimeout(timer);
      throw await errorAnswer(stream, answer, hide);
    } catch (error) {
      release();
      signal?.throwIfAborted();
      throw transportError(error, where, false);
    } finally {
      clearTimeout(timer);
    }
  }

  async function close(): Promise<void> {
    await Promise.all([agent.destroy(), outside === agent ? undefined : outside.destroy()]);
  }

  return { base_url: options.base_url, request, close };
}

/** What may go along to another origin: nothing that could be a credential. */
const HARMLESS = new Set(['accept', 'accept-language', 'range', 'if-none-match', 'if-modified-since']);

function travelling(asked: HttpRequest, first: URL, url: URL): Readonly<Record<string, string>> | undefined {
  if (first.origin === url.origin) return asked.headers;
  return Object.fromEntries(Object.entries(asked.headers ?? {}).filter(([name]) => HARMLESS.has(name.toLowerCase())));
}

/** @returns milliseconds until the next try, undefined when there must be none */
function retryWait(error: unknown, asked: HttpRequest, tries: number): number | undefined {
  if (!(error instanceof HttpError)) return undefined;
  const repeatable = asked.idempotent ?? IDEMPOTENT.has(asked.method ?? 'GET');
  const passing = error.code === 'service_unavailable' || error.code === 'timeout' || error.code === 'rate_limited';
  const failed = (error.status ?? 0) >= 500 && error.retryable !== false;
  if (error.retryable === false || !(passing || failed)) return undefined;
  if (!repeatable && error.delivery !== 'not_sent') return undefined;
  if (error.code === 'timeout' && error.delivery === 'in_doubt') return undefined;
  const wait = error.retry_after_ms ?? backoffMs(BACKOFF, tries);
  return wait > LONGEST_WAIT ? undefined : wait;
}

function parseBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username) return url;
  throw new ConnectorError(
    'validation',
    `The base URL ${JSON.stringify(text)} is no usable address; write http(s)://host[:port][/path], without credentials or "?"`,
  );
}

function requestHeaders(own: Readonly<Record<string, string>>, asked: HttpRequest): Record<string, string> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'switchyard' };
  if (asked.json !== undefined) headers['content-type'] = 'application/json';
  for (const [name, value] of [...Object.entries(own), ...Object.entries(asked.headers ?? {})]) {
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function bodyOf(asked: HttpRequest): string | Buffer | FormData | Readable | undefined {
  if (asked.json !== undefined) return JSON.stringify(asked.json);
  return typeof asked.body === 'function' ? asked.body() : asked.body;
}

function flatHeaders(raw: Record<string, string | string[] | undefined>): Record<string, string> {
  const entries = Object.entries(raw).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, [value].flat().join(', ')]));
}
