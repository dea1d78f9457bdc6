import type { FieldError } from '../../contract/errors.ts';
import { explainFailure } from '../base/hosted/explain-failure.ts';
import type { ErrorFacts } from '../base/hosted/hosted-api.ts';
import { Refusal } from '../base/hosted/plain-client.ts';
import type { RemoteJob } from '../base/hosted/remote-job.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { backendText } from '../http/backend-text.ts';
import { retryAfterOf } from '../http/retry-after.ts';
import { codeOfStatus } from '../http/status-codes.ts';
import type { Prediction } from './documents.ts';

/** Whatever a call threw, in the words of the one table. */
export function explainError(error: unknown, facts: ErrorFacts): ConnectorError {
  return explainFailure(error, facts, (thrown) => (thrown instanceof Refusal ? refused(thrown, facts) : undefined));
}

function refused({ status, body }: Refusal, { exchange, host, hide }: ErrorFacts): ConnectorError {
  const said = hide(backendText(body)) || 'nothing';
  const text = `${host} says (HTTP ${status}): ${said}`;
  const fail = (code: ConnectorError['code'], pointer?: string) =>
    new ConnectorError(code, text, { errors: pointer ? [{ pointer, detail: said }] : undefined });
  if (status === 429) {
    const retry_after_ms = retryAfterOf(exchange.headers, Date.now()) ?? resetOf(exchange.headers, said);
    return new ConnectorError('rate_limited', text, { retry_after_ms });
  }
  if (status === 422) {
    const { title } = (body ?? {}) as { title?: unknown };
    // "Invalid version or not permitted"
    if (typeof title === 'string' && /version/i.test(title)) return fail('missing_model', '/payload/model');
    return new ConnectorError('validation', text, { errors: fieldErrors(body, said) });
  }
  const { code, retryable } = codeOfStatus(status);
  return new ConnectorError(code, text, { retryable, retry_after_ms: retryAfterOf(exchange.headers, Date.now()) });
}

/** `ratelimit-reset` in seconds; else the sentence "Your rate limit resets in ~30s." */
function resetOf(headers: Readonly<Record<string, string>>, said: string): number | undefined {
  const seconds = Number(headers['ratelimit-reset'] ?? /resets in ~?(\d+)s/.exec(said)?.[1] ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.min(seconds, 86_400) * 1_000 : undefined;
}

interface InvalidField {
  field?: string;
  description?: string;
}

/**
 * Where in the input something is wrong: a list `invalid_fields`, a list of `{loc, msg}`, or lines such as
 * `- input.width: Must be less than or equal to 1024` and `- input: prompt is required`.
 */
function fieldErrors(body: unknown, said: string): FieldError[] {
  const { invalid_fields, detail } = (body ?? {}) as { invalid_fields?: unknown; detail?: unknown };
  const found: FieldError[] = [];
  if (Array.isArray(invalid_fields)) {
    for (const { field, description } of invalid_fields as InvalidField[]) {
      found.push({ pointer: pointerTo(field ?? 'input'), detail: description ?? said });
    }
  } else if (Array.isArray(detail)) {
    for (const { loc, msg } of detail as { loc?: (string | number)[]; msg?: string }[]) {
      const path = (loc ?? []).filter((part) => part !== 'body').join('.');
      found.push({ pointer: pointerTo(path || 'input'), detail: msg ?? said });
    }
  } else if (typeof detail === 'string') {
    for (const [, path = '', problem = ''] of detail.matchAll(/^\s*-\s*(input[\w.]*):\s*(.+)$/gm)) {
      const missing = /^(\w+) is required$/.exec(problem)?.[1];
      found.push({ pointer: pointerTo(missing ? `${path}.${missing}` : path), detail: problem });
    }
  }
  return found.length > 0 ? found : [{ pointer: '/payload/input', detail: said }];
}

function pointerTo(path: string): string {
  const parts = path.split('.').filter(Boolean);
  return `/payload/${(parts[0] === 'input' ? parts : ['input', ...parts]).join('/')}`;
}

/** https://replicate.com/docs/reference/error-codes, and the words of common runtimes. */
const OUT_OF_MEMORY = /\bE1001\b|out of memory|OutOfMemory/i;
const CONTENT =
  /\bE005\b|nsfw|flagged as sensitive|content (?:policy|moderation|filter)|safety (?:filter|checker|system)/i;
const LATE = /\bE6716\b|timed? ?out/i;

/** Why a prediction has come to nothing. */
export function failureOf({ id, raw }: RemoteJob<Prediction>): ConnectorError {
  const where = `The prediction ${id}${raw.urls?.web ? ` (${raw.urls.web})` : ''}`;
  if (raw.status === 'aborted') {
    return new ConnectorError('timeout', `${where} had not begun at its deadline (cancel_after)`);
  }
  if (raw.status === 'canceled') {
    if (raw.deadline && Date.parse(raw.completed_at ?? '') >= Date.parse(raw.deadline)) {
      return new ConnectorError('timeout', `${where} had not ended at its deadline (cancel_after)`);
    }
    return new ConnectorError('backend_error', `${where} was cancelled at Replicate, not by this job`, {
      retryable: false,
    });
  }
  const said = backendText(raw.error) || lastLine(raw.logs) || 'without a reason';
  const text = `${where} has failed: ${said}`;
  if (OUT_OF_MEMORY.test(said)) return new ConnectorError('out_of_memory', text);
  if (CONTENT.test(said)) return new ConnectorError('content_policy', text);
  return new ConnectorError(LATE.test(said) ? 'timeout' : 'backend_error', text);
}

function lastLine(logs: string | null | undefined): string {
  return (logs ?? '').trim().split('\n').at(-1)?.slice(0, 500) ?? '';
}
