import type { ConnectorConfig } from '../contract/connector.ts';
import type { JobAnswer } from './answer.ts';
import { RestConnector, type RestJob, type RestTarget } from './rest-connector.ts';

/** Services that answer a request with the result. A cancel hangs up. */
export class RestSyncConnector extends RestConnector<'sync'> {
  protected readonly kind = 'sync' as const;

  constructor(connectorId = 'rest-sync', config: Partial<ConnectorConfig> = {}) {
    super(connectorId, config);
  }

  protected async work({ runtime, answers }: RestTarget<'sync'>, job: RestJob): Promise<JobAnswer> {
    const request = await runtime.submit(job.scope, job.files);
    // A file goes straight to the store, which has a limit of its own.
    const unlimited = runtime.service.response.as === 'binary' ? { max_response_bytes: Infinity } : {};
    const response = await runtime.sendSubmission({ ...request, ...unlimited, signal: job.signal }, job.scope);
    await job.report(50, 'answered');
    return answers.collect(response, job.scope, job.context);
  }
}
