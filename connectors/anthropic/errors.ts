import { APIError } from '@anthropic-ai/sdk';
import { ERROR_CODES, type ErrorCode, type FieldError } from '../../contract/errors.ts';
import { explainFailure } from '../base/hosted/explain-failure.ts';
import type { ErrorFacts } from '../base/hosted/hosted-api.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { backendText } from '../http/backend-text.ts';
import { retryAfterOf } from '../http/retry-after.ts';
import { codeOfStatus } from '../http/status-codes.ts';
import { readRateHeaders } from './rate-headers.ts';

/** What errors inside a stream are told by: they come without a status. */
const BY_TYPE: Readonly<Record<string, ErrorCode>> = {
  invalid_request_error: 'validation',
  authentication_error: 'authentication',
  billing_error: 'quota_exceeded',
  permission_error: 'permission',
  not_found_error: 'not_found',
  request_too_large: 'payload_too_large',
  rate_limit_error: 'rate_limited',
  api_error: 'backend_error',
  timeout_error: 'timeout',
  overloaded_error: 'service_unavailable',
};
/** An account that is used up answers 429 too, and never mends by waiting (`error.details.error_code`). */
const SPENT = /spend_limit|billing/;

/** Whatever a call of the SDK threw, in the words of the one table. */
export function explainError(error: unknown, facts: ErrorFacts): ConnectorError {
  return explainFailure(error, facts, (thrown) =>
    thrown instanceof APIError ? refusal(thrown as ApiRefusal, facts) : undefined,
  );
}

interface ApiRefusal {
  status: number | undefined;
  type: string | null;
  errorCode: string | null;
  error: unknown;
  message: string;
  requestID: string | null | undefined;
}

function refusal(error: ApiRefusal, facts: ErrorFacts): ConnectorError {
  const { exchange, host, payload } = facts;
  const judged = judge(error, facts);
  const about = [error.status === undefined ? 'in the answer' : `HTTP ${error.status}`, error.errorCode ?? error.type];
  const requestId = error.requestID ?? exchange.headers['request-id'];
  const said = facts.hide(backendText(error.error ?? error.message) || error.message);
  const pointer = judged.code === 'missing_model' ? '/payload/model' : pointerOf(said, judged.code, payload);
  const errors: FieldError[] | undefined = pointer ? [{ pointer, detail: said }] : undefined;
  return new ConnectorError(
    judged.code,
    `${host} says (${about.filter(Boolean).join(', ')}${requestId ? `, request ${requestId}` : ''}): ${said}`,
    // No cause: the SDK's error repeats the backend's words as they came, and they may hold the key.
    { errors, retryable: judged.retryable, retry_after_ms: judged.retryAfterMs },
  );
}

function judge(error: ApiRefusal, facts: ErrorFacts): { code: ErrorCode; retryable?: boolean; retryAfterMs?: number } {
  const { status, type } = error;
  const { headers } = facts.exchange;
  if (SPENT.test(error.errorCode ?? '') || status === 402) return { code: 'quota_exceeded' };
  const retryAfterMs = retryAfterOf(headers, Date.now());
  if (status === undefined) return { code: BY_TYPE[type ?? ''] ?? 'backend_error', retryAfterMs };
  const final = headers['x-should-retry'] === 'false';
  if (status === 429) {
    return final
      ? { code: 'quota_exceeded' }
      : { code: 'rate_limited', retryAfterMs: retryAfterMs ?? longestReset(headers) };
  }
  // Only the API itself says it in a document; a proxy's 404 is about the address.
  if (status === 404 && type === 'not_found_error' && facts.modelListed !== true) return { code: 'missing_model' };
  if (status === 409) return { code: 'conflict', retryable: true, retryAfterMs };
  const { code, retryable } = codeOfStatus(status);
  return { code, retryable: final ? false : (retryable ?? ERROR_CODES[code].retryable), retryAfterMs };
}

function longestReset(headers: Readonly<Record<string, string>>): number | undefined {
  const empty = Object.values(readRateHeaders(headers, Date.now())).filter((allowance) => allowance.remaining <= 0);
  return empty.length > 0 ? Math.max(...empty.map((allowance) => allowance.reset_ms)) : undefined;
}

/** The API begins its sentences with the place: `messages.0.content: …`, `max_tokens: …`. Only the pointer rests on it. */
function pointerOf(said: string, code: ErrorCode, payload: Readonly<Record<string, unknown>>): string | undefined {
  if (code !== 'validation' && code !== 'payload_too_large') return undefined;
  const place = /^([a-z_]+)((?:\.\w+)*): /.exec(said);
  const field = place?.[1] ?? '';
  if (field !== 'messages' && payload[field] !== undefined) return `/payload/${field}`;
  if (payload['messages'] === undefined) return '/payload/prompt';
  return `/payload/messages${field === 'messages' ? (place?.[2] ?? '').replaceAll('.', '/') : ''}`;
}
