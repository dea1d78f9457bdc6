import { APIError } from 'openai';
import type { ErrorCode, FieldError } from '../../contract/errors.ts';
import { explainFailure } from '../base/hosted/explain-failure.ts';
import type { ErrorFacts } from '../base/hosted/hosted-api.ts';
import { backendText } from '../http/backend-text.ts';
import { retryAfterOf } from '../http/retry-after.ts';
import { codeOfStatus } from '../http/status-codes.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { readRateHeaders } from './rate-headers.ts';

/** An account that is used up answers 429 too, and never mends by waiting. */
const QUOTA = new Set([
  'insufficient_quota',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'project_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
  'billing_hard_limit_reached',
]);
const CONTENT = new Set([
  'content_policy_violation',
  'moderation_blocked',
  'content_filter',
  'invalid_prompt',
  'bio_policy',
  'image_content_policy_violation',
]);
/** Codes of failed responses and of errors inside streams, which come without a status. */
const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  model_not_found: 'missing_model',
  context_length_exceeded: 'validation',
  rate_limit_exceeded: 'rate_limited',
  slow_down: 'rate_limited',
  server_error: 'backend_error',
  server_is_overloaded: 'service_unavailable',
  vector_store_timeout: 'timeout',
  data_residency_mismatch: 'permission',
  invalid_api_key: 'authentication',
};
/** Codes about pictures: `invalid_image_format`, `image_too_large`, `empty_image_file` … */
const PICTURE = /^(?:invalid_(?:base64_)?image|image_|unsupported_image|empty_image|failed_to_download_image)/;
/** Request fields by other names in our payloads. */
const FIELDS: Readonly<Record<string, string>> = {
  max_tokens: 'max_output_tokens',
  max_completion_tokens: 'max_output_tokens',
  reasoning: 'reasoning_effort',
  text: 'format',
  response_format: 'format',
};

/** Whatever a call of the SDK threw, in the words of the one table. */
export function explainError(error: unknown, facts: ErrorFacts): ConnectorError {
  return explainFailure(error, facts, (thrown) =>
    thrown instanceof APIError ? refusal(thrown as ApiRefusal, facts) : undefined,
  );
}

interface ApiRefusal {
  status: number | undefined;
  code: unknown;
  type: unknown;
  param: unknown;
  message: string;
  error: unknown;
  requestID: string | null | undefined;
}

function refusal(error: ApiRefusal, facts: ErrorFacts): ConnectorError {
  const { exchange, host, payload } = facts;
  const { status } = error;
  const names = [error.code, error.type].filter((name) => typeof name === 'string');
  const judged = judge(status, names, error, facts);
  const about = [status === undefined ? 'in the answer' : `HTTP ${status}`, names[0]].filter(Boolean).join(', ');
  const requestId = error.requestID ?? exchange.headers['x-request-id'];
  const said = facts.hide(backendText(error.error ?? error.message) || error.message);
  const param = names.some((name) => PICTURE.test(name)) ? 'image' : error.param;
  const pointer = pointerOf(param, judged.code, payload);
  const errors: FieldError[] | undefined = pointer ? [{ pointer, detail: said }] : undefined;
  return new ConnectorError(
    judged.code,
    `${host} says (${about}${requestId ? `, request ${requestId}` : ''}): ${said}`,
    // No cause: the SDK's error repeats the backend's words as they came, and they may hold the key.
    { errors, retryable: judged.retryable, retry_after_ms: judged.retryAfterMs },
  );
}

interface Judgement {
  code: ErrorCode;
  retryable?: boolean;
  retryAfterMs?: number;
}

function judge(status: number | undefined, names: string[], error: ApiRefusal, facts: ErrorFacts): Judgement {
  const { headers } = facts.exchange;
  const known = names.map((name) => BY_CODE[name]).find((code) => code !== undefined);
  if (names.some((name) => CONTENT.has(name))) return { code: 'content_policy' };
  if (names.some((name) => QUOTA.has(name))) return { code: 'quota_exceeded' };
  if (names.some((name) => PICTURE.test(name))) return { code: 'validation' };
  const retryAfterMs = retryAfterOf(headers, Date.now());
  if (status === undefined) return { code: known ?? 'backend_error', retryAfterMs };
  if (status === 429) return { code: 'rate_limited', retryAfterMs: retryAfterMs ?? longestReset(headers) };
  if (known === 'missing_model' || (status === 404 && aboutModel(error, facts))) return { code: 'missing_model' };
  // A lock, by the API's own reference: it goes away.
  if (status === 409) return { code: 'conflict', retryable: true, retryAfterMs };
  const byStatus = codeOfStatus(status);
  const verdict = headers['x-should-retry'];
  const retryable = status >= 500 && verdict !== undefined ? verdict === 'true' : byStatus.retryable;
  return { code: byStatus.code, retryable, retryAfterMs };
}

/** Small servers say 404 for an unknown model and for an unknown route; only the first comes as an error document. */
function aboutModel(error: ApiRefusal, facts: ErrorFacts): boolean {
  if (error.param === 'model') return true;
  return typeof error.error === 'object' && error.error !== null && facts.modelListed !== true;
}

function longestReset(headers: Readonly<Record<string, string>>): number | undefined {
  const empty = Object.values(readRateHeaders(headers)).filter((allowance) => allowance.remaining <= 0);
  return empty.length > 0 ? Math.max(...empty.map((allowance) => allowance.reset_ms)) : undefined;
}

/** Where in the job's payload the refused parameter came from. */
function pointerOf(param: unknown, code: ErrorCode, payload: Readonly<Record<string, unknown>>): string | undefined {
  if (code === 'missing_model') return '/payload/model';
  if (typeof param !== 'string' || !param) return undefined;
  const first = /^[a-z_]+/.exec(param)?.[0] ?? '';
  if (first === 'messages' || first === 'input' || first === 'image') {
    const fields = ['messages', 'prompt', 'question'];
    const field = (first === 'image' ? ['image', ...fields] : fields).find((name) => payload[name] !== undefined);
    return `/payload/${field ?? ''}`.replace(/\/$/, '');
  }
  const field = FIELDS[first] ?? first;
  return payload[field] === undefined ? '/payload' : `/payload/${field}`;
}
