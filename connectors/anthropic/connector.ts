import type { Anthropic } from '@anthropic-ai/sdk';
import { HostedConnector } from '../base/hosted/hosted-connector.ts';
import { PaidCall } from '../base/hosted/paid-call.ts';
import { Pictures } from '../base/hosted/pictures.ts';
import { Writing } from '../base/hosted/writing.ts';
import { readPayload } from '../base/read-payload.ts';
import type { ConnectorConfig, JobData, JobResult, ProgressCallback } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import { createAnthropicApi, type AnthropicApi } from './anthropic-api.ts';
import { getMessage } from './get-message.ts';
import { estimateTokens, MAX_PICTURES, messageBody } from './message-body.ts';
import { finishMessage, textOf } from './message-result.ts';
import { messagePayload } from './payload.schema.ts';
import { readSettings, variables, type AnthropicSettings } from './settings.ts';

/** Texts by Claude, token by token, about pictures too. */
export class AnthropicConnector extends HostedConnector<Anthropic, AnthropicSettings> {
  service_type = 'anthropic';
  protected readonly features = ['streaming', 'vision', 'tools', 'thinking', 'json', 'cost'];

  constructor(connectorId = 'anthropic', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, { service_type: 'anthropic', ...config });
  }

  static override getRequiredEnvVars(): Record<string, string> {
    return variables();
  }

  protected nameOf({ official, host }: AnthropicSettings): string {
    return official ? 'Anthropic' : `Anthropic protocol at ${host}`;
  }

  protected connect(settings: AnthropicSettings): AnthropicApi {
    return createAnthropicApi(settings);
  }

  protected readSettings(config: Partial<ConnectorConfig>): AnthropicSettings {
    return readSettings(config, process.env);
  }

  protected async processJobImpl(job: JobData, report: ProgressCallback, context?: JobContext): Promise<JobResult> {
    const startedAt = performance.now();
    const payload = readPayload(messagePayload, job.payload);
    const { api } = this;
    const { settings } = api;
    const model = await this.modelFor(payload.model, settings.model, 'ANTHROPIC_MODEL', context?.signal);
    const maxTokens = payload.max_tokens ?? settings.max_tokens;
    const body = await messageBody(payload, model, maxTokens, new Pictures(context, MAX_PICTURES));
    const input = estimateTokens(body);
    const writing = new Writing({ jobId: job.id, report, live: context?.live, maxTokens });
    const paid = new PaidCall<Anthropic>({
      api,
      jobId: job.id,
      context,
      payload,
      model,
      ifLost: payload.if_lost,
      charge: `about ${input} input tokens and up to ${maxTokens} output tokens of ${model}`,
      tokens: { input, output: maxTokens },
    });
    const { stream, betas, format } = payload;
    const got = await getMessage({ body, stream, betas, paid, writing, signal: context?.signal });
    writing.done(textOf(got.message), got.message.usage?.output_tokens);
    return finishMessage({
      ...got,
      jobId: job.id,
      connectorId: this.connector_id,
      settings,
      model,
      wantsJson: format !== undefined,
      context,
      startedAt,
    });
  }
}
