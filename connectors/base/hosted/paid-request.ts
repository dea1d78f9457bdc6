import { ConnectorError } from '../../contract/connector-error.ts';
import type { JobContext } from '../../contract/job-context.ts';
import type { ErrorCode } from '../../../contract/errors.ts';

/** What to do with a request that costs money and whose answer was lost. */
export type IfLost = 'fail' | 'repeat';

/** In the checkpoint: a request that costs money is on its way. */
export interface PaidRequest {
  /** Epoch milliseconds. */
  sent_at: number;
  attempt: number;
  /** What it may cost, in words: "up to 500 output tokens". */
  charge: string;
  /** Label of the API key it went out with. */
  key?: string;
  /** The backend's job of an earlier attempt, which had ended when this was sent. */
  replaces?: string;
  /** The answer is being read in pieces that the backend gives only once. */
  reading?: true;
}

interface Checkpoint {
  v: 1;
  paid_request?: PaidRequest;
}

/**
 * Keeps a job from being paid for twice where the backend gives no id to ask for: the request is noted durably before it
 * is sent, and the note goes when the answer is known. An attempt that finds a note knows that an answer was lost.
 */
export class PaidRequestNote {
  readonly #context: JobContext | undefined;
  #present: PaidRequest | undefined;

  constructor(context: JobContext | undefined) {
    this.#context = context;
    this.#present = (context?.checkpoint as Partial<Checkpoint> | undefined)?.paid_request;
  }

  /** What an earlier attempt, or this one, has sent without hearing of its end. */
  get pending(): PaidRequest | undefined {
    return this.#present;
  }

  /** Await it before sending. */
  async write(charge: string, key?: string): Promise<void> {
    const { attempt = 1, serviceJobId: replaces } = this.#context ?? {};
    await this.#save({ sent_at: Date.now(), attempt, charge, key, replaces });
  }

  /** Await it before reading a piece that nobody can read again. */
  async writeReading(): Promise<void> {
    if (this.#present && !this.#present.reading) await this.#save({ ...this.#present, reading: true });
  }

  /** The backend has said no, or was never reached: nothing is owed, the next attempt may send. */
  async clear(): Promise<void> {
    if (this.#present) await this.#save(undefined);
  }

  async #save(request: PaidRequest | undefined): Promise<void> {
    this.#present = request;
    const checkpoint: Checkpoint = { v: 1, ...(request ? { paid_request: request } : {}) };
    await this.#context?.saveCheckpoint(checkpoint);
  }
}

/** The end of a job whose paid answer was lost and must not be asked for again. */
export function lostAnswer(
  request: PaidRequest,
  backend: string,
  options: { cause?: unknown; code?: ErrorCode; how?: string } = {},
): ConnectorError {
  const { cause, code = 'service_unavailable', how = 'the attempt ended before its answer was safe' } = options;
  const when = new Date(request.sent_at).toISOString();
  return new ConnectorError(
    code,
    `A request was sent to ${backend} at ${when}, and ${how}. It is not sent again, as it may have been charged for: ` +
      `${request.charge}. To have such requests repeated, submit the job with "if_lost": "repeat"`,
    { cause, retryable: false },
  );
}
