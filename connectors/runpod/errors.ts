import { explainFailure } from '../base/hosted/explain-failure.ts';
import type { ErrorFacts } from '../base/hosted/hosted-api.ts';
import { Refusal } from '../base/hosted/plain-client.ts';
import type { RemoteJob } from '../base/hosted/remote-job.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import { backendText } from '../http/backend-text.ts';
import { retryAfterOf } from '../http/retry-after.ts';
import { codeOfStatus } from '../http/status-codes.ts';
import type { RunDocument } from './documents.ts';

/** Limits are per ten seconds, and the API rarely says how long to wait. Milliseconds. */
const WINDOW = 10_000;

/** Whatever a call threw, in the words of the one table. */
export function explainError(error: unknown, facts: ErrorFacts): ConnectorError {
  return explainFailure(error, facts, (thrown) => (thrown instanceof Refusal ? refused(thrown, facts) : undefined));
}

function refused({ status, body }: Refusal, { exchange, host, hide }: ErrorFacts): ConnectorError {
  const said = hide(backendText(body)) || 'nothing';
  const { code, retryable } = codeOfStatus(status);
  const wait = retryAfterOf(exchange.headers, Date.now());
  return new ConnectorError(code, `${host} says (HTTP ${status}): ${said}`, {
    retryable,
    retry_after_ms: status === 429 ? (wait ?? WINDOW) : wait,
    errors: code === 'validation' ? [{ pointer: '/payload/input', detail: said }] : undefined,
  });
}

const OUT_OF_MEMORY = /out of memory|OutOfMemory|\bOOM\b/i;

/** Why a job has come to nothing. */
export function failureOf({ id, status, raw }: RemoteJob<RunDocument>): ConnectorError {
  const where = `The job ${id}${raw.workerId ? ` on the worker ${raw.workerId}` : ''}`;
  if (status === 'cancelled') {
    const text = `${where} was cancelled at RunPod, not by this job`;
    return new ConnectorError('backend_error', text, { retryable: false });
  }
  if (raw.status === 'TIMED_OUT') {
    const text = `${where} has run into its time limit (execution_timeout, or the setting of the endpoint; ttl)`;
    return new ConnectorError('timeout', text);
  }
  const said = handlerError(raw.error) || handlerError(raw.output) || 'without a reason';
  return new ConnectorError(
    OUT_OF_MEMORY.test(said) ? 'out_of_memory' : 'backend_error',
    `${where} has failed: ${said}`,
  );
}

/** Handlers' exceptions come as JSON in a text: `{"error_type": …, "error_message": …, "error_traceback": …}`. */
function handlerError(error: unknown): string {
  const document = typeof error === 'string' && error.startsWith('{') ? parsed(error) : error;
  if (typeof document !== 'object' || document === null) return backendText(document ?? '');
  const { error_type, error_message } = document as { error_type?: unknown; error_message?: unknown };
  if (typeof error_message !== 'string') return backendText(document);
  // Python's own way to show a class.
  const type = typeof error_type === 'string' ? (/'([\w.]+)'/.exec(error_type)?.[1] ?? error_type) : '';
  return backendText([type, error_message].filter(Boolean).join(': '));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
