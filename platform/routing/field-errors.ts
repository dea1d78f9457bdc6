import type { z } from 'zod';
import type { FieldError } from '../../contract/errors.ts';
import { pointerTo } from './check-shape.ts';

/** zod's issues as field errors: pointer, what is wrong, what would be accepted. */
export function fieldErrorsOf(error: z.ZodError, base = ''): FieldError[] {
  return error.issues.flatMap((issue) => {
    const pointer = issue.path.reduce<string>(pointerTo, base);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        pointer: pointerTo(pointer, key),
        detail: 'is not a known field',
        hint: 'remove it or mend its name',
      }));
    }
    if (issue.code === 'invalid_type' && issue.input === undefined) {
      return [{ pointer, detail: 'is missing', hint: `give a value of type ${issue.expected}` }];
    }
    return [{ pointer, detail: lowerFirst(issue.message) }];
  });
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
