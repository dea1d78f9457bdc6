import type { FieldError, JobError } from '../../contract/errors.ts';
import { ERROR_CODES } from '../../contract/errors.ts';
import type { Style } from './style.ts';
import { plain, plainLines } from './text-width.ts';

/** The fields that are wrong, each with what would be accepted. */
export function fieldErrorLines(errors: readonly FieldError[], style: Style): string[] {
  return errors.flatMap(({ pointer, detail, hint }) => [
    `  ${style.bold(plain(pointer) || '(the whole document)')} ${plain(detail)}`,
    ...(hint ? [`    ${style.dim(plain(hint))}`] : []),
  ]);
}

/** A job's error: code, message, fields. The way out is told by {@link wayOut}. */
export function jobErrorLines(error: JobError, style: Style): string[] {
  const [first = '', ...more] = plainLines(error.message);
  return [
    `${style.bad(error.code)}: ${first}`,
    ...more.map((line) => `  ${line}`),
    ...fieldErrorLines(error.errors ?? [], style),
  ];
}

/** What the table of error codes says to do. */
export function wayOut(error: JobError): string {
  return ERROR_CODES[error.code]?.help ?? '';
}
