import type { ErrorCode } from '../../../contract/errors.ts';

/** A service cannot be started, stopped or installed. The message says what to do. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
