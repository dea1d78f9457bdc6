import { keepText, type KeptText } from '../base/hosted/keep-text.ts';
import { costOf, type Cost } from '../base/hosted/token-prices.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobResult } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { OpenAiSettings } from './settings.ts';
import type { TextAnswer } from './text-answer.ts';

/** What a text job gives back. */
export type TextResult = Omit<TextAnswer, 'text' | 'tool_calls' | 'reattached'> &
  KeptText['fields'] & {
    tool_calls?: TextAnswer['tool_calls'];
    cost?: Cost;
    reattached?: true;
  };

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
  const result: TextResult = {
    ...kept.fields,
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
