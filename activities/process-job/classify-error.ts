import type { ErrorCode, FieldError } from '../../contract/errors.ts';
import { ERROR_CODES } from '../../contract/errors.ts';
import { ConnectorError } from '../../connectors/contract/connector-error.ts';
import { InputError } from '../../platform/inputs/input-error.ts';
import { ArtifactTooLargeError } from '../../platform/artifacts/artifact-store.ts';

/** An error of an attempt in the words of the one table. */
export interface ClassifiedError {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  counted: boolean;
  retry_after_ms?: number;
  errors?: FieldError[];
}

/** Codes of Node and undici that say: the other side cannot be reached, or hung up. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_CLOSED',
]);
const TIMED_OUT = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);
const DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE']);
const MEMORY = new Set(['ERR_WORKER_OUT_OF_MEMORY', 'ENOMEM', 'ERR_MEMORY_ALLOCATION_FAILED']);

/**
 * Turns whatever an attempt threw into a code. Decided by type and error code, never by message.
 * `TimeoutError` is what `AbortSignal.timeout` aborts with.
 */
export function classifyError(error: unknown): ClassifiedError {
  if (error instanceof ConnectorError) {
    return {
      ...entry(error.code, error.message, error.retryable),
      retry_after_ms: error.retry_after_ms,
      errors: error.errors,
    };
  }
  if (error instanceof InputError)
    return { ...entry(error.code, error.message), retry_after_ms: error.retry_after_ms, errors: error.errors };
  if (error instanceof ArtifactTooLargeError) return entry('output_too_large', error.message);
  const message = error instanceof Error ? error.message || error.name : String(error);
  for (const code of errorCodesOf(error)) {
    if (UNREACHABLE.has(code))
      return entry('service_unavailable', `The backend cannot be reached (${code}): ${message}`);
    if (TIMED_OUT.has(code)) return entry('timeout', `The backend did not answer in time (${code}): ${message}`);
    if (DISK.has(code)) return entry('service_unavailable', `The worker cannot store data (${code}): ${message}`);
    if (MEMORY.has(code)) return entry('out_of_memory', `The worker ran out of memory (${code}): ${message}`);
  }
  if ((error as Partial<Error> | undefined)?.name === 'TimeoutError') return entry('timeout', message);
  return entry('internal', message);
}

function entry(code: ErrorCode, message: string, retryable?: boolean): ClassifiedError {
  return { code, message, retryable: retryable ?? ERROR_CODES[code].retryable, counted: ERROR_CODES[code].counted };
}

/** `code` of the error and of its causes: fetch wraps the one that matters. */
function* errorCodesOf(error: unknown): Generator<string> {
  for (let depth = 0; typeof error === 'object' && error !== null && depth < 5; depth++) {
    const { code, cause } = error as { code?: unknown; cause?: unknown };
    if (typeof code === 'string') yield code;
    error = cause;
  }
}
