import { ConnectorError } from '../contract/connector-error.ts';
import type { JobResult, ProgressCallback } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import { runChat } from './chat-run.ts';
import { estimateTokens, type Turn } from './conversation.ts';
import type { OpenAiApi } from './openai-api.ts';
import { PaidCall } from '../base/hosted/paid-call.ts';
import { runResponse } from './response-run.ts';
import type { OpenAiSettings } from './settings.ts';
import type { TextPayload } from './text-payload.schema.ts';
import { finishText } from './text-result.ts';
import { Writing } from '../base/hosted/writing.ts';

/** Of text and vision jobs alike. */
type TextOptions = Omit<TextPayload, 'prompt' | 'messages'>;

export interface TextRequest {
  api: OpenAiApi;
  jobId: string;
  connectorId: string;
  payload: TextOptions;
  model: string;
  turns: Turn[];
  report: ProgressCallback;
  context: JobContext | undefined;
}

/** `max_output_tokens` of `POST /responses` has this minimum in OpenAI's OpenAPI document (2.3.0). */
const LEAST_RESPONSE_TOKENS = 16;

/** Has a text written, by the API that suits the job and the server. */
export async function getText(request: TextRequest): Promise<JobResult> {
  const { api, jobId, payload, model, turns, report, context } = request;
  const startedAt = performance.now();
  const { settings } = api;
  const maxTokens = payload.max_output_tokens;
  const input = estimateTokens(turns, payload.instructions);
  const through = apiFor(payload, settings);
  if (through === 'responses' && maxTokens !== undefined && maxTokens < LEAST_RESPONSE_TOKENS) {
    const detail = `is ${maxTokens}; the responses API takes ${LEAST_RESPONSE_TOKENS} or more, chat completions ("api": "chat") any number`;
    throw new ConnectorError('validation', `payload.max_output_tokens ${detail}`, {
      errors: [{ pointer: '/payload/max_output_tokens', detail }],
    });
  }
  const job = {
    api,
    context,
    signal: context?.signal,
    wish: { ...payload, model, turns },
    writing: new Writing({ jobId, report, live: context?.live, maxTokens }),
    stream: payload.stream,
    background: through === 'responses' && inBackground(payload, settings),
    paid: new PaidCall({
      api,
      jobId,
      context,
      payload,
      model,
      ifLost: payload.if_lost,
      charge: `about ${input} input tokens and ${maxTokens ? `up to ${maxTokens}` : 'any number of'} output tokens of ${model}`,
      tokens: { input, output: maxTokens ?? 0 },
    }),
  };
  const answer = await (through === 'responses' ? runResponse(job) : runChat(job));
  job.writing.done(answer.text, answer.usage?.output_tokens);
  return finishText({
    jobId,
    connectorId: request.connectorId,
    answer,
    settings,
    model,
    wantsJson: payload.format !== undefined && payload.format.type !== 'text',
    context,
    startedAt,
  });
}

/** What the job says, what only one of them can do, what the operator says. */
function apiFor(payload: TextOptions, settings: OpenAiSettings): 'responses' | 'chat' {
  if (payload.api) return payload.api;
  if (payload.background || payload.previous_response_id !== undefined) return 'responses';
  if (payload.stop || payload.seed !== undefined) return 'chat';
  if (settings.api !== 'auto') return settings.api;
  return settings.official ? 'responses' : 'chat';
}

function inBackground(payload: TextOptions, settings: OpenAiSettings): boolean {
  if (payload.background !== undefined) return payload.background;
  if (payload.store === false) return false;
  return settings.background === 'auto' ? settings.official : settings.background === 'true';
}
