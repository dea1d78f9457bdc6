import type { ErrorCode } from '../../contract/errors.ts';
import { ConnectorError, type ConnectorErrorOptions } from '../contract/connector-error.ts';

/**
 * How far a request got before it failed. `not_sent`: the connection never stood, so the backend has done nothing.
 * `in_doubt`: it was sent, and nobody knows what the backend has done. `answered`: the backend itself said no.
 */
export type Delivery = 'not_sent' | 'in_doubt' | 'answered';

export interface HttpErrorOptions extends ConnectorErrorOptions {
  delivery: Delivery;
  status?: number;
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
}

/** What every request of this folder fails with, unless its own signal ended it (then: the signal's reason). */
export class HttpError extends ConnectorError {
  readonly delivery: Delivery;
  /** Of the answer; undefined when there was none. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** The answer's body: parsed where it is JSON, else text; at most 64 KiB, secrets hidden. */
  readonly body: unknown;

  constructor(code: ErrorCode, message: string, options: HttpErrorOptions) {
    super(code, message, options);
    this.delivery = options.delivery;
    this.status = options.status;
    this.headers = options.headers ?? {};
    this.body = options.body;
  }
}
