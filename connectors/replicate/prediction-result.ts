import { collectFiles } from '../base/hosted/collect-files.ts';
import { keepOutput } from '../base/hosted/keep-output.ts';
import { keepText } from '../base/hosted/keep-text.ts';
import { costOf, type Cost } from '../base/hosted/token-prices.ts';
import type { RemoteResult } from '../base/hosted/remote-job.ts';
import type { JobResult } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { Prediction } from './documents.ts';
import type { ReplicateApi } from './replicate-api.ts';

/** Where Replicate lays outputs down, for about an hour. */
const DELIVERY = /(?:^|\.)replicate\.(?:delivery|com)$/;

export interface FinishOptions {
  jobId: string;
  connectorId: string;
  api: ReplicateApi;
  /** Name without version; prices are listed under it. */
  name: string;
  result: RemoteResult<Prediction>;
  context: JobContext;
  startedAt: number;
}

/** Fetches what a prediction has made, at once: its files are gone in an hour. */
export async function finishPrediction(options: FinishOptions): Promise<JobResult> {
  const { api, context, name, result } = options;
  const { raw, id } = result.job;
  const home = new URL(api.settings.base_url).origin;
  const { output, artifacts } = await collectFiles(raw.output, {
    context,
    isFile: ({ text }) => {
      const { hostname, origin } = new URL(text);
      return DELIVERY.test(hostname) || origin === home;
    },
    open: (url) => api.open(url, { signal: context.signal, max_response_bytes: Infinity }),
  });
  const text = artifacts.length > 0 ? undefined : textOf(output);
  const kept = text === undefined ? await keepOutput(output, context) : await keepText(text, false, context);
  if (kept.artifact) artifacts.push(kept.artifact);
  const metrics = raw.metrics ?? {};
  const cost = costOfPrediction(api, name, metrics);
  context.logger.info(
    {
      model: name,
      prediction: id,
      predict_time: metrics['predict_time'],
      cost: cost?.amount,
      response_time_ms: Math.round(performance.now() - options.startedAt),
    },
    'prediction received',
  );
  return {
    job_id: options.jobId,
    status: 'completed',
    artifacts,
    result: {
      ...kept.fields,
      model: raw.model ?? name,
      ...(raw.version ? { version: raw.version } : {}),
      prediction_id: id,
      metrics,
      ...(raw.urls?.web ? { web_url: raw.urls.web } : {}),
      ...(cost ? { cost } : {}),
      ...(result.reattached ? { reattached: true } : {}),
    },
    service_info: { connector_id: options.connectorId, service_job_id: id, model: name },
  };
}

/** Language models give their text in pieces. */
export function textOf(output: unknown): string | undefined {
  if (typeof output === 'string') return output;
  const pieces = Array.isArray(output) && output.length > 0 && output.every((piece) => typeof piece === 'string');
  return pieces ? output.join('') : undefined;
}

function costOfPrediction(api: ReplicateApi, name: string, metrics: Record<string, unknown>): Cost | undefined {
  const number = (field: string) => (typeof metrics[field] === 'number' ? metrics[field] : 0);
  return costOf(api.settings.prices, name, {
    input_tokens: number('input_token_count'),
    output_tokens: number('output_token_count'),
    pictures: number('image_count'),
    seconds: number('predict_time'),
    runs: 1,
  });
}
