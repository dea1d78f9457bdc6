import type { ErrorCode, FieldError } from '../../contract/errors.ts';
import { ERROR_CODES, isErrorCode } from '../../contract/errors.ts';
import { CliError } from '../cli-error.ts';
import { EXIT, exitCodeOfProblem } from '../exit-codes.ts';

/** A problem document (RFC 9457) as the API writes it. */
export interface Problem {
  type?: string;
  title?: string;
  status: number;
  detail?: string;
  code: ErrorCode;
  retryable?: boolean;
  errors?: FieldError[];
  [extension: string]: unknown;
}

/** The API understood and refused. */
export class ApiError extends CliError {
  readonly problem: Problem;
  /** From `Retry-After`, milliseconds. */
  readonly retryAfterMs?: number;

  constructor(problem: Problem, retryAfterMs?: number, hint: string = ERROR_CODES[problem.code].help) {
    super(exitCodeOfProblem(problem.code), problem.detail ?? problem.title ?? ERROR_CODES[problem.code].title, {
      hint,
    });
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Nobody answers, or not the one we look for. */
export class UnreachableError extends CliError {
  /** Nobody listens there, or it is no Switchyard: asking again in a second will not help. */
  readonly refused: boolean;

  constructor(message: string, options: { hint: string; refused: boolean; cause?: unknown }) {
    super(EXIT.unreachable, message, options);
    this.refused = options.refused;
  }
}

/** Whether asking again later can help: the API or Temporal is away, or the connection broke. */
export function isPassing(error: unknown): boolean {
  if (error instanceof UnreachableError) return true;
  return error instanceof ApiError && (error.problem.status === 503 || error.problem.status === 429);
}

/**
 * Reads an answer that is no success.
 * @returns undefined when it is no problem document, and so likely not from our API
 */
export function readProblem(status: number, contentType: string | null, body: string): Problem | undefined {
  if (!contentType?.includes('json')) return undefined;
  let value: Partial<Problem>;
  try {
    value = JSON.parse(body) as Partial<Problem>;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !isErrorCode(value.code)) return undefined;
  return { ...value, status, code: value.code };
}

/** Seconds or a date. @returns milliseconds */
export function readRetryAfter(header: string | null | undefined, now: number): number | undefined {
  if (!header) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
