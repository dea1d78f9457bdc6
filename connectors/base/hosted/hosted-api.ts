import { ConnectorError } from '../../contract/connector-error.ts';
import { pause } from '../../http/backoff.ts';
import { secretHider } from '../../http/hide-secrets.ts';
import { createHttpClient, type HttpClient, type HttpRequest } from '../../http/http-client.ts';
import type { HttpResponse } from '../../http/http-response.ts';
import { RateLimiter } from '../../http/rate-limiter.ts';
import { Exchange, sdkFetch, type ExchangeLimits } from '../../http/sdk-fetch.ts';
import { ApiKeys, type ApiKey } from './api-keys.ts';
import { missingModel, ModelList } from './model-list.ts';
import { RateHeadroom, type Allowances } from './rate-headroom.ts';
import type { HostedSettings } from './settings.ts';

/** A longer wait for a rate limit is left to the job's retry, which frees the slot. Milliseconds. */
const LONGEST_WAIT = 2_000;
/** For reading about work, not for work. Milliseconds. */
const QUICK = 30_000;

/** What an error is judged by. */
export interface ErrorFacts {
  exchange: Exchange;
  /** Host that was asked. */
  host: string;
  payload: Readonly<Record<string, unknown>>;
  /** Whether the server lists the model of the request; undefined when nobody knows, true when it names none. */
  modelListed: boolean | undefined;
  hide: (text: string) => string;
}

/** What a job names: a model, as a rule. */
export interface Subject {
  word: string;
  /** Where in the job it is named. */
  pointer: string;
  /** The operator's list of those that may be named. */
  variable: string;
}

/** What differs from one vendor's SDK to the next. */
export interface Vendor<Client> {
  /** Of the variables, for hints. */
  prefix: string;
  /** Default: a model. */
  subject?: Subject;
  /** An SDK's client without retries, time-outs and logs of its own. */
  connect(key: ApiKey, fetch: typeof globalThis.fetch, headers: Readonly<Record<string, string>>): Client;
  /** Whatever a call threw, in the words of the one table. */
  explain(error: unknown, facts: ErrorFacts): ConnectorError;
  /** What the headers say of the rate limits. */
  allowances(headers: Readonly<Record<string, string>>): Allowances;
  /** What a request counts against the limits, by the names of the allowances. */
  costs(tokens: TokenEstimate): Readonly<Record<string, number>>;
  /** An empty list: there is none; the call has shown that the server is there and lets the key in. */
  listModels(client: Client): Promise<string[]>;
  /** Looks for one that the list does not have. */
  findModel?(client: Client, model: string): PromiseLike<unknown>;
}

/** What a request may take of the limits at most. */
export interface TokenEstimate {
  input: number;
  output: number;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** Label of the key that the work belongs to. */
  key?: string;
  /** The work may belong to any of the keys: one that does not find it is not the last word. */
  anyKey?: boolean;
  model?: string;
  tokens?: TokenEstimate;
  payload?: Readonly<Record<string, unknown>>;
  limits?: ExchangeLimits;
  /** Awaited once the key is chosen, right before the request goes out. */
  sending?: (key: ApiKey, exchange: Exchange) => Promise<void>;
  headers?: Readonly<Record<string, string>>;
}

/** What a call gave. */
export interface Called<T> {
  value: T;
  key: ApiKey;
  exchange: Exchange;
}

/** One server of hosted models, with its keys, limits and models, behind its vendor's SDK. */
export class HostedApi<Client, S extends HostedSettings = HostedSettings> {
  readonly settings: S;
  readonly models: ModelList;
  readonly hide: (text: string) => string;
  readonly #vendor: Vendor<Client>;
  readonly #http: HttpClient;
  readonly #keys: ApiKeys;
  readonly #headroom = new RateHeadroom();
  readonly #limiter: RateLimiter | undefined;

