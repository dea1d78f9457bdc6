import type { ErrorCode, FieldError } from '../../contract/errors.ts';

export interface ConnectorErrorOptions {
  cause?: unknown;
  /** When the backend asked to be left alone until; milliseconds from now. */
  retry_after_ms?: number;
  errors?: FieldError[];
  /** Overrides the table for this one error, e.g. a 5xx that the backend marks as final. */
  retryable?: boolean;
}

/**
 * What a connector throws. The code decides everything that follows (`contract/errors.ts`); an error of any other
 * class counts as `internal`.
 */
export class ConnectorError extends Error {
  override readonly name = 'ConnectorError';
  readonly code: ErrorCode;
  readonly retry_after_ms?: number;
  readonly errors?: FieldError[];
  readonly retryable?: boolean;

  constructor(code: ErrorCode, message: string, options: ConnectorErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry_after_ms = options.retry_after_ms;
    this.errors = options.errors;
    this.retryable = options.retryable;
  }
}
