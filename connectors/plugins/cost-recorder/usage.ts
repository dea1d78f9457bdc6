import type { JobResult } from '../../contract/connector.ts';
import type { AttemptEnd } from '../../contract/plugin.ts';

/** What an attempt took. */
export interface AttemptUsage {
  seconds: number;
  outputs: number;
  output_bytes: number;
  input_tokens?: number;
  output_tokens?: number;
  model?: string;
}

/** From what every result has, and what those of hosted models say of tokens. */
export function usageOf(result: JobResult, end: AttemptEnd): AttemptUsage {
  const { usage, model } = (result.result ?? {}) as { usage?: Record<string, unknown>; model?: unknown };
  const artifacts = result.artifacts ?? [];
  return {
    seconds: Math.round(end.durationMs) / 1_000,
    outputs: artifacts.length,
    output_bytes: artifacts.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
    input_tokens: count(usage?.['input_tokens'] ?? usage?.['prompt_tokens']),
    output_tokens: count(usage?.['output_tokens'] ?? usage?.['completion_tokens']),
    model: typeof model === 'string' ? model : undefined,
  };
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
