/**
 * The one table of error codes. The code alone decides whether a job is tried again, whether the try counts against
 * its budget, whether it moves to another pool, and which HTTP status a client sees. Nothing is parsed from messages.
 */
export const ERROR_CODES = {
  validation: {
    http: 422,
    retryable: false,
    counted: true,
    title: 'The request is not valid',
    help: 'Mend the fields that `errors` names; `GET /api/services` has the schema of each payload.',
  },
  malformed: {
    http: 400,
    retryable: false,
    counted: true,
    title: 'The request could not be read',
    help: 'Send one well-formed document with the right Content-Type.',
  },
  authentication: {
    http: 401,
    retryable: false,
    counted: true,
    title: 'Credentials are missing or wrong',
    help: 'Check the credentials: those of the request, or those the worker has for the backend.',
  },
  permission: {
    http: 403,
    retryable: false,
    counted: true,
    title: 'Not allowed',
    help: 'Ask whoever runs this service for the right, or name something you may use.',
  },
  not_found: {
    http: 404,
    retryable: false,
    counted: true,
    title: 'No such thing',
    help: 'Check the id or the name; finished jobs are forgotten when their retention ends.',
  },
  method_not_allowed: {
    http: 405,
    retryable: false,
    counted: true,
    title: 'This address does not take that method',
    help: 'Use one of the methods in the Allow header.',
  },
  conflict: {
    http: 409,
    retryable: false,
    counted: true,
    title: 'Not possible in the present state',
    help: 'Read the present state first; a finished job cannot be changed, only repeated.',
  },
  payload_too_large: {
    http: 413,
    retryable: false,
    counted: true,
    title: 'Too large',
    help: 'Upload large inputs with `POST /api/inputs` and name them by reference.',
  },
  unsupported_media: {
    http: 415,
    retryable: false,
    counted: true,
    title: 'This kind of content is not taken',
    help: 'Send one of the kinds of content that the message lists.',
  },
  idempotency_mismatch: {
    http: 422,
    retryable: false,
    counted: true,
    title: 'Idempotency-Key was used with another body',
    help: 'Take a new key for a new job, or send the body that the key was used with first.',
  },
  rate_limited: {
    http: 429,
    retryable: true,
    counted: false,
    title: 'Too many requests',
    help: 'Wait as long as Retry-After says; a job waits by itself.',
  },
  quota_exceeded: {
    http: 402,
    retryable: false,
    counted: true,
    title: 'The quota of the backend account is used up',
    help: 'Raise the quota of the backend account, then retry the job.',
  },
  service_unavailable: {
    http: 503,
    retryable: true,
    counted: true,
    title: 'The service cannot be reached now',
    help: 'Ask again after Retry-After; see `switchyard doctor` for what is away.',
  },
  timeout: {
    http: 504,
    retryable: true,
    counted: true,
    title: 'It took too long',
    help: 'Give it more time (`run_timeout`, `start_timeout` or `deadline`, as the message tells) or less to do.',
  },
  out_of_memory: {
    http: 507,
    retryable: true,
    counted: true,
    title: 'The machine ran out of memory',
    help: 'Name a pool with larger machines, or make the input smaller.',
  },
  missing_model: {
    http: 422,
    retryable: false,
    counted: true,
    title: 'The backend does not have this model',
    help: 'Install the model on a backend, or name another one.',
  },
  missing_node: {
    http: 422,
    retryable: false,
    counted: true,
    title: 'The backend does not have this node',
    help: 'Install the custom node on a backend, or take it out of the graph.',
  },
  content_policy: {
    http: 422,
    retryable: false,
    counted: true,
    title: 'Refused by the content policy of the backend',
    help: 'Change the input; the same input will be refused again.',
  },
  backend_error: {
    http: 502,
    retryable: true,
    counted: true,
    title: 'The backend failed',
    help: "Look at the attempts and the backend's own log; it is tried again within the job's attempts.",
  },
  output_too_large: {
    http: 422,
    retryable: false,
    counted: true,
    title: 'An output is over the size limit',
    help: 'Ask for a smaller output, or raise SWITCHYARD_MAX_OUTPUT_BYTES.',
  },
  cancelled: {
    http: 409,
    retryable: false,
    counted: true,
    title: 'The job was cancelled',
    help: 'Nothing to mend; retry the job to run it after all.',
  },
  worker_lost: {
    http: 500,
    retryable: false,
    counted: true,
    title: 'Workers died again and again while running this job',
    help: 'Look for what kills the workers (memory, the input itself) before you retry the job.',
  },
  internal: {
    http: 500,
    retryable: true,
    counted: true,
    title: 'A fault in Switchyard or a connector',
    help: "Report it with the job's id and its log; a retry may help.",
  },
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
  /** The way out, one sentence: for the CLI and the reference of errors. */
  readonly help: string;
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
