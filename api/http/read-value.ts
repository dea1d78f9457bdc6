import type { z } from 'zod';
import { checkShape } from '../../platform/routing/check-shape.ts';
import { fieldErrorsOf } from '../../platform/routing/field-errors.ts';
import { InvalidJobError } from '../../platform/routing/invalid-job-error.ts';

/**
 * A parsed body as its schema wants it.
 * @throws InvalidJobError naming every field that is wrong
 */
export function readValue<T extends z.ZodType>(value: unknown, schema: T): z.output<T> {
  const shape = checkShape(value);
  if (shape) throw new InvalidJobError('validation', [shape]);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new InvalidJobError('validation', fieldErrorsOf(parsed.error));
  return parsed.data;
}
