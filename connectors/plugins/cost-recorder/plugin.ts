import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { ConnectorInterface, JobResult } from '../../contract/connector.ts';
import type { AttemptEnd, ConnectorPlugin, PluginEnvironment } from '../../contract/plugin.ts';
import { costFrom } from './cost.ts';
import { usageOf } from './usage.ts';

const price = z.coerce.number('must be a number').min(0, 'must be 0 or more');

const rate = z
  .strictObject({
    per_second: price.optional().describe('Of run time on the worker, failed attempts included'),
    per_job: price.optional().describe('Of a completed job'),
    per_output: price.optional().describe('Per file made'),
    per_million_input_tokens: price.optional(),
    per_million_output_tokens: price.optional(),
  })
  .refine((value) => Object.keys(value).length > 0, 'must have a price');

const options = z.strictObject({
  currency: z.string().min(1).default('USD'),
  rates: z
    .record(z.string(), rate)
    .default({})
    .describe('By service, or by service and pool as in `comfyui@heavy`; `*` is for all others'),
  file: z.string().min(1).default('costs.jsonl').describe('One JSON line per attempt; relative to SWITCHYARD_DATA_DIR'),
  in_result: z.boolean().default(true).describe("Whether the job's result gets `usage` and `cost`, where it has none"),
});

type Options = z.output<typeof options>;

/**
 * Records what each attempt took and cost: a line in a file, and fields in the job's result. What a connector says of its
 * cost stands; otherwise the rates count.
 */
export class CostRecorderPlugin implements ConnectorPlugin {
  static readonly options = options;
  readonly name = 'cost-recorder';
  readonly version = '1.0.0';
  readonly #options: Options;
  #file = '';

  constructor(given: Options) {
    this.#options = given;
  }

  async initialize(_connector: ConnectorInterface, { dataDir }: PluginEnvironment): Promise<void> {
    this.#file = resolve(dataDir, this.#options.file);
    await mkdir(dirname(this.#file), { recursive: true });
    // Now, not at the end of a paid job: whether the file can be written at all.
    await appendFile(this.#file, '');
  }

  async afterJobProcess(result: JobResult, end: AttemptEnd): Promise<JobResult> {
    const usage = usageOf(result, end);
    const { rates, currency } = this.#options;
    const cost = costFrom(result, usage, end, rates, currency);
    const { job } = end;
    const line = {
      time: new Date().toISOString(),
      job_id: job.id,
      tenant: job.tenant,
      service: job.type,
      connector: end.connector,
      pool: end.pool,
      attempt: end.attempt,
      outcome: end.outcome,
      code: end.code,
      model: usage.model,
      usage: { ...usage, model: undefined },
      cost,
    };
    // One write of one line: several processes may share the file.
    await appendFile(this.#file, `${JSON.stringify(line)}\n`);
    return end.outcome === 'completed' && this.#options.in_result ? withCost(result, usage, cost) : result;
  }
}

function withCost(result: JobResult, usage: object, cost: object | undefined): JobResult {
  const inner = result.result ?? {};
  // A list or a text has no place for it; the file has it.
  if (typeof inner !== 'object' || Array.isArray(inner)) return result;
  return { ...result, result: { usage, ...(cost ? { cost } : {}), ...inner } };
}
