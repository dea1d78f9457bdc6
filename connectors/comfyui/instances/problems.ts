import type { z } from 'zod';
import type { FieldError } from '../../../contract/errors.ts';
import { ConnectorError } from '../../contract/connector-error.ts';

/** What a schema found wrong, one entry a field. */
export function problemsOf(error: z.ZodError, under = ''): FieldError[] {
  return error.issues.flatMap((issue) => {
    const pointer = `${under}/${issue.path.map(String).join('/')}`;
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        pointer: `${under}/${[...issue.path, key].map(String).join('/')}`,
        detail: 'is no field of an instance',
      }));
    const missing =
      issue.code === 'invalid_type' && issue.input === undefined && /received undefined/.test(issue.message);
    return [{ pointer, detail: missing ? 'is missing' : readable(issue.message) }];
  });
}

/** @throws ConnectorError `validation` that names all of them, unless there are none */
export function refuse(problems: readonly FieldError[], what: string): void {
  if (problems.length === 0) return;
  const list = problems.map(({ pointer, detail, hint }) => `${pointer.slice(1)} ${detail}${hint ? ` (${hint})` : ''}`);
  throw new ConnectorError('validation', `${what}: ${list.join('; ')}`, { errors: [...problems] });
}

/** @throws ConnectorError `validation` naming every field */
export function parse<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (!parsed.success) refuse(problemsOf(parsed.error), what);
  return parsed.data as z.output<S>;
}

function readable(message: string): string {
  const expected = /^Invalid input: expected (\w+)/.exec(message)?.[1];
  return expected ? `must be ${/^[aeiou]/.test(expected) ? 'an' : 'a'} ${expected}` : message;
}
