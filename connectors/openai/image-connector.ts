import { readPayload } from '../base/read-payload.ts';
import { costOf } from '../base/hosted/token-prices.ts';
import { ConnectorError } from '../contract/connector-error.ts';
import type { ConnectorConfig, JobData, JobResult, ProgressCallback } from '../contract/connector.ts';
import type { JobContext } from '../contract/job-context.ts';
import { readEditInputs, type EditInputs } from './edit-inputs.ts';
import { imagePayload, type ImagePayload } from './image-payload.schema.ts';
import { imageProblems } from './image-rules.ts';
import { makePictures, type MadePictures } from './make-pictures.ts';
import { OpenAIConnector } from './openai-connector.ts';
import { PaidCall } from '../base/hosted/paid-call.ts';
import { storePictures } from './store-pictures.ts';

/** Pictures from words, or from pictures and words. */
export class OpenAIImageConnector extends OpenAIConnector {
  service_type = 'openai-image';
  protected readonly features = ['generation', 'edit', 'partial_images', 'cost'];

  constructor(connectorId = 'openai-image', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, { service_type: 'openai-image', ...config });
  }

  protected async processJobImpl(job: JobData, report: ProgressCallback, context?: JobContext): Promise<JobResult> {
    if (!context) throw new ConnectorError('internal', 'openai-image needs a job context to read and write pictures');
    const payload = readPayload(imagePayload, job.payload);
    const startedAt = performance.now();
    const { api } = this;
    const { settings } = api;
    const model = await this.modelFor(payload.model, settings.image_model, 'OPENAI_IMAGE_MODEL', context.signal);
    refuseImpossible(model, payload);
    const inputs = await readEditInputs(payload, context);
    const paid = new PaidCall({
      api,
      jobId: job.id,
      context,
      payload,
      model,
      ifLost: payload.if_lost,
      charge: `${payload.n} ${payload.n === 1 ? 'picture' : 'pictures'} by ${model}`,
      tokens: { input: 0, output: 0 },
    });
    paid.refuseToRepeat();
    const made = await makePictures({ api, payload, model, inputs, paid, context, report, jobId: job.id });
    const artifacts = await storePictures(made, payload, api, context);
    void report({
      job_id: job.id,
      progress: 100,
      message: made.pictures.length === 1 ? 'done' : `${made.pictures.length} pictures`,
    });
    const cost = costOf(settings.prices, model, {
      input_tokens: made.usage?.input_tokens ?? 0,
      image_input_tokens: made.usage?.input_tokens_details?.image_tokens ?? 0,
      output_tokens: made.usage?.output_tokens ?? 0,
      pictures: made.pictures.length,
    });
    context.logger.info(
      {
        model,
        request_id: made.requestId,
        token_usage: { prompt_tokens: made.usage?.input_tokens, completion_tokens: made.usage?.output_tokens },
        cost: cost?.amount,
        response_time_ms: Math.round(performance.now() - startedAt),
      },
      'pictures received',
    );
    return {
      job_id: job.id,
      status: 'completed',
      artifacts,
      result: { ...resultOf(made, model, inputs), ...(cost ? { cost } : {}) },
      service_info: { connector_id: this.connector_id, model },
    };
  }
}

function resultOf(made: MadePictures, model: string, inputs: EditInputs | undefined) {
  const revised = made.pictures.flatMap(({ revised_prompt }) => (revised_prompt ? [revised_prompt] : []));
  return {
    model,
    pictures: made.pictures.length,
    edited: inputs !== undefined,
    ...made.described,
    ...(revised.length > 0 ? { revised_prompts: revised } : {}),
    ...(made.usage ? { usage: made.usage } : {}),
    request_id: made.requestId,
  };
}

/** What the schema could not see: the operator's own model. */
function refuseImpossible(model: string, payload: ImagePayload): void {
  const problems = imageProblems(model, payload);
  if (problems.length === 0) return;
  const text = problems.map(({ field, problem }) => `/payload/${field} ${problem}`).join('; ');
  throw new ConnectorError('validation', `The payload is not valid: ${text}`, {
    errors: problems.map(({ field, problem }) => ({ pointer: `/payload/${field}`, detail: problem })),
  });
}
