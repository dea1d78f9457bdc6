import type { ErrorCode } from '../../contract/errors.ts';
import { RefusedAddressError } from '../../platform/inputs/address-guard.ts';
import { type Delivery, HttpError } from './http-error.ts';

/** The connection was never made. Codes of Node's dns, net and of undici. */
const NO_CONNECTION = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'ENOENT',
]);
const CUT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED']);
/** Codes of certificates that do not hold: trying again changes nothing. */
const CERTIFICATE = /^(?:ERR_TLS_|CERT_|DEPTH_ZERO_|UNABLE_TO_|SELF_SIGNED_)/;

/**
 * An error of the network as {@link HttpError}. Decided by code, never by message.
 * @param where what was asked, fit to show: method and URL without secrets
 * @param answered whether the answer had begun
 */
export function transportError(error: unknown, where: string, answered: boolean): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof RefusedAddressError || (error as Error).cause instanceof RefusedAddressError) {
    const text = `${where}: the backend sends us to an address that is not public`;
    return new HttpError('permission', text, { cause: error, delivery: 'not_sent' });
  }
  const cause = error as NodeJS.ErrnoException & { syscall?: string };
  const code = codeOf(error);
  const connecting = NO_CONNECTION.has(code) || codeIsOf(error, 'connect') || code === 'UND_ERR_CONNECT_TIMEOUT';
  const delivery: Delivery = answered ? 'answered' : connecting || CERTIFICATE.test(code) ? 'not_sent' : 'in_doubt';
  const fail = (as: ErrorCode, text: string, retryable?: boolean) =>
    new HttpError(as, `${where}: ${text}${code ? ` (${code})` : ''}`, { cause: error, delivery, retryable });
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return fail('timeout', 'no connection in time');
  if (CERTIFICATE.test(code)) return fail('service_unavailable', `TLS: ${cause.message}`, false);
  if (connecting) return fail('service_unavailable', 'the backend cannot be reached');
  if (CUT.has(code)) return fail('service_unavailable', 'the connection was cut');
  if (code === 'UND_ERR_INVALID_ARG') return fail('internal', cause.message, false);
  return fail('backend_error', `the answer could not be read: ${cause.message}`);
}

function codeOf(error: unknown): string {
  for (let depth = 0, at = error; typeof at === 'object' && at !== null && depth < 5; depth++) {
    const { code, cause, errors } = at as { code?: unknown; cause?: unknown; errors?: unknown[] };
    if (typeof code === 'string') return code;
    at = cause ?? errors?.[0];
  }
  return '';
}

/** Node's `syscall`: a reset while connecting is no reset of a request. */
function codeIsOf(error: unknown, syscall: string): boolean {
  const at = error as { syscall?: unknown; errors?: { syscall?: unknown }[] };
  return at.syscall === syscall || at.errors?.[0]?.syscall === syscall;
}
