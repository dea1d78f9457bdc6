import type { ErrorCode } from '../../contract/errors.ts';
import type { Logger } from '../../platform/logging/logger.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { createCircuitBreaker, type Breaker } from '../http/circuit-breaker.ts';
import { createHttpClient, type HttpClient, type HttpRequest } from '../http/http-client.ts';
import { HttpError } from '../http/http-error.ts';
import type { HttpResponse } from '../http/http-response.ts';
import { notTwice } from '../http/in-doubt.ts';
import { RateLimiter } from '../http/rate-limiter.ts';
import { resolveUrl } from '../http/request-url.ts';
import { Slots } from '../http/slots.ts';
import { openWebSocket, type OpenWebSocket, type WebSocketOptions } from '../http/websocket.ts';
import { Authenticator } from './authenticator.ts';
import { ErrorRules } from './error-rules.ts';
import type { Scope } from './expression.ts';
import { compileRequest, type RequestMaker } from './request.ts';
import type { FollowUp, Submit } from './request.schema.ts';
import type { RestService } from './service.schema.ts';

/** A longer Retry-After is left to the jobs; a shorter one keeps everybody of this process from asking. Milliseconds. */
const LONGEST_HOLD = 60_000;
/** Jobs that would wait longer for the rate limit give their slot away and come back. Milliseconds. */
const LONGEST_QUEUE = 10_000;
/** For a health check. Milliseconds. */
const HEALTH_TIMEOUT = 5_000;

const NOTHING = { headers: {}, query: {} };

export interface SendOptions {
  useAuth?: boolean;
  queueSignal?: AbortSignal;
}

/** A service file at work: connections, credentials, limits, compiled requests. One per service and worker process. */
export class ServiceRuntime<S extends RestService = RestService> {
  readonly service: S;
  readonly slots: Slots;
  readonly errors: ErrorRules;
  readonly submit: RequestMaker;
  readonly #client: HttpClient;
  readonly #base: URL;
  readonly #auth: Authenticator;
  readonly #limiter: RateLimiter | undefined;
  readonly #breaker: Breaker;
  readonly #health: RequestMaker | undefined;
  #users = 0;
  #retired = false;