  constructor(settings: S, vendor: Vendor<Client>) {
    this.settings = settings;
    this.#vendor = vendor;
    // Servers of one's own often want no key; the SDKs do.
    this.#keys = new ApiKeys(settings.keys.length > 0 ? settings.keys : ['none']);
    this.hide = secretHider({}, settings.keys);
    this.#http = createHttpClient({
      base_url: settings.base_url,
      timeout_ms: settings.timeout_seconds * 1_000,
      idle_timeout_ms: settings.idle_timeout_seconds * 1_000,
      max_response_bytes: settings.max_response_mb * 1_048_576,
      secrets: settings.keys,
    });
    const { requests_per_minute: rpm } = settings;
    if (rpm > 0) this.#limiter = new RateLimiter({ requests: rpm, per_ms: 60_000, max_wait_ms: LONGEST_WAIT });
    this.models = new ModelList(async () => (await this.read((client) => vendor.listModels(client))).value);
  }

  /** Asks about work: quick, and safe to repeat. */
  read<T>(ask: (client: Client) => PromiseLike<T>, options: CallOptions = {}): Promise<Called<T>> {
    const timeout_ms = Math.min(QUICK, this.settings.timeout_seconds * 1_000);
    return this.call(ask, { limits: { timeout_ms }, ...options });
  }

  /**
   * Makes one call with one key after the other, until one is neither refused nor limited. A refusal costs nothing, so
   * going on with the next key is safe; any other failure ends it.
   * @throws ConnectorError by the one table; the signal's reason on abort
   */
  async call<T>(ask: (client: Client) => PromiseLike<T>, options: CallOptions = {}): Promise<Called<T>> {
    const refused: ConnectorError[] = [];
    for (const key of this.#keys.order(options.model, options.key)) {
      try {
        await this.#haveRoom(key, options);
      } catch (error) {
        if (!(error instanceof ConnectorError) || error.code !== 'rate_limited') throw error;
        refused.push(error);
        continue;
      }
      const exchange = new Exchange(options.limits, options.signal);
      await options.sending?.(key, exchange);
      try {
        const value = await ask(this.#vendor.connect(key, sdkFetch(this.#http, exchange), options.headers ?? {}));
        this.#answered(key, exchange, options.model);
        return { value, key, exchange };
      } catch (error) {
        options.signal?.throwIfAborted();
        this.#answered(key, exchange, options.model);
        const failure = this.explain(error, exchange, options);
        if (!this.#nextKey(key, failure, exchange, options)) throw failure;
        refused.push(failure);
      }
    }
    throw worthMost(refused);
  }

  get subject(): Subject {
    const { prefix, subject } = this.#vendor;
    return subject ?? { word: 'model', pointer: '/payload/model', variable: `${prefix}_MODELS` };
  }

  explain(error: unknown, exchange: Exchange, { payload = {}, model }: CallOptions): ConnectorError {
    return this.#vendor.explain(error, {
      exchange,
      payload,
      host: this.settings.host,
      modelListed: model === undefined ? true : this.models.lists(model),
      hide: this.hide,
    });
  }

  /**
   * Refuses a model that the operator has not allowed, or that the server does not have.
   * @throws ConnectorError `permission` or `missing_model`
   */
  async checkModel(model: string, signal?: AbortSignal): Promise<void> {
    const { models: allowed, check_models, host } = this.settings;
    const { prefix } = this.#vendor;
    if (allowed.length > 0 && !allowed.includes(model)) {
      const { word, pointer, variable } = this.subject;
      const hint = `allowed are ${allowed.join(', ')} (${variable} on the worker)`;
      throw new ConnectorError('permission', `The ${word} "${model}" may not be used here; ${hint}`, {
        errors: [{ pointer, detail: `is not among the allowed ${word}s`, hint }],
      });
    }
    const find = this.#vendor.findModel?.bind(this.#vendor);
    if (!check_models || !find) return;
    const names = await this.models.names();
    if (names === undefined || names.length === 0 || this.models.lists(model)) return;
    try {
      await this.read((client) => find(client, model), { signal, model });
      this.models.proven(model);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ConnectorError && (error.code === 'missing_model' || error.code === 'not_found')) {
        throw missingModel(model, host, names, `${prefix}_CHECK_MODELS=false`);
      }
      // It could not be found out: the request itself will tell.
    }
  }

  /**
   * A first contact, or a look whether the server is well. One that gives no list of models, but answers, is there.
   * @throws ConnectorError when it cannot be reached, fails, or lets none of the keys in
   */
  async greet(): Promise<void> {
    try {
      await this.models.refresh();
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      const decisive = ['authentication', 'service_unavailable', 'timeout', 'backend_error'].includes(error.code);
      // Other 4xx: it has no such route.
      if (decisive && !(error.code === 'backend_error' && error.retryable === false)) throw error;
    }
  }

  /**
   * What is at an address that an answer names, as it comes; no key goes along.
   * @throws HttpError by the one table, `permission` for an address that is neither public nor the server's own
   */
  open(url: string, options: Omit<HttpRequest, 'path'>): Promise<HttpResponse> {
    return this.#http.request({ ...options, path: url });
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async #haveRoom(key: ApiKey, { model = '', tokens, signal }: CallOptions): Promise<void> {
    await this.#limiter?.take(key.label, signal);
    if (!model) return;
    const scope = `${key.label} ${model}`;
    const costs = this.#vendor.costs(tokens ?? { input: 0, output: 0 });
    const wait = this.#headroom.waitMs(scope, costs);
    if (wait > LONGEST_WAIT) {
      throw new ConnectorError('rate_limited', `${this.settings.host}: the rate limit is used up for ${wait} ms`, {
        retry_after_ms: wait,
      });
    }
    if (wait > 0) await pause(wait, signal);
    this.#headroom.spend(scope, costs);
  }

  #answered(key: ApiKey, exchange: Exchange, model: string | undefined): void {
    if (model) this.#headroom.note(`${key.label} ${model}`, this.#vendor.allowances(exchange.headers));
    if (exchange.status !== undefined && exchange.status < 400) this.#keys.worked(key);
  }

  /** Whether another key may do what this one could not. */
  #nextKey(key: ApiKey, failure: ConnectorError, exchange: Exchange, { anyKey, model }: CallOptions): boolean {
    if (exchange.status === undefined || exchange.status < 400) return false;
    if (failure.code === 'not_found' && anyKey) return true;
    if (failure.code === 'rate_limited') this.#keys.rest(key, failure.retry_after_ms ?? LONGEST_WAIT, model);
    else if (failure.code === 'authentication' || failure.code === 'quota_exceeded') this.#keys.setAside(key);
    else return false;
    return true;
  }
}

/** Of all keys' refusals the one that says most of what to do: waiting helps, then paying, then other keys. */
function worthMost(refused: ConnectorError[]): ConnectorError {
  const limited = refused.filter((error) => error.code === 'rate_limited');
  const soonest = limited.toSorted((a, b) => (a.retry_after_ms ?? 0) - (b.retry_after_ms ?? 0))[0];
  const [first] = refused;
  const found = soonest ?? refused.find((error) => error.code === 'quota_exceeded') ?? first;
  return found ?? new ConnectorError('authentication', 'There is no API key to use');
}
