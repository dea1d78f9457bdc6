import type { ArtifactRef } from '../../contract/artifact.ts';
import { costOf, type Cost } from '../base/token-prices.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobResult } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { OpenAiSettings } from './settings.ts';
import type { TextAnswer } from './text-answer.ts';

/** A longer text becomes an artifact; the result, which Temporal carries, keeps its beginning. Bytes. */
const MAX_INLINE = 128 * 1_024;

/** What a text job gives back. */
export interface TextResult extends Omit<TextAnswer, 'tool_calls' | 'reattached'> {
  /** The text was long: it is whole in the artifact, and here is its beginning. */
  text_truncated?: true;
  /** The text as JSON, when JSON was asked for. */
  json?: unknown;
  tool_calls?: TextAnswer['tool_calls'];
  cost?: Cost;
  reattached?: true;
}

export interface FinishOptions {
  jobId: string;
  connectorId: string;
  answer: TextAnswer;
  settings: OpenAiSettings;
  /** Name the job knows the model by; prices may be listed under it. */
  model: string;
  wantsJson: boolean;
  context: JobContext | undefined;
  startedAt: number;
}

/**
 * @throws ConnectorError `content_policy` when the service has cut the answer off
 */
export async function finishText(options: FinishOptions): Promise<JobResult> {
  const { answer, settings, model, context } = options;
  const { tool_calls, reattached, text, ...facts } = answer;
  const cost =
    answer.usage &&
    (costOf(settings.prices, answer.model, answer.usage) ?? costOf(settings.prices, model, answer.usage));
  context?.logger.info(
    {
      model: answer.model,
      request_id: answer.request_id,
      token_usage: { prompt_tokens: answer.usage?.input_tokens, completion_tokens: answer.usage?.output_tokens },
      cost: cost?.amount,
      response_time_ms: Math.round(performance.now() - options.startedAt),
    },
    'text received',
  );
  if (answer.finish_reason === 'content_filter') throw filtered(answer, settings.host);
  const kept = await keepText(text, options.wantsJson, context);
  const json = options.wantsJson ? parsed(text) : undefined;
  const result: TextResult = {
    ...kept.fields,
    ...(json === undefined || kept.artifact ? {} : { json }),
    ...facts,
    ...(tool_calls.length > 0 ? { tool_calls } : {}),
    ...(cost ? { cost } : {}),
    ...(reattached ? { reattached } : {}),
  };
  return {
    job_id: options.jobId,
    status: 'completed',
    result,
    artifacts: kept.artifact ? [kept.artifact] : [],
    service_info: { connector_id: options.connectorId, service_job_id: answer.response_id, model: answer.model },
  };
}

function filtered(answer: TextAnswer, host: string): ConnectorError {
  const tokens = answer.usage?.output_tokens;
  const charged = tokens ? `; ${tokens} tokens were written and charged before` : '';
  return new ConnectorError('content_policy', `The content filter of ${host} has stopped the answer${charged}`);
}

async function keepText(
  text: string,
  json: boolean,
  context: JobContext | undefined,
): Promise<{ fields: { text: string; text_truncated?: true }; artifact?: ArtifactRef }> {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_INLINE || !context) return { fields: { text } };
  const artifact = await context.writeOutput(bytes, {
    name: json ? 'answer.json' : 'answer.txt',
    mime: json ? 'application/json' : 'text/plain',
  });
  // A character of more bytes that the cut has hit is left out.
  const beginning = bytes
    .subarray(0, 16_384)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
  return { fields: { text: beginning, text_truncated: true }, artifact };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
