import type { z } from 'zod';
import type { ErrorCode, FieldError } from '../../../contract/errors.ts';
import { fieldErrorsOf } from '../../../platform/routing/field-errors.ts';

/** A command that cannot be carried out as it was given. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: ErrorCode;
  readonly errors?: FieldError[];
  constructor(code: ErrorCode, message: string, errors?: FieldError[]) {
    super(message);
    this.code = code;
    if (errors) this.errors = errors;
  }
}

/** The arguments as their schema wants them. @throws CommandError `validation` naming every one that is wrong */
export function readArgs<T extends z.ZodType>(args: Record<string, unknown>, schema: T): z.output<T> {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  const errors = fieldErrorsOf(parsed.error, '/args');
  const problems = errors.map(
    ({ pointer, detail, hint }) => `${pointer.slice(1)} ${detail}${hint ? ` (${hint})` : ''}`,
  );
  throw new CommandError('validation', problems.join('; '), errors);
}
