import type { Request } from 'express';
import { z } from 'zod';
import { fieldErrorsOf } from '../../platform/routing/field-errors.ts';
import { HttpProblem } from './http-problem.ts';

/** A parameter that may come several times, or once with commas. */
export function repeatable<T extends z.ZodType<unknown, string>>(item: T) {
  return z
    .union([z.string(), z.array(z.string())])
    .transform((value) => [value].flat().flatMap((part) => part.split(',').map((one) => one.trim())))
    .pipe(z.array(item).min(1).max(50))
    .optional();
}

/**
 * The query of a request.
 * @throws HttpProblem validation, naming every parameter that is unknown or wrong
 */
export function readQuery<T extends z.ZodType>(req: Request, schema: T): z.output<T> {
  if (!req.originalUrl.includes('?')) return readGiven({}, schema);
  const given: Record<string, string | string[]> = {};
  const parameters = new URL(req.originalUrl, 'http://localhost').searchParams;
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    Object.defineProperty(given, name, { value: values.length > 1 ? values : values[0], enumerable: true });
  }
  return readGiven(given, schema);
}

function readGiven<T extends z.ZodType>(given: Record<string, string | string[]>, schema: T): z.output<T> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const errors = fieldErrorsOf(parsed.error).map((error) =>
    error.detail === 'is not a known field' ? { ...error, detail: 'is no parameter of this address' } : error,
  );
  const [first] = errors;
  throw new HttpProblem('validation', `Query parameter ${first!.pointer.slice(1)} ${first!.detail}`, { errors });
}