  /** @throws ConnectorError naming the field of the service file that cannot be used */
  constructor(service: S, logger: Logger) {
    const { limits } = service;
    this.service = service;
    this.#auth = new Authenticator(service.auth, service.base_url, limits.timeout);
    this.#client = createHttpClient({
      base_url: service.base_url,
      headers: service.headers,
      timeout_ms: limits.timeout,
      idle_timeout_ms: limits.idle_timeout,
      max_response_bytes: limits.max_response_bytes,
      retries: limits.retries,
      secrets: this.#auth.secrets,
    });
    this.#base = new URL(service.base_url);
    this.slots = new Slots(limits.concurrency ?? Infinity);
    const { rate } = limits;
    this.#limiter =
      rate &&
      new RateLimiter({ requests: rate.requests, per_ms: rate.per, burst: rate.burst, max_wait_ms: LONGEST_QUEUE });
    this.#breaker = createCircuitBreaker({
      name: service.service,
      failures: service.breaker.failures,
      open_ms: service.breaker.open,
      onChange: (state) => logger.warn({ rest_service: service.service, state }, 'circuit breaker'),
    });
    this.errors = new ErrorRules(service.errors, service.service);
    this.submit = compileRequest(service.request, `${service.service}.request`, 'validation', service.base_url);
    this.#health = service.health && this.compile(service.health, 'health');
  }

  /** Compiles a request beside the first one. */
  compile(request: FollowUp, field: string, blame: ErrorCode = 'backend_error'): RequestMaker {
    return compileRequest(request, `${this.service.service}.${field}`, blame, this.service.base_url);
  }

  /**
   * Sends a request with credentials, within the limits.
   * @param scope for the error rules
   * @param options.useAuth whether the credentials go along; they never go to another origin. Default: they do
   * @param options.queueSignal ends the wait for the rate limit, instead of the request's own signal
   * @throws ConnectorError: by the service's rules first, then by the table of statuses; the signal's reason on abort
   */
  async send(request: HttpRequest, scope: Scope, options: SendOptions = {}): Promise<HttpResponse> {
    const { useAuth = true } = options;
    const call = () => (useAuth ? this.#withCredentials(request) : this.#client.request(request));
    return this.#within(call, scope, request.signal, options.queueSignal ?? request.signal);
  }

  /** Opens a WebSocket with credentials, within the limits. @throws as {@link send} */
  async openSocket(request: HttpRequest, scope: Scope, options: Partial<WebSocketOptions>): Promise<OpenWebSocket> {
    const { limits, headers: own } = this.service;
    const call = async () => {
      const url = resolveUrl(this.#base, request.path, request.query);
      const atHome = url.origin === this.#base.origin;
      const { headers, query } = atHome ? await this.#auth.credentials(this.service.base_url, request.signal) : NOTHING;
      return openWebSocket({
        url: resolveUrl(url, url.href, query).href,
        headers: { ...(atHome ? own : {}), ...request.headers, ...headers },
        connect_timeout_ms: limits.timeout,
        idle_timeout_ms: limits.idle_timeout ?? limits.timeout,
        public_only: !atHome,
        signal: request.signal,
        ...options,
      });
    };
    return this.#within(call, scope, request.signal, request.signal);
  }

  /** Settings of the first request that decide what is done when its answer is lost. */
  get #submission(): Submit {
    return this.service.request;
  }

  /**
   * {@link send} for the request that gives the job to the service.
   * @throws ConnectorError that is not to be retried when the submission may have arrived and must not be repeated
   */
  async sendSubmission(request: HttpRequest, scope: Scope, options: SendOptions = {}): Promise<HttpResponse> {
    const { idempotency, in_doubt, method } = this.#submission;
    const repeatable = idempotency !== undefined || method === 'GET' || method === 'PUT';
    const retried = in_doubt ?? (this.service.kind === 'async' ? 'fail' : 'retry');
    try {
      const headers = idempotency?.header ? { [idempotency.header]: String(scope['key']) } : {};
      const marked = { ...request, headers: { ...request.headers, ...headers }, idempotent: repeatable };
      return await this.send(marked, scope, options);
    } catch (error) {
      throw repeatable || retried === 'retry' ? error : notTwice(error, 'request.in_doubt');
    }
  }

  /** Whether the service answers. Asks it past the breaker and the rate limit. */
  async healthy(): Promise<boolean> {
    try {
      const request = this.#health ? await this.#health({ params: this.service.params }) : { path: '/' };
      const timeout_ms = Math.min(HEALTH_TIMEOUT, this.service.limits.timeout);
      const answer = await this.#withCredentials({ ...request, timeout_ms });
      await answer.discard();
      return true;
    } catch (error) {
      // Without a health request any answer will do that does not blame the service itself.
      return !this.#health && error instanceof HttpError && error.status !== undefined && error.status < 500;
    }
  }

  /** A job that must find this runtime open until it calls what this returns. */
  enter(): () => void {
    this.#users += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#users -= 1;
      if (this.#retired && this.#users === 0) void this.close();
    };
  }

  /** Closes once the jobs that use it have ended. */
  async retire(): Promise<void> {
    this.#retired = true;
    if (this.#users === 0) await this.close();
  }

  async close(): Promise<void> {
    await Promise.all([this.#client.close(), this.#auth.close()]);
  }

  async #within<T>(
    call: () => Promise<T>,
    scope: Scope,
    signal: AbortSignal | undefined,
    queueSignal: AbortSignal | undefined,
  ): Promise<T> {
    const { service } = this.service;
    await this.#limiter?.take(service, queueSignal);
    try {
      return await this.#breaker.run(call);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HttpError && error.code === 'rate_limited' && (error.retry_after_ms ?? 0) <= LONGEST_HOLD) {
        this.#limiter?.hold(service, error.retry_after_ms ?? 0);
      }
      throw await this.errors.explain(error, scope);
    }
  }

  async #withCredentials(request: HttpRequest): Promise<HttpResponse> {
    const foreign = resolveUrl(this.#base, request.path).origin !== this.#base.origin;
    if (foreign) return this.#client.request(request);
    for (let tries = 1; ; tries++) {
      const { headers, query } = await this.#auth.credentials(this.service.base_url, request.signal);
      try {
        return await this.#client.request({
          ...request,
          headers: { ...request.headers, ...headers },
          query: { ...request.query, ...query },
        });
      } catch (error) {
        const unauthorized = error instanceof ConnectorError && error.code === 'authentication';
        if (!unauthorized || !this.#auth.refused() || tries > 1) throw error;
      }
    }
  }
}
