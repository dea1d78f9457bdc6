import { Pictures } from '../base/hosted/pictures.ts';
import { readPayload } from '../base/read-payload.ts';
import type { ConnectorConfig, JobData, JobResult, ProgressCallback } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import { MAX_PICTURES, pictureOf, type Part } from './conversation.ts';
import { getText } from './get-text.ts';
import { OpenAIConnector } from './openai-connector.ts';
import { visionPayload, type VisionPayload } from './vision-payload.schema.ts';

/** Questions about pictures. */
export class OpenAIVisionConnector extends OpenAIConnector {
  service_type = 'openai-vision';
  protected readonly features = ['streaming', 'background', 'reattach', 'json', 'cost'];

  constructor(connectorId = 'openai-vision', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, { service_type: 'openai-vision', ...config });
  }

  protected async processJobImpl(job: JobData, report: ProgressCallback, context?: JobContext): Promise<JobResult> {
    const payload = readPayload(visionPayload, job.payload);
    const { api } = this;
    const model = await this.modelFor(payload.model, api.settings.vision_model, 'OPENAI_VISION_MODEL', context?.signal);
    const parts: Part[] = [...(await picturesOf(payload, context)), { type: 'text', text: payload.question }];
    const turns = [{ role: 'user' as const, parts }];
    return getText({ api, jobId: job.id, connectorId: this.connector_id, payload, model, turns, report, context });
  }
}

async function picturesOf(payload: VisionPayload, context: JobContext | undefined): Promise<Part[]> {
  const pictures = new Pictures(context, MAX_PICTURES);
  const named = [
    { reference: payload.image, pointer: '/payload/image' },
    ...(payload.images ?? []).map((reference, index) => ({ reference, pointer: `/payload/images/${index}` })),
  ];
  const parts: Part[] = [];
  for (const { reference, pointer } of named) {
    parts.push(await pictureOf(pictures, reference, pointer, payload.detail));
  }
  return parts;
}
