import type { ErrorCode, FieldError } from '../../contract/errors.ts';

/** A job document that cannot be taken, with every reason found. */
export class InvalidJobError extends Error {
  override readonly name = 'InvalidJobError';
  readonly code: ErrorCode;
  readonly errors: FieldError[];
  constructor(code: ErrorCode, errors: FieldError[]) {
    const [first] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    super(
      first
        ? `${first.pointer || '/'} ${first.detail}${first.hint ? `; ${first.hint}` : ''}${more}`
        : 'The job is not valid',
    );
    this.code = code;
    this.errors = errors;
  }
}
