import { ERROR_CODES, type ErrorCode, type FieldError } from '../../contract/errors.ts';

export interface HttpProblemOptions {
  errors?: FieldError[];
  headers?: Record<string, string>;
  /** HTTP status, where the code's own says less; default: that of the code. */
  status?: number;
  /** Members of the problem document beside the standard ones, e.g. the id of a job that may exist. */
  extensions?: Record<string, unknown>;
  cause?: unknown;
}

/** An answer that is no success; thrown by routes, written by the error handler. The code decides the HTTP status. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly code: ErrorCode;
  readonly errors: FieldError[] | undefined;
  readonly headers: Record<string, string>;
  readonly extensions: Record<string, unknown>;
  readonly #status: number | undefined;

  constructor(code: ErrorCode, message: string, options: HttpProblemOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
    this.extensions = options.extensions ?? {};
    this.#status = options.status;
  }

  get status(): number {
    return this.#status ?? ERROR_CODES[this.code].http;
  }
}

/** A problem with exactly one named place of the request. */
export function fieldProblem(pointer: string, detail: string, hint?: string): HttpProblem {
  return new HttpProblem('validation', `${pointer || '/'} ${detail}${hint ? `; ${hint}` : ''}`, {
    errors: [{ pointer, detail, ...(hint ? { hint } : {}) }],
  });
}

/** The client is too slow: 408, where the code's own 504 would speak of us. */
export class SlowClientProblem extends HttpProblem {
  constructor(message: string) {
    super('timeout', message, { status: 408 });
  }
}

/** The client hung up, or announced more than it sent. */
export function brokenOff(): HttpProblem {
  return new HttpProblem('malformed', 'The body broke off before its end');
}
