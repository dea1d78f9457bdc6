import { z } from 'zod';

/** Text that `${VAR:-4}` may become. */
const DIGITS = /^\d+$/;
const DECIMAL = /^\d+(?:\.\d+)?$/;

/** A whole number, also as text: `${VAR:-4}` gives text. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  const error = `must be a whole number ${bounds}`;
  const number = z.int({ error }).min(min, error).max(max, error);
  return z.union([number, z.string().regex(DIGITS, error).transform(Number).pipe(number)], { error });
}

/** A number over 0, also as text. */
export function positiveNumber() {
  const error = 'must be a number over 0';
  const number = z.number({ error }).positive(error);
  return z.union([number, z.string().regex(DECIMAL, error).transform(Number).pipe(number)], { error });
}
