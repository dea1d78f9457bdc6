import type { JobLogFacts } from '../../contract/job-log.ts';
import type { LogFields } from '../../contract/log-fields.ts';

/** What hosted families give back, as far as a log wants it. */
interface HostedResult {
  model?: string;
  request_id?: string;
  response_id?: string;
  finish_reason?: string;
  stop_reason?: string;
  pictures?: number;
  usage?: { input_tokens?: number; output_tokens?: number; cached_input_tokens?: number; reasoning_tokens?: number };
  cost?: { amount?: number; currency?: string };
}

/** Normalized log fields of hosted models: the request's facts, and what it took. */
export function hostedLogFields({ job, result: end, durationMs }: JobLogFacts): LogFields {
  const payload = job.payload as { model?: unknown } | undefined;
  const result = (end?.result ?? {}) as HostedResult;
  const { usage, cost } = result;
  return {
    model: result.model ?? payload?.model,
    request_id: result.request_id,
    response_id: result.response_id,
    finish_reason: result.finish_reason,
    stop_reason: result.stop_reason,
    pictures: result.pictures,
    token_usage: usage && {
      prompt_tokens: usage.input_tokens,
      completion_tokens: usage.output_tokens,
      cached_tokens: usage.cached_input_tokens,
      reasoning_tokens: usage.reasoning_tokens,
    },
    cost: cost?.amount,
    cost_currency: cost?.currency,
    response_time_ms: durationMs,
  };
}
