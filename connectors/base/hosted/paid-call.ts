import { ERROR_CODES } from '../../../contract/errors.ts';
import { lostAnswer, PaidRequestNote, type IfLost, type PaidRequest } from './paid-request.ts';
import { ConnectorError } from '../../contract/connector-error.ts';
import type { JobContext } from '../../contract/job-context.ts';
import { Exchange } from '../../http/sdk-fetch.ts';
import type { CallOptions, Called, HostedApi, TokenEstimate } from './hosted-api.ts';

export interface PaidCallOptions<Client> {
  api: HostedApi<Client>;
  jobId: string;
  context: JobContext | undefined;
  payload: Readonly<Record<string, unknown>>;
  model: string;
  ifLost: IfLost | undefined;
  /** What it may cost at most, in words. */
  charge: string;
  /** What it may take of the limits. */
  tokens: TokenEstimate;
}

/**
 * The one request of a job that costs money. It is sent again only when nothing can have been charged for it: when the
 * backend was never reached, or has said no.
 */
export class PaidCall<Client> {
  readonly #options: PaidCallOptions<Client>;
  readonly #note: PaidRequestNote;
  #exchange: Exchange | undefined;

  constructor(options: PaidCallOptions<Client>) {
    this.#options = options;
    this.#note = new PaidRequestNote(options.context);
  }

  /** Label of the key that an earlier attempt has sent with. */
  get key(): string | undefined {
    return this.#note.pending?.key;
  }

  /** @throws ConnectorError, final, when an earlier attempt has sent and nobody knows what came of it */
  refuseToRepeat(how?: string): void {
    const { pending } = this.#note;
    if (!pending) return;
    if (!this.#mayRepeat) throw lostAnswer(pending, this.#options.api.settings.host, { how });
    this.#options.context?.logger.warn({ sent_at: pending.sent_at }, 'an answer was lost; the request is repeated');
  }

  /**
   * What {@link refuseToRepeat} is for a job that was tracked: it is known what became of it, but a request that was to
   * replace it may have been sent after.
   * @param serviceJobId of the tracked job
   */
  refuseToReplaceAgain(serviceJobId: string): void {
    if (this.#note.pending?.replaces === serviceJobId) this.refuseToRepeat();
  }

  /** An earlier attempt has begun to read an answer that comes in pieces, each of them once. */
  get wasReading(): boolean {
    return this.#note.pending?.reading === true;
  }

  /** Await it before reading a piece that nobody can read again. */
  reading(): Promise<void> {
    return this.#note.writeReading();
  }

  /** @throws ConnectorError by the one table, or for a lost answer; the signal's reason on abort */
  async send<T>(ask: (client: Client) => PromiseLike<T>, options: CallOptions = {}): Promise<Called<T>> {
    const { api, jobId, context, payload, model, charge, tokens } = this.#options;
    const { idempotency_header: header } = api.settings;
    const name = encodeURIComponent(jobId).slice(0, 400);
    try {
      return await api.call(ask, {
        payload,
        model,
        tokens,
        headers: { 'X-Client-Request-Id': `${name}.${context?.attempt ?? 1}`, ...(header ? { [header]: name } : {}) },
        ...options,
        sending: async (key, exchange) => {
          this.#exchange = exchange;
          await this.#note.write(charge, key.label);
        },
      });
    } catch (error) {
      options.signal?.throwIfAborted();
      return this.failed(error, 'its answer was lost');
    }
  }

  /**
   * The answer has failed on the way, or the backend says so in it.
   * @param how the loss, in words: "the stream broke off after 12 tokens"
   * @param ended whether the backend itself has ended the work with an error
   */
  async failed(error: unknown, how: string, ended = false): Promise<never> {
    const exchange = this.#exchange;
    const failure = this.explain(error);
    const { pending } = this.#note;
    if (!pending || ended || (exchange && nothingCharged(exchange))) {
      await this.#note.clear();
      throw failure;
    }
    if (this.#mayRepeat) {
      await this.#note.clear();
      throw asRetryable(failure);
    }
    throw lost(pending, failure, how, this.#options.api.settings.host);
  }

  /** An error that came with the answer, in the words of the one table. */
  explain(error: unknown): ConnectorError {
    const { api, payload, model } = this.#options;
    return api.explain(error, this.#exchange ?? new Exchange(), { payload, model });
  }

  /** The backend has ended the work: whatever follows is a new request. */
  ended(): Promise<void> {
    return this.#note.clear();
  }

  get #mayRepeat(): boolean {
    const { api, ifLost } = this.#options;
    return (ifLost ?? api.settings.if_lost) === 'repeat' || api.settings.idempotency_header !== undefined;
  }
}

function nothingCharged(exchange: Exchange): boolean {
  const { status, failure } = exchange;
  if (status !== undefined) return status >= 400;
  return failure === undefined || failure.delivery === 'not_sent';
}

function lost(request: PaidRequest, cause: ConnectorError, how: string, host: string): ConnectorError {
  return lostAnswer(request, host, { cause, code: cause.code, how: `${how} (${cause.message})` });
}

function asRetryable(error: ConnectorError): ConnectorError {
  if (error.retryable ?? ERROR_CODES[error.code].retryable) return error;
  const { code, message, retry_after_ms, errors } = error;
  return new ConnectorError(code, message, { cause: error, retry_after_ms, errors, retryable: true });
}
