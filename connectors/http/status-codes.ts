import { ERROR_CODES, type ErrorCode } from '../../contract/errors.ts';

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'validation',
  401: 'authentication',
  402: 'quota_exceeded',
  403: 'permission',
  404: 'not_found',
  408: 'timeout',
  409: 'conflict',
  410: 'not_found',
  413: 'payload_too_large',
  415: 'unsupported_media',
  422: 'validation',
  // Too Early: ElevenLabs, for a result that is not ready.
  425: 'service_unavailable',
  429: 'rate_limited',
  451: 'permission',
  503: 'service_unavailable',
  504: 'timeout',
  // "Overloaded": Anthropic and some proxies.
  529: 'service_unavailable',
};

/**
 * The one table from a backend's HTTP status to our codes. Other 5xx: `backend_error`. Other 4xx and redirects mean
 * that the request itself is wrong: `backend_error` that is not tried again.
 */
export function codeOfStatus(status: number): { code: ErrorCode; retryable: boolean } {
  const code = BY_STATUS[status];
  if (code) return { code, retryable: ERROR_CODES[code].retryable };
  return { code: 'backend_error', retryable: status >= 500 };
}
