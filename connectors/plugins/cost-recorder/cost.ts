import type { JobResult } from '../../contract/connector.ts';
import type { AttemptEnd } from '../../contract/plugin.ts';
import type { AttemptUsage } from './usage.ts';

export interface Rate {
  per_second?: number;
  per_job?: number;
  per_output?: number;
  per_million_input_tokens?: number;
  per_million_output_tokens?: number;
}

export type Rates = Readonly<Record<string, Rate>>;

export interface RecordedCost {
  amount: number;
  currency: string;
  /** Who says so: the connector in its result, or the rates of the configuration. */
  source: 'connector' | 'rates';
}

/** undefined where neither the connector nor a rate says anything. */
export function costFrom(
  result: JobResult,
  usage: AttemptUsage,
  end: AttemptEnd,
  rates: Rates,
  currency: string,
): RecordedCost | undefined {
  const { cost } = (result.result ?? {}) as { cost?: { amount?: unknown; currency?: unknown } };
  if (typeof cost?.amount === 'number') {
    const said = typeof cost.currency === 'string' ? cost.currency : currency;
    return { amount: cost.amount, currency: said, source: 'connector' };
  }
  const { type } = end.job;
  const rate = rates[`${type}@${end.pool}`] ?? rates[type] ?? rates['*'];
  if (!rate) return undefined;
  const once = end.outcome === 'completed' ? (rate.per_job ?? 0) : 0;
  const tokens =
    ((usage.input_tokens ?? 0) * (rate.per_million_input_tokens ?? 0) +
      (usage.output_tokens ?? 0) * (rate.per_million_output_tokens ?? 0)) /
    1e6;
  const amount = once + usage.seconds * (rate.per_second ?? 0) + usage.outputs * (rate.per_output ?? 0) + tokens;
  return { amount: Math.round(amount * 1e9) / 1e9, currency, source: 'rates' };
}
