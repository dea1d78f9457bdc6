import type { ErrorCode, FieldError } from '../../contract/errors.ts';

export interface InputErrorOptions {
  cause?: unknown;
  /** When the server of the input asked to be left alone until; milliseconds from now. */
  retry_after_ms?: number;
}

/** Why a media reference of a payload could not be turned into a file. Made into a ConnectorError by the caller. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly code: ErrorCode;
  readonly errors: FieldError[];
  readonly retry_after_ms?: number;

  /** @param pointer the payload field that holds the reference */
  constructor(code: ErrorCode, pointer: string, detail: string, hint?: string, options: InputErrorOptions = {}) {
    super(
      `${pointer} ${detail}${hint ? `; ${hint}` : ''}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.errors = [{ pointer, detail, ...(hint ? { hint } : {}) }];
    this.retry_after_ms = options.retry_after_ms;
  }
}
