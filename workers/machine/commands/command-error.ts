import type { z } from 'zod';
import type { ErrorCode } from '../../../contract/errors.ts';
import { fieldErrorsOf } from '../../../platform/routing/field-errors.ts';

/** A command that cannot be carried out as it was given. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The arguments as their schema wants them. @throws CommandError `validation` naming every one that is wrong */
export function readArgs<T extends z.ZodType>(args: Record<string, unknown>, schema: T): z.output<T> {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  const problems = fieldErrorsOf(parsed.error).map(
    ({ pointer, detail, hint }) => `args${pointer} ${detail}${hint ? ` (${hint})` : ''}`,
  );
  throw new CommandError('validation', problems.join('; '));
}
