import { Pictures } from '../base/hosted/pictures.ts';
import { readPayload } from '../base/read-payload.ts';
import type { ConnectorConfig, JobData, JobResult, ProgressCallback } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import { MAX_PICTURES, turnsOf } from './conversation.ts';
import { getText } from './get-text.ts';
import { OpenAIConnector } from './openai-connector.ts';
import { textPayload } from './text-payload.schema.ts';

/** Texts: a prompt or a conversation, answered token by token. */
export class OpenAITextConnector extends OpenAIConnector {
  service_type = 'openai-text';
  protected readonly features = ['streaming', 'background', 'reattach', 'tools', 'json', 'vision', 'cost'];

  constructor(connectorId = 'openai-text', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, { service_type: 'openai-text', ...config });
  }

  protected async processJobImpl(job: JobData, report: ProgressCallback, context?: JobContext): Promise<JobResult> {
    const payload = readPayload(textPayload, job.payload);
    const { api } = this;
    const model = await this.modelFor(payload.model, api.settings.text_model, 'OPENAI_TEXT_MODEL', context?.signal);
    const turns = await turnsOf(payload, new Pictures(context, MAX_PICTURES));
    return getText({ api, jobId: job.id, connectorId: this.connector_id, payload, model, turns, report, context });
  }
}
