import type { Anthropic } from '@anthropic-ai/sdk';
import { keepText } from '../base/hosted/keep-text.ts';
import { costOf } from '../base/hosted/token-prices.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { JobResult } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import type { GotMessage } from './get-message.ts';
import type { AnthropicSettings } from './settings.ts';

/** Why it stopped, in the words that all text services share; `stop_reason` has the vendor's own. */
const FINISHES: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  pause_turn: 'pause',
};

export interface FinishOptions extends GotMessage {
  jobId: string;
  connectorId: string;
  settings: AnthropicSettings;
  /** Name the job knows the model by; prices may be listed under it. */
  model: string;
  wantsJson: boolean;
  context: JobContext | undefined;
  startedAt: number;
}

/** @throws ConnectorError `content_policy` when the answer was refused or cut off */
export async function finishMessage(options: FinishOptions): Promise<JobResult> {
  const { message, settings, model, context } = options;
  const usage = usageOf(message.usage);
  const cost = usage && (costOf(settings.prices, message.model, usage) ?? costOf(settings.prices, model, usage));
  context?.logger.info(
    {
      model: message.model,
      request_id: options.requestId,
      token_usage: { prompt_tokens: usage?.input_tokens, completion_tokens: usage?.output_tokens },
      cost: cost?.amount,
      response_time_ms: Math.round(performance.now() - options.startedAt),
    },
    'text received',
  );
  if (message.stop_reason === 'refusal') throw refused(message, settings.host);
  const calls = message.content.flatMap((block) =>
    block.type === 'tool_use' ? [{ id: block.id, name: block.name, input: block.input }] : [],
  );
  const goesOn = message.stop_reason === 'tool_use' || message.stop_reason === 'pause_turn';
  const kept = await keepText(textOf(message), options.wantsJson, context);
  return {
    job_id: options.jobId,
    status: 'completed',
    result: {
      ...kept.fields,
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
      // A conversation that goes on sends these back as they are, thinking included.
      ...(goesOn ? { content: message.content } : {}),
      finish_reason: FINISHES[message.stop_reason ?? ''] ?? 'stop',
      stop_reason: message.stop_reason,
      ...(message.stop_sequence ? { stop_sequence: message.stop_sequence } : {}),
      model: message.model,
      response_id: message.id,
      request_id: options.requestId,
      ...(usage ? { usage } : {}),
      ...(cost ? { cost } : {}),
    },
    artifacts: kept.artifact ? [kept.artifact] : [],
    service_info: { connector_id: options.connectorId, service_job_id: message.id, model: message.model },
  };
}

export function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
}

/** The API counts what came from or went into the cache beside the rest of the input; here it is a part of it. */
function usageOf(usage: Anthropic.Usage | undefined) {
  if (!usage) return undefined;
  const cached_input_tokens = usage.cache_read_input_tokens ?? 0;
  const cache_write_tokens = usage.cache_creation_input_tokens ?? 0;
  const input_tokens = usage.input_tokens + cached_input_tokens + cache_write_tokens;
  const { output_tokens } = usage;
  return {
    input_tokens,
    cached_input_tokens,
    cache_write_tokens,
    output_tokens,
    reasoning_tokens: usage.output_tokens_details?.thinking_tokens ?? 0,
    total_tokens: input_tokens + output_tokens,
  };
}

function refused(message: Anthropic.Message, host: string): ConnectorError {
  const { category, explanation } = message.stop_details ?? {};
  const why = [category, explanation].filter(Boolean).join(': ');
  const tokens = message.usage?.output_tokens;
  const charged = tokens ? `; ${tokens} tokens were written and charged before` : '';
  return new ConnectorError('content_policy', `${host} has refused to answer${why ? ` (${why})` : ''}${charged}`);
}
