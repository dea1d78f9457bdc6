/**
 * The one table of error codes. The code alone decides whether a job is tried again, whether the try counts against
 * its budget, whether it moves to another pool, and which HTTP status a client sees. Nothing is parsed from messages.
 */
export const ERROR_CODES = {
  validation: { http: 422, retryable: false, counted: true, title: 'The request is not valid' },
  malformed: { http: 400, retryable: false, counted: true, title: 'The request could not be read' },
  authentication: { http: 401, retryable: false, counted: true, title: 'Credentials are missing or wrong' },
  permission: { http: 403, retryable: false, counted: true, title: 'Not allowed' },
  not_found: { http: 404, retryable: false, counted: true, title: 'No such thing' },
  method_not_allowed: { http: 405, retryable: false, counted: true, title: 'This address does not take that method' },
  conflict: { http: 409, retryable: false, counted: true, title: 'Not possible in the present state' },
  payload_too_large: { http: 413, retryable: false, counted: true, title: 'Too large' },
  unsupported_media: { http: 415, retryable: false, counted: true, title: 'This kind of content is not taken' },
  idempotency_mismatch: { http: 422, retryable: false, counted: true, title: 'Idempotency-Key was used with another body' },
  rate_limited: { http: 429, retryable: true, counted: false, title: 'Too many requests' },
  quota_exceeded: { http: 402, retryable: false, counted: true, title: 'The quota of the backend account is used up' },
  service_unavailable: { http: 503, retryable: true, counted: true, title: 'The service cannot be reached now' },
  timeout: { http: 504, retryable: true, counted: true, title: 'It took too long' },
  out_of_memory: { http: 507, retryable: true, counted: true, title: 'The machine ran out of memory' },
  missing_model: { http: 422, retryable: false, counted: true, title: 'The backend does not have this model' },
  missing_node: { http: 422, retryable: false, counted: true, title: 'The backend does not have this node' },
  content_policy: { http: 422, retryable: false, counted: true, title: 'Refused by the content policy of the backend' },
  backend_error: { http: 502, retryable: true, counted: true, title: 'The backend failed' },
  output_too_large: { http: 422, retryable: false, counted: true, title: 'An output is over the size limit' },
  cancelled: { http: 409, retryable: false, counted: true, title: 'The job was cancelled' },
  worker_lost: { http: 500, retryable: false, counted: true, title: 'Workers died again and again while running this job' },
  internal: { http: 500, retryable: true, counted: true, title: 'A fault in Switchyard or a connector' },
} as const satisfies Record<string, ErrorCodeEntry>;

interface ErrorCodeEntry {
  /** HTTP status when the error answers a request. */
  readonly http: number;
  /** Whether another attempt of the same job can help. */
  readonly retryable: boolean;
  /** Whether a failed attempt with this code uses up one of the job's `retry.max_attempts`. */
  readonly counted: boolean;
  /** Short, stable sentence: the `title` of a problem document. */
  readonly title: string;
}

export type ErrorCode = keyof typeof ERROR_CODES;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}

/** One thing wrong with one field, as it appears in `errors[]` of a problem document and in a failed job's error. */
export interface FieldError {
  /** JSON pointer (RFC 6901) from the root of the job document, e.g. `/payload/scale`. */
  pointer: string;
  /** What is wrong with the value. */
  detail: string;
  /** The way out: what would be accepted. */
  hint?: string;
}

/** A job's error on the wire: in `GET /api/jobs/{id}`, the terminal event and the workflow failure's details. */
export interface JobError {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  errors?: FieldError[];
}
